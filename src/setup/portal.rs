//! Step 1: the portal and the key, checked against the portal.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::admin::layout::{Layout, page};
use crate::check::check_portal;
use crate::docspace::Client;
use crate::finding::Finding;

use super::page::{FindingItem, PageResult, after, has_error, items, layout_of};
use super::proposal::Proposal;
use super::state::Setup;
use super::step::{Step, StepItem};

const HOST: &str = "DOCSPACE_API_HOST";
const KEY: &str = "DOCSPACE_API_KEY";

/// The subject of the finding about what comes later, which this page does not mention.
const LATER: &str = "rooms, folders, webhook";

/// A scope with which the set-up can register the webhook (docs/DOCSPACE.md 6).
const REGISTERS: &str = "*:write";

#[derive(Template)]
#[template(path = "setup_portal.html")]
struct PortalPage {
    layout: Layout,
    step_list: Vec<StepItem>,
    host: String,
    has_key: bool,
    findings: Vec<FindingItem>,
    is_connected: bool,
}

/// The form. It has no `Debug`, because it contains the key.
#[derive(Deserialize)]
pub(super) struct PortalForm {
    host: String,
    key: String,
}

pub(super) async fn show(State(setup): State<Arc<Setup>>) -> PageResult {
    let findings = check(&setup, &setup.proposal()?).await;
    remember(&setup, &findings)?;
    Ok(render(&setup.proposal()?, &findings))
}

pub(super) async fn save(
    State(setup): State<Arc<Setup>>,
    Form(form): Form<PortalForm>,
) -> PageResult {
    let changed = setup.change(|draft| {
        draft.set(HOST, &complete(&form.host));
        draft.set_secret(KEY, &form.key);
    })?;
    let findings = check(&setup, &setup.proposal()?).await;
    remember(&setup, &findings)?;
    Ok(after(Step::Portal, Step::Receiver, changed, &findings))
}

/// Keeps whether the portal accepted the key, which the list of steps shows.
fn remember(setup: &Setup, findings: &[Finding]) -> anyhow::Result<()> {
    let is_connected = is_connected(findings);
    setup.change(|draft| draft.is_connected = is_connected)?;
    Ok(())
}

fn is_connected(findings: &[Finding]) -> bool {
    !findings.is_empty() && !has_error(findings)
}

/// The address as people type or copy it: without the scheme, or with the path of a page.
fn complete(host: &str) -> String {
    let host = host.trim();
    if host.is_empty() {
        return String::new();
    }
    let with_scheme = if host.contains("://") {
        host.to_owned()
    } else {
        format!("https://{host}")
    };
    match reqwest::Url::parse(&with_scheme) {
        Ok(url) if url.has_host() && url.username().is_empty() => {
            url.origin().ascii_serialization()
        }
        _ => host.to_owned(),
    }
}

/// The findings; none before anything was entered.
async fn check(setup: &Setup, proposal: &Proposal) -> Vec<Finding> {
    if !proposal.has(HOST) && !proposal.has(KEY) {
        return Vec::new();
    }
    let deployment = proposal.deployment(setup.clock());
    let wrong = deployment.configuration_findings().iter();
    let wrong: Vec<Finding> = wrong
        .filter(|finding| [HOST, KEY].contains(&finding.subject.as_str()))
        .cloned()
        .collect();
    if has_error(&wrong) {
        return wrong;
    }
    let (mut findings, client) = check_portal(&deployment).await;
    findings.retain(|finding| finding.subject != LATER);
    if let Some(client) = client {
        findings.extend(registers(&client).await);
    }
    findings.extend(wrong);
    findings
}

/// A finding if the key cannot register the webhook.
async fn registers(portal: &Client) -> Option<Finding> {
    let scopes = portal.account().key().await.ok()?.permissions;
    let can_register = scopes.is_empty() || scopes.iter().any(|scope| scope == REGISTERS);
    (!can_register).then(|| {
        let message = "lacks the scope *:write, so the webhook has to be created by hand in DocSpace; this set-up will \
                       say how";
        Finding::warning(KEY, message)
    })
}

fn render(proposal: &Proposal, findings: &[Finding]) -> Response {
    let mut shown = items(findings);
    for finding in &mut shown {
        finding.subject = match finding.subject.as_str() {
            HOST => "The portal".to_owned(),
            KEY => "The key".to_owned(),
            _ => continue,
        };
    }
    let view = PortalPage {
        layout: layout_of(proposal),
        step_list: Step::Portal.list(proposal),
        host: proposal.value(HOST).to_owned(),
        has_key: proposal.has(KEY),
        is_connected: is_connected(findings),
        findings: shown,
    };
    page(StatusCode::OK, &view)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_completed() {
        let check = |typed: &str, expected: &str| assert_eq!(complete(typed), expected, "{typed}");
        check("portal.example.com", "https://portal.example.com");
        check(
            "https://portal.example.com/rooms/shared",
            "https://portal.example.com",
        );
        check(" http://localhost:8092/ ", "http://localhost:8092");
        check(
            "https://user:secret@portal.example.com",
            "https://user:secret@portal.example.com",
        );
        check("not an address", "not an address");
        check("", "");
    }
}
