//! Step 6: the service in this process, the webhook, the checks, and the first upload.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};

use crate::admin::layout::{Layout, page};
use crate::docspace::folder_address;
use crate::finding::{Finding, Severity};
use crate::loopback::local_address;
use crate::registration::{Registered, RegistrationOutcome};

use super::job::{Job, Place};
use super::jobs;
use super::page::{FindingItem, PageResult, items, layout_of};
use super::progress::{self, ProgressItem, first_event};
use super::proposal::{ADMIN_TOKEN, Proposal};
use super::report::StartReport;
use super::start;
use super::state::Setup;
use super::step::{Step, StepItem};

#[derive(Template)]
#[template(path = "setup_first_upload.html")]
struct FirstUploadPage {
    layout: Layout,
    step_list: Vec<StepItem>,
    env_file: String,
    /// Whether the env file has everything that was entered.
    is_written: bool,
    has_started: bool,
    /// What was done before the upload.
    preparation: Vec<ProgressItem>,
    by_hand: Option<ByHand>,
    upload: Option<UploadHint>,
    steps: Vec<ProgressItem>,
    is_done: bool,
    problems: Vec<FindingItem>,
    fine: Vec<FindingItem>,
}

/// What has to be entered in DocSpace if the key may not register the webhook.
struct ByHand {
    url: String,
    secret: String,
    triggers: String,
}

/// Where to upload the first file.
struct UploadHint {
    room: String,
    address: String,
    title: &'static str,
}

#[derive(Template)]
#[template(path = "setup_done.html")]
struct DonePage {
    layout: Layout,
    env_file: String,
    command: String,
    /// The address of the console once the service runs.
    console: String,
    /// What a person signs in with there.
    token: Option<String>,
}

pub(super) async fn show(State(setup): State<Arc<Setup>>) -> PageResult {
    let proposal = setup.proposal()?;
    let report = setup.report();
    let (mut steps, mut is_running) = (Vec::new(), false);
    let mut address = None;
    if let Some(service) = &*setup.service().lock().await {
        is_running = service.is_running();
        address = Some(service.address);
        let since = service.since;
        let event = service.db.read(move |sql| first_event(sql, since)).await?;
        steps = progress::items(event.as_ref(), &service.metrics.rejections(), &proposal);
    }
    let checks = report.as_ref().and_then(|report| report.checks.as_ref());
    let sections = checks.iter().flat_map(|checks| &checks.sections);
    let findings: Vec<Finding> = sections
        .flat_map(|section| section.findings.clone())
        .collect();
    let (fine, problems): (Vec<Finding>, Vec<Finding>) = findings
        .into_iter()
        .partition(|finding| finding.severity == Severity::Ok);
    let mut preparation = preparation(&setup, report.as_deref());
    if let (Some(address), Some(item)) = (address, preparation.get_mut(1))
        && is_running
    {
        item.detail = Some(format!("It listens on {address}."));
    }
    let is_registered = report
        .as_ref()
        .is_some_and(|report| matches!(report.webhook, Some(Ok(_))));
    let view = FirstUploadPage {
        layout: layout_of(&proposal),
        step_list: Step::FirstUpload.list(&proposal),
        env_file: setup.env_file().name(),
        is_written: proposal.content.exists() && proposal.changes.is_empty(),
        has_started: report.is_some(),
        preparation,
        by_hand: report
            .as_deref()
            .filter(|_| !is_registered)
            .and_then(by_hand),
        upload: upload_hint(&proposal).filter(|_| is_running),
        is_done: !steps.is_empty() && steps.iter().all(|step| step.state == "done"),
        steps,
        problems: items(&problems),
        fine: items(&fine),
    };
    Ok(page(StatusCode::OK, &view))
}

pub(super) async fn start_again(State(setup): State<Arc<Setup>>) -> PageResult {
    start::start(&setup).await?;
    Ok(Redirect::to(Step::FirstUpload.path()).into_response())
}

pub(super) async fn finish(State(setup): State<Arc<Setup>>) -> PageResult {
    setup.draft().remove()?;
    let proposal = setup.proposal()?;
    let view = DonePage {
        layout: layout_of(&proposal),
        command: setup.start_command().to_owned(),
        env_file: setup.env_file().name(),
        console: format!("http://{}/", local_address(setup.listener())),
        token: Some(proposal.value(ADMIN_TOKEN).to_owned()).filter(|token| !token.is_empty()),
    };
    Ok(page(StatusCode::OK, &view))
}

/// The file, the service and the webhook.
fn preparation(setup: &Setup, report: Option<&StartReport>) -> Vec<ProgressItem> {
    let Some(report) = report else {
        return Vec::new();
    };
    let name = setup.env_file().name();
    let mut items = vec![ProgressItem::new("done", format!("{name} is written"))];
    items.push(match &report.service {
        Ok(()) => ProgressItem::new("done", "The service runs"),
        Err(reason) => ProgressItem::new("failed", "The service does not run").with(reason),
    });
    items.push(match &report.webhook {
        None => ProgressItem::new("open", "The webhook is registered"),
        Some(Ok(registered)) => webhook_item(registered),
        Some(Err(reason)) => {
            ProgressItem::new("failed", "The webhook is not registered").with(reason)
        }
    });
    items
}

fn webhook_item(registered: &Registered) -> ProgressItem {
    let text = match registered.outcome {
        RegistrationOutcome::Created => "The webhook is created",
        RegistrationOutcome::Repaired => "The webhook is up to date",
        RegistrationOutcome::Unchanged => "The webhook is registered",
    };
    let item = ProgressItem::new("done", format!("{text}: “{}”", registered.name));
    if registered.duplicates.is_empty() {
        return item;
    }
    item.with(
        "Another webhook sends to the same address, so every event is delivered twice. That does no harm; delete it in \
         DocSpace under Developer Tools → Webhooks.",
    )
}

fn by_hand(report: &StartReport) -> Option<ByHand> {
    report.by_hand.as_ref().map(|webhook| ByHand {
        url: webhook.url.clone(),
        secret: webhook.secret.expose().to_owned(),
        triggers: webhook.triggers.clone(),
    })
}

/// The room of the first job, and a title on which it acts.
fn upload_hint(proposal: &Proposal) -> Option<UploadHint> {
    let (place, title) = if proposal.does(Job::Copy) {
        (Place::CopyFrom, "any file")
    } else if proposal.does(Job::Invoice) {
        (Place::InvoiceFrom, "a file called Invoice-1.pdf")
    } else {
        return None;
    };
    let host = proposal.value("DOCSPACE_API_HOST").trim_end_matches('/');
    Some(UploadHint {
        room: jobs::name(proposal, place)?,
        address: folder_address(host, proposal.value(place.variable())),
        title,
    })
}
