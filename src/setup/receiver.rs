//! Step 2: the public address of the service, and the secret of the webhook.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use reqwest::Url;
use serde::Deserialize;

use crate::address::is_plain_text;
use crate::admin::layout::{Layout, page};
use crate::finding::Finding;
use crate::registration;
use crate::signature::WebhookSecret;
use crate::webhook::WEBHOOK_PATH;

use super::page::{FindingItem, PageResult, after, has_error, items, layout_of};
use super::proposal::{ADMIN_TOKEN, Proposal};
use super::secret;
use super::state::Setup;
use super::step::{Step, StepItem};

const SECRET: &str = "DOCSPACE_WEBHOOK_SECRET";

/// What findings call the address.
const ADDRESS: &str = "The address";

#[derive(Template)]
#[template(path = "setup_receiver.html")]
struct ReceiverPage {
    layout: Layout,
    step_list: Vec<StepItem>,
    url: String,
    /// Where the service listens.
    listener: String,
    has_secret: bool,
    is_private: bool,
    findings: Vec<FindingItem>,
    can_continue: bool,
}

/// The form. It has no `Debug`, because it contains the secret.
#[derive(Deserialize)]
pub(super) struct ReceiverForm {
    url: String,
    secret: String,
}

pub(super) async fn show(State(setup): State<Arc<Setup>>) -> PageResult {
    let proposal = setup.proposal()?;
    let deployment = proposal.deployment(setup.clock());
    let address = deployment.public_address();
    let address = address.map_or_else(|| "LISTEN_ADDR".to_owned(), |address| address.to_string());
    let findings = check(&proposal).await;
    let view = ReceiverPage {
        layout: layout_of(&proposal),
        step_list: Step::Receiver.list(&proposal),
        url: proposal.url().to_owned(),
        listener: address,
        has_secret: proposal.has(SECRET),
        is_private: !refused(proposal.url()).await.is_empty(),
        can_continue: !findings.is_empty() && !has_error(&findings),
        findings: items(&findings),
    };
    Ok(page(StatusCode::OK, &view))
}

pub(super) async fn save(
    State(setup): State<Arc<Setup>>,
    Form(form): Form<ReceiverForm>,
) -> PageResult {
    let before = setup.proposal()?;
    let secret = secret::generate()?;
    // Without it nothing could be changed in the console, and in a container it would not even be shown.
    let token = secret::generate()?;
    let needs_token = !before.has(ADMIN_TOKEN) && !before.has("ADMIN_PROXY_HEADER");
    let changed = setup.change(|draft| {
        draft.url = complete(&form.url);
        draft.set_secret(SECRET, &form.secret);
        if !before.has(SECRET) && form.secret.trim().is_empty() {
            draft.set(SECRET, &secret);
        }
        if needs_token {
            draft.set(ADMIN_TOKEN, &token);
        }
    })?;
    let findings = check(&setup.proposal()?).await;
    Ok(after(Step::Receiver, Step::Jobs, changed, &findings))
}

/// The address with a scheme and the path at which the service receives deliveries.
fn complete(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    match Url::parse(&with_scheme) {
        Ok(mut url) if url.has_host() && url.path() == "/" => {
            url.set_path(WEBHOOK_PATH);
            url.to_string()
        }
        Ok(url) if url.has_host() => url.to_string(),
        _ => text.to_owned(),
    }
}

/// The private addresses to which an address leads, which DocSpace refuses.
async fn refused(url: &str) -> Vec<std::net::IpAddr> {
    let Ok(url) = Url::parse(url) else {
        return Vec::new();
    };
    let refused = registration::refused_addresses(&url).await;
    refused.unwrap_or_default()
}

/// The findings; none before anything was entered.
async fn check(proposal: &Proposal) -> Vec<Finding> {
    let text = proposal.url();
    let mut findings = Vec::new();
    if proposal.has(SECRET) {
        // Two during a rotation.
        for word in proposal.value(SECRET).split_whitespace() {
            if let Err(message) = registration::check_secret(&WebhookSecret::new(word)) {
                findings.push(Finding::error("The secret", message));
            }
        }
    }
    if text.is_empty() {
        return findings;
    }
    if let Err(message) = registration::check_url(text) {
        findings.push(Finding::error(ADDRESS, message));
        return findings;
    }
    let Ok(url) = Url::parse(text) else {
        return findings;
    };
    match registration::refused_addresses(&url).await {
        Err(_) => findings.push(Finding::warning(
            ADDRESS,
            "has a host that is not found by DNS here: check the spelling, or create its DNS entry before the webhook \
             is registered",
        )),
        Ok(refused) if refused.is_empty() => {}
        Ok(refused) => findings.push(Finding::warning(
            ADDRESS,
            format!(
                "leads to {}, a private address. DocSpace refuses those, unless its administrator allows them as \
                 described below",
                refused[0]
            ),
        )),
    }
    if is_plain_text(&url) {
        let message =
            "starts with http://, so deliveries travel in plain text; use https:// if you can";
        findings.push(Finding::warning(ADDRESS, message));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_completed() {
        let check = |typed: &str, expected: &str| assert_eq!(complete(typed), expected, "{typed}");
        check("courier.example.com", "https://courier.example.com/webhook");
        check("http://127.0.0.1:3000/", "http://127.0.0.1:3000/webhook");
        check(
            "https://a.example/docspace/webhook",
            "https://a.example/docspace/webhook",
        );
        check("https://a.example/other", "https://a.example/other");
        check("", "");
    }
}
