//! Collects the errors and warnings about a rules file, each with its line, rule and field.

use std::cell::RefCell;
use std::ops::Range;

use crate::finding::{Finding, Severity};

/// The findings about a file that is being read.
#[derive(Debug)]
pub(crate) struct Diagnostics<'f> {
    file_name: String,
    text: &'f str,
    /// With their lines.
    findings: RefCell<Vec<(usize, Finding)>>,
}

impl<'f> Diagnostics<'f> {
    pub(crate) fn new(file_name: &str, text: &'f str) -> Self {
        Self {
            file_name: file_name.to_owned(),
            text,
            findings: RefCell::default(),
        }
    }

    /// Adds a finding. Rule and field are empty if it is about the whole file.
    pub(crate) fn add(
        &self,
        severity: Severity,
        span: &Range<usize>,
        rule: &str,
        field: &str,
        message: &str,
    ) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let mut place = format!("{}, line {line}", self.file_name);
        if !rule.is_empty() {
            place = format!("{place}, rule {rule}");
        }
        if !field.is_empty() {
            place = format!("{place}, {field}");
        }
        let finding = Finding {
            severity,
            subject: "RULES_FILE".to_owned(),
            message: format!("{place}: {message}"),
            line: Some(line),
        };
        self.findings.borrow_mut().push((line, finding));
    }

    /// The findings, from the top of the file to its end.
    pub(crate) fn into_findings(self) -> Vec<Finding> {
        let mut findings = self.findings.into_inner();
        findings.sort_by_key(|(line, _)| *line);
        findings.into_iter().map(|(_, finding)| finding).collect()
    }
}
