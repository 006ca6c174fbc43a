//! Step 3: what should happen with uploads, in which rooms and folders.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use serde::Deserialize;

use crate::admin::layout::{Layout, page};
use crate::finding::Finding;

use super::job::{Job, Place};
use super::page::{FindingItem, PageResult, has_error, items, layout_of};
use super::place_names;
use super::proposal::Proposal;
use super::state::Setup;
use super::step::{Step, StepItem};

const EMAIL: &str = "MANAGER_EMAIL";
const PREFIX: &str = "INVOICE_TITLE_PREFIX";

/// What the title of an invoice starts with, if nothing else was entered.
const DEFAULT_PREFIX: &str = "invoice";

#[derive(Template)]
#[template(path = "setup_jobs.html")]
struct JobsPage {
    layout: Layout,
    step_list: Vec<StepItem>,
    findings: Vec<FindingItem>,
    copies: bool,
    copy_from: PlaceView,
    copy_to: PlaceView,
    moves_invoices: bool,
    invoice_from: PlaceView,
    invoice_to: PlaceView,
    email: String,
    prefix: String,
    rules_file: Option<String>,
}

/// A room or folder on the page.
struct PlaceView {
    label: &'static str,
    /// The word of the button's value.
    word: &'static str,
    /// Its name, if one was chosen.
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct JobsForm {
    copies: Option<String>,
    moves_invoices: Option<String>,
    #[serde(default)]
    email: String,
    #[serde(default)]
    prefix: String,
    /// The button: `next`, or the word of the place that is to be chosen.
    #[serde(default)]
    go: String,
}

/// Whether the form was submitted: before that, nothing is missing.
#[derive(Debug, Deserialize)]
pub(super) struct JobsQuery {
    submitted: Option<String>,
}

pub(super) async fn show(
    State(setup): State<Arc<Setup>>,
    Query(query): Query<JobsQuery>,
) -> PageResult {
    place_names::look_up(&setup).await?;
    let proposal = setup.proposal()?;
    let place = |label, place: Place| PlaceView {
        label,
        word: place.word(),
        name: name(&proposal, place),
    };
    let findings = match query.submitted {
        Some(_) => check(&setup, &proposal),
        None => Vec::new(),
    };
    let prefix = Some(proposal.value(PREFIX)).filter(|prefix| !prefix.is_empty());
    let view = JobsPage {
        layout: layout_of(&proposal),
        step_list: Step::Jobs.list(&proposal),
        findings: items(&findings),
        copies: proposal.does(Job::Copy),
        copy_from: place("Copy from the room", Place::CopyFrom),
        copy_to: place("To the folder", Place::CopyTo),
        moves_invoices: proposal.does(Job::Invoice),
        invoice_from: place("Clients upload to the room", Place::InvoiceFrom),
        invoice_to: place("Move to the folder", Place::InvoiceTo),
        email: proposal.value(EMAIL).to_owned(),
        prefix: prefix.unwrap_or(DEFAULT_PREFIX).to_owned(),
        rules_file: proposal.rules_file().map(str::to_owned),
    };
    Ok(page(StatusCode::OK, &view))
}

/// The name of a chosen room or folder.
pub(super) fn name(proposal: &Proposal, place: Place) -> Option<String> {
    let id = proposal.value(place.variable());
    (!id.is_empty()).then(|| match proposal.name_of(id) {
        Some(name) => name.to_owned(),
        None => format!("{id}, whose name the portal does not show"),
    })
}

pub(super) async fn save(
    State(setup): State<Arc<Setup>>,
    Form(form): Form<JobsForm>,
) -> PageResult {
    setup.change(|draft| {
        draft.choose(Job::Copy, form.copies.is_some());
        draft.choose(Job::Invoice, form.moves_invoices.is_some());
        draft.set(EMAIL, &form.email);
        let prefix = form.prefix.trim();
        let is_default = prefix == DEFAULT_PREFIX;
        draft.set(PREFIX, if is_default { "" } else { prefix });
    })?;
    if let Some(place) = Place::from_word(&form.go) {
        let path = format!("/setup/pick/{}", place.word());
        return Ok(Redirect::to(&path).into_response());
    }
    let findings = check(&setup, &setup.proposal()?);
    let next = if has_error(&findings) {
        Redirect::to("/setup/jobs?submitted=yes")
    } else {
        Redirect::to(Step::Notifications.path())
    };
    Ok(next.into_response())
}

/// What is missing or wrong.
fn check(setup: &Setup, proposal: &Proposal) -> Vec<Finding> {
    let mut findings = Vec::new();
    let chosen: Vec<Job> = [Job::Copy, Job::Invoice]
        .into_iter()
        .filter(|job| proposal.does(*job))
        .collect();
    if chosen.is_empty() && proposal.rules_file().is_none() {
        let message = "is chosen: choose at least one of the two";
        findings.push(Finding::error("No job", message));
    }
    for place in chosen.iter().flat_map(|job| job.places()) {
        if !proposal.has(place.variable()) {
            findings.push(Finding::error(place.question(), "Choose one"));
        }
    }
    let deployment = proposal.deployment(setup.clock());
    let wrong = deployment.configuration_findings().iter();
    let about_jobs = wrong.filter(|finding| {
        let mut jobs = chosen.iter();
        let is_set = |name: &str| proposal.has(name);
        jobs.any(|job| job.variables().contains(&finding.subject.as_str()))
            && is_set(&finding.subject)
    });
    findings.extend(about_jobs.cloned());
    findings
}
