//! What the check found.

use serde::Serialize;

/// How serious a finding is. The names in JSON are read by scripts and therefore kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Severity {
    /// As it should be.
    #[serde(rename = "good")]
    Ok,
    /// It works or may work, but a person should look at it.
    #[serde(rename = "warning")]
    Warning,
    /// It does not work.
    #[serde(rename = "wrong")]
    Error,
}

/// The result of one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How serious it is.
    #[serde(rename = "mark")]
    pub severity: Severity,
    /// What was tested, such as a variable or `folder 341029`.
    pub subject: String,
    /// What was found and how to fix it; completes a sentence that starts with the subject.
    #[serde(rename = "sentence")]
    pub message: String,
}

impl Finding {
    pub(super) fn ok(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Ok, subject, message)
    }

    pub(super) fn warning(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, subject, message)
    }

    pub(super) fn error(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, subject, message)
    }

    fn new(severity: Severity, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity,
            subject: subject.into(),
            message: message.into(),
        }
    }
}

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
