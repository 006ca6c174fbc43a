//! Problems with the configuration, all of them at once.

use std::fmt;

/// One problem with a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it and how to fix it.
    pub what: String,
}

/// Everything wrong with the configuration or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// At least one problem.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let plural = if count == 1 { "" } else { "s" };
        writeln!(formatter, "{count} problem{plural} in the configuration:\n")?;
        let names = self.problems.iter().map(|problem| problem.variable.len());
        let width = names.max().unwrap_or(0);
        for Problem { variable, what } in &self.problems {
            writeln!(formatter, "  {variable:width$}  {what}")?;
        }
        write!(formatter, "\nSee config.example.env for every variable.")
    }
}
