//! The report of a check.

use serde::Serialize;

use crate::finding::{Finding, Severity};

/// The findings about one part of the deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The part.
    pub name: &'static str,
    /// In the order in which to fix them.
    pub findings: Vec<Finding>,
}

/// All findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// One section for each part.
    pub sections: Vec<Section>,
}

impl CheckReport {
    /// The number of findings of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        let findings = self.sections.iter().flat_map(|section| &section.findings);
        findings
            .filter(|finding| finding.severity == severity)
            .count()
    }
}
