//! What every set-up page has: the steps, findings, and a page for what went wrong.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use crate::admin::layout::{Layout, message};
use crate::finding::{Finding, Severity};

use super::proposal::Proposal;
use super::step::Step;

/// The header of a page.
pub(super) fn layout_of(proposal: &Proposal) -> Layout {
    Layout::anonymous(proposal.value("DOCSPACE_API_HOST").to_owned())
}

/// A finding on a page.
#[derive(Clone)]
pub(super) struct FindingItem {
    pub(super) class: &'static str,
    /// What the mark means, for those who do not see it.
    pub(super) word: &'static str,
    pub(super) subject: String,
    pub(super) message: String,
}

impl From<&Finding> for FindingItem {
    fn from(finding: &Finding) -> Self {
        let (class, word) = match finding.severity {
            Severity::Ok => ("ok", "OK"),
            Severity::Warning => ("warning", "Warning"),
            Severity::Error => ("error", "Problem"),
        };
        Self {
            class,
            word,
            subject: finding.subject.clone(),
            message: finding.message.clone(),
        }
    }
}

pub(super) fn items(findings: &[Finding]) -> Vec<FindingItem> {
    findings.iter().map(FindingItem::from).collect()
}

pub(super) fn has_error(findings: &[Finding]) -> bool {
    let mut findings = findings.iter();
    findings.any(|finding| finding.severity == Severity::Error)
}

/// Where to go after a form: on, unless there is something to read first.
pub(super) fn after(step: Step, next: Step, has_changed: bool, findings: &[Finding]) -> Response {
    let is_news = has_changed && !findings.is_empty();
    let step = if has_error(findings) || is_news {
        step
    } else {
        next
    };
    Redirect::to(step.path()).into_response()
}

/// Something that prevents a page from being shown.
pub(super) struct Failure(anyhow::Error);

/// A page, or what prevents it from being shown.
pub(super) type PageResult = Result<Response, Failure>;

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        message(
            Layout::anonymous(String::new()),
            StatusCode::INTERNAL_SERVER_ERROR,
            "That did not work",
            format!("{:#}. Fix that, and load the page again.", self.0),
            Some(("/setup".to_owned(), "Set-up")),
        )
    }
}
