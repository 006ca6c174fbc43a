//! Why the configuration cannot be used: all problems at once.

use std::fmt;

use crate::finding::{Finding, Severity};

/// Everything wrong with the configuration or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// At least one error.
    pub problems: Vec<Finding>,
}

impl ConfigError {
    /// The errors among these findings, if there are any.
    pub(super) fn of(findings: &[Finding]) -> Result<(), Self> {
        let is_error = |finding: &&Finding| finding.severity == Severity::Error;
        let problems: Vec<Finding> = findings.iter().filter(is_error).cloned().collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self { problems })
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let plural = if count == 1 { "" } else { "s" };
        writeln!(formatter, "{count} problem{plural} in the configuration:\n")?;
        let names = self.problems.iter().map(|problem| problem.subject.len());
        let width = names.max().unwrap_or(0);
        for problem in &self.problems {
            writeln!(
                formatter,
                "  {:width$}  {}",
                problem.subject, problem.message
            )?;
        }
        write!(formatter, "\nSee config.example.env for every variable.")
    }
}
