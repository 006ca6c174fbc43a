//! What is wrong with the configuration, all of it at once.

use std::fmt;

/// One thing wrong with a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it and what to do.
    pub what: String,
}

/// Everything wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let plural = if count == 1 { "" } else { "s" };
        writeln!(formatter, "{count} problem{plural} in the configuration:\n")?;
        let width = self
            .problems
            .iter()
            .map(|problem| problem.variable.len())
            .max()
            .unwrap_or(0);
        for Problem { variable, what } in &self.problems {
            writeln!(formatter, "  {variable:width$}  {what}")?;
        }
        write!(formatter, "\nconfig.example.env shows every variable.")
    }
}

/// Collects problems while values are read.
#[derive(Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, variable: &'static str, what: impl Into<String>) {
        self.0.push(Problem {
            variable,
            what: what.into(),
        });
    }

    /// The value, or an empty one and a problem.
    pub(super) fn require(
        &mut self,
        variable: &'static str,
        value: Option<&str>,
        what: &str,
    ) -> String {
        let value = value.map(str::to_owned);
        value.unwrap_or_else(|| {
            self.add(variable, format!("is not set: {what}"));
            String::new()
        })
    }

    /// Forgets the problems of all other variables.
    pub(super) fn keep_only(&mut self, variables: &[&str]) {
        self.0
            .retain(|problem| variables.contains(&problem.variable));
    }

    /// What was made of the values, if there was no problem with them.
    pub(super) fn or<T>(self, made: T) -> Result<T, ConfigError> {
        if self.0.is_empty() {
            Ok(made)
        } else {
            Err(ConfigError { problems: self.0 })
        }
    }
}
