//! Step 5: the env file as it will be, and writing it.

use std::sync::Arc;

use anyhow::Context as _;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use crate::admin::layout::{Layout, page};
use crate::edited_file::WriteError;
use crate::finding::{Finding, Severity};

use super::job::{Job, Place};
use super::jobs;
use super::masked::{TextLine, masked_lines};
use super::page::{FindingItem, PageResult, has_error, items, layout_of};
use super::place_names;
use super::proposal::Proposal;
use super::start;
use super::state::Setup;
use super::step::{Step, StepItem};

#[derive(Template)]
#[template(path = "setup_summary.html")]
struct SummaryPage {
    layout: Layout,
    step_list: Vec<StepItem>,
    env_file: String,
    exists: bool,
    has_changes: bool,
    fingerprint: String,
    /// What will happen, in sentences.
    sentences: Vec<String>,
    lines: Vec<TextLine>,
    rules_file: Option<String>,
    findings: Vec<FindingItem>,
    can_write: bool,
    /// Why the file was not written.
    problem: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WriteForm {
    fingerprint: String,
}

pub(super) async fn show(State(setup): State<Arc<Setup>>) -> PageResult {
    place_names::look_up(&setup).await?;
    render(&setup, StatusCode::OK, None)
}

pub(super) async fn write(
    State(setup): State<Arc<Setup>>,
    Form(form): Form<WriteForm>,
) -> PageResult {
    let proposal = setup.proposal()?;
    let file = setup.env_file();
    if !can_write(&setup, &proposal) {
        return render(&setup, StatusCode::UNPROCESSABLE_ENTITY, None);
    }
    match file.write(&form.fingerprint, &proposal.text) {
        Ok(()) => {}
        Err(WriteError::Changed) => {
            let sentence = "The file has changed since this page was shown, so nothing was written. Below is what it \
                            becomes with your answers now.";
            return render(&setup, StatusCode::CONFLICT, Some(sentence.to_owned()));
        }
        Err(error) => return Err(error).context(file.name()).map_err(Into::into),
    }
    setup.change(super::draft::Draft::forget_values)?;
    start::start(&setup).await?;
    Ok(Redirect::to(Step::FirstUpload.path()).into_response())
}

fn can_write(setup: &Setup, proposal: &Proposal) -> bool {
    !has_error(&findings(setup, proposal))
}

fn findings(setup: &Setup, proposal: &Proposal) -> Vec<Finding> {
    let deployment = proposal.deployment(setup.clock());
    let mut findings = deployment.configuration_findings().to_vec();
    if proposal.url().is_empty() {
        let message = "is missing: enter it in step 2, Receiver";
        findings.push(Finding::error("The public address", message));
    }
    for variable in proposal.overridden() {
        let message =
            "is also set in the environment of this process, which takes precedence over the file";
        findings.push(Finding::warning(variable, message));
    }
    findings.sort_by_key(|finding| finding.severity != Severity::Error);
    findings
}

fn render(setup: &Setup, code: StatusCode, problem: Option<String>) -> PageResult {
    let proposal = setup.proposal()?;
    let found = findings(setup, &proposal);
    let view = SummaryPage {
        layout: layout_of(&proposal),
        step_list: Step::Summary.list(&proposal),
        env_file: setup.env_file().name(),
        exists: proposal.content.exists(),
        has_changes: !proposal.changes.is_empty(),
        fingerprint: proposal.content.fingerprint(),
        sentences: sentences(&proposal),
        lines: masked_lines(proposal.content.text(), &proposal.text),
        rules_file: proposal.rules_file().map(str::to_owned),
        can_write: !has_error(&found),
        findings: items(&found),
        problem,
    };
    Ok::<Response, _>(page(code, &view))
}

/// What the service will do, with the names of rooms and folders.
fn sentences(proposal: &Proposal) -> Vec<String> {
    let name = |place: Place| jobs::name(proposal, place).unwrap_or_else(|| "…".to_owned());
    let mut sentences = Vec::new();
    if proposal.does(Job::Copy) {
        let (from, to) = (name(Place::CopyFrom), name(Place::CopyTo));
        sentences.push(format!("Every upload in “{from}” is copied to “{to}”."));
    }
    if proposal.does(Job::Invoice) {
        let (from, to) = (name(Place::InvoiceFrom), name(Place::InvoiceTo));
        let prefix = Some(proposal.value("INVOICE_TITLE_PREFIX")).filter(|text| !text.is_empty());
        let prefix = prefix.unwrap_or("invoice");
        let email = proposal.value("MANAGER_EMAIL");
        let then = if email.is_empty() {
            String::new()
        } else {
            format!(", and {email} is notified")
        };
        sentences.push(format!(
            "Uploads in “{from}” whose title starts with “{prefix}” are moved to “{to}”{then}."
        ));
    }
    sentences
}
