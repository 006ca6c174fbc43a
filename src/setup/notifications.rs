//! Step 4: email and chat, which are optional, checked by connecting to them.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use crate::admin::layout::{Layout, page};
use crate::check::check_channels;
use crate::finding::{Finding, Severity};

use super::job::Job;
use super::page::{FindingItem, PageResult, after, has_error, items, layout_of};
use super::proposal::Proposal;
use super::state::Setup;
use super::step::{Step, StepItem};

const SMTP: &str = "SMTP_URL";
const FROM: &str = "MAIL_FROM";
const CHAT: &str = "NOTIFY_WEBHOOK_URL";
const OPERATOR: &str = "OPERATOR_EMAIL";

#[derive(Template)]
#[template(path = "setup_notifications.html")]
struct NotificationsPage {
    layout: Layout,
    step_list: Vec<StepItem>,
    findings: Vec<FindingItem>,
    has_smtp: bool,
    from: String,
    has_chat: bool,
    operator: String,
    /// Who is notified of invoices, if that job is chosen.
    manager: Option<String>,
}

/// The form. It has no `Debug`, because the addresses may contain passwords.
#[derive(Deserialize)]
pub(super) struct NotificationsForm {
    smtp: String,
    from: String,
    chat: String,
    operator: String,
    /// Whether to do without email.
    no_smtp: Option<String>,
    /// Whether to do without the chat.
    no_chat: Option<String>,
}

pub(super) async fn show(State(setup): State<Arc<Setup>>) -> PageResult {
    let proposal = setup.proposal()?;
    let manager = Some(proposal.value("MANAGER_EMAIL").to_owned());
    let view = NotificationsPage {
        layout: layout_of(&proposal),
        step_list: Step::Notifications.list(&proposal),
        findings: items(&check(&setup, &proposal).await),
        has_smtp: proposal.has(SMTP),
        from: proposal.value(FROM).to_owned(),
        has_chat: proposal.has(CHAT),
        operator: proposal.value(OPERATOR).to_owned(),
        manager: manager.filter(|email| !email.is_empty() && proposal.does(Job::Invoice)),
    };
    Ok(page(StatusCode::OK, &view))
}

pub(super) async fn save(
    State(setup): State<Arc<Setup>>,
    Form(form): Form<NotificationsForm>,
) -> PageResult {
    let changed = setup.change(|draft| {
        draft.set_secret(SMTP, &form.smtp);
        draft.set_secret(CHAT, &form.chat);
        draft.set(FROM, &form.from);
        draft.set(OPERATOR, &form.operator);
        if form.no_smtp.is_some() {
            draft.set(SMTP, "");
            draft.set(FROM, "");
        }
        if form.no_chat.is_some() {
            draft.set(CHAT, "");
        }
    })?;
    let findings = check(&setup, &setup.proposal()?).await;
    Ok(after(
        Step::Notifications,
        Step::Summary,
        changed,
        &findings,
    ))
}

/// What is wrong with the values, or else whether the servers respond.
async fn check(setup: &Setup, proposal: &Proposal) -> Vec<Finding> {
    let deployment = proposal.deployment(setup.clock());
    let variables = [SMTP, FROM, CHAT, OPERATOR];
    let about = |finding: &&Finding| variables.contains(&finding.subject.as_str());
    let is_entered = proposal.has(SMTP) || proposal.has(CHAT);
    let found = deployment.configuration_findings().iter().filter(about);
    // That nothing is set is not a problem of an optional step.
    let found = found.filter(|finding| is_entered || finding.severity == Severity::Error);
    let mut findings: Vec<Finding> = found.cloned().collect();
    if !has_error(&findings) && is_entered {
        let channels = check_channels(&deployment).await;
        findings.extend(channels.into_iter().filter(|finding| about(&finding)));
    }
    findings
}
