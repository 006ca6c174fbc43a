//! Findings: what is right and wrong with a deployment, and how to fix it.
//!
//! Reading the configuration finds errors and warnings, and `check` adds what it finds by trying the deployment.
//! `serve` does not start with an error of the configuration, and logs the warnings.

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

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How serious it is.
    #[serde(rename = "mark")]
    pub severity: Severity,
    /// What it is about, such as a variable or `folder 341029`.
    pub subject: String,
    /// What was found and how to fix it; completes a sentence that starts with the subject.
    #[serde(rename = "sentence")]
    pub message: String,
    /// The line of the rules file that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

impl Finding {
    /// A finding about what is as it should be.
    pub fn ok(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Ok, subject, message)
    }

    /// A finding that a person should look at.
    pub fn warning(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, subject, message)
    }

    /// A finding about what does not work.
    pub fn error(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, subject, message)
    }

    fn new(severity: Severity, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity,
            subject: subject.into(),
            message: message.into(),
            line: None,
        }
    }
}
