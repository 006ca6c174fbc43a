//! Why the configuration cannot be used: all problems at once.

use std::fmt;

use crate::finding::{Finding, Severity};

/// Everything wrong with the configuration or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// At least one error.
    pub problems: Vec<Finding>,
    /// The warnings that were found with them. They may name the cause, such as a misspelt variable.
    pub warnings: Vec<Finding>,
}

impl ConfigError {
    /// The errors among these findings, if there are any.
    pub(super) fn of(findings: &[Finding]) -> Result<(), Self> {
        let (problems, warnings): (Vec<Finding>, Vec<Finding>) = findings
            .iter()
            .cloned()
            .partition(|finding| finding.severity == Severity::Error);
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self { problems, warnings })
        }
    }
}

impl ConfigError {
    /// The errors in one line, for the log.
    pub fn in_one_line(&self) -> String {
        let problems = self.problems.iter();
        let problems = problems.map(|problem| format!("{} {}", problem.subject, problem.message));
        let problems: Vec<String> = problems.collect();
        problems.join("; ").replace('\n', " ")
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let plural = if count == 1 { "" } else { "s" };
        writeln!(formatter, "{count} problem{plural} in the configuration:\n")?;
        write_table(formatter, &self.problems)?;
        if !self.warnings.is_empty() {
            writeln!(formatter, "\nWarnings:\n")?;
            write_table(formatter, &self.warnings)?;
        }
        write!(formatter, "\nSee config.example.env for every variable.")
    }
}

fn write_table(formatter: &mut fmt::Formatter<'_>, findings: &[Finding]) -> fmt::Result {
    let names = findings.iter().map(|finding| finding.subject.len());
    let width = names.max().unwrap_or(0);
    for Finding {
        subject, message, ..
    } in findings
    {
        writeln!(formatter, "  {subject:width$}  {message}")?;
    }
    Ok(())
}
