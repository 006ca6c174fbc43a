//! The webhook: whether the portal has exactly one that sends to the service, enabled and with the triggers of the
//! rules.

use crate::docspace::{Client, Error, WebhookConfig};
use crate::ids::WebhookId;
use crate::registration::{NeededTriggers, trigger_names};
use crate::webhook::WEBHOOK_PATH;

use super::deployment::Deployment;
use super::store::{ServiceHistory, StoreCheck};
use super::webhook_health;
use crate::finding::Finding;

/// The findings about the webhook.
#[derive(Default)]
pub(super) struct WebhookCheck {
    pub(super) findings: Vec<Finding>,
    /// The URLs to which the service's webhooks send.
    pub(super) urls: Vec<String>,
}

/// Checks the webhooks of the portal. Those known from the store belong to the service.
pub(super) async fn check(
    deployment: &Deployment,
    portal: &Client,
    store: &StoreCheck,
) -> WebhookCheck {
    let known = &store.webhooks;
    let webhooks = match portal.webhooks().list().await {
        Ok(webhooks) => webhooks,
        Err(error) => {
            return WebhookCheck {
                findings: vec![unreadable(&error)],
                urls: Vec::new(),
            };
        }
    };
    let (own, similar) = select(&webhooks, known, deployment.url.as_deref());
    let mut findings = Vec::new();
    if own.is_empty() {
        findings.push(missing(deployment.url.as_deref(), store.history));
    }
    let any_enabled = own.iter().any(|webhook| webhook.enabled);
    let needed = NeededTriggers::of(deployment.rules());
    for webhook in &own {
        findings.extend(check_settings(webhook, &needed, any_enabled));
        if webhook.enabled {
            findings.extend(webhook_health::check(deployment, portal, webhook).await);
        }
    }
    findings.extend(duplicates(&own));
    findings.extend(similar.into_iter().map(sends_elsewhere));
    WebhookCheck {
        findings,
        urls: own.iter().map(|webhook| webhook.uri.clone()).collect(),
    }
}

fn unreadable(error: &Error) -> Finding {
    let message = match error {
        Error::Forbidden => {
            "could not be checked, because the key lacks the scope *:read: check in DocSpace under Developer Tools \
             → Webhooks that it exists and is enabled"
                .to_owned()
        }
        error => format!("could not be checked: {error}; check again later"),
    };
    Finding::warning("webhook", message)
}

/// The service's webhooks, and others that look like one of them. If the service's URL is given, its webhooks are
/// those that send to it; otherwise, those that have delivered to the service or send to its path.
fn select<'a>(
    webhooks: &'a [WebhookConfig],
    known: &[WebhookId],
    url: Option<&str>,
) -> (Vec<&'a WebhookConfig>, Vec<&'a WebhookConfig>) {
    let similar = webhooks
        .iter()
        .filter(|webhook| known.contains(&webhook.id) || webhook.has_path(WEBHOOK_PATH));
    let Some(url) = url else {
        return (similar.collect(), Vec::new());
    };
    let own = webhooks.iter().filter(|webhook| webhook.sends_to(url));
    let similar = similar.filter(|webhook| !webhook.sends_to(url));
    (own.collect(), similar.collect())
}

fn subject(webhook: &WebhookConfig) -> String {
    format!("webhook {}", webhook.id)
}

fn missing(url: Option<&str>, history: ServiceHistory) -> Finding {
    let url = url.unwrap_or("https://your.host/webhook");
    if history == ServiceHistory::NeverRun {
        return Finding::warning(
            "webhook",
            format!(
                "the portal has none that sends to this service yet: start the service, then create it with \
                 `docspace-courier register --url {url}`"
            ),
        );
    }
    Finding::error(
        "webhook",
        format!(
            "the portal has none that sends to this service: create it with `docspace-courier register --url \
             {url}`"
        ),
    )
}

fn check_settings(
    webhook: &WebhookConfig,
    needed: &NeededTriggers,
    any_enabled: bool,
) -> Vec<Finding> {
    let (subject, uri) = (subject(webhook), &webhook.uri);
    let fix = format!("fix it with `docspace-courier register --url {uri}`");
    let mut findings = vec![match (webhook.enabled, any_enabled) {
        (true, _) => Finding::ok(
            &subject,
            format!("“{}” sends to {uri} and is enabled", webhook.name),
        ),
        (false, true) => Finding::warning(
            &subject,
            format!(
                "to {uri} is disabled; another one is enabled, so delete this one if it is not needed"
            ),
        ),
        (false, false) => Finding::error(
            &subject,
            format!("to {uri} is disabled, so nothing is delivered; {fix}"),
        ),
    }];
    let missing = needed.missing_from(webhook.triggers);
    if missing != 0 {
        let names = trigger_names(missing);
        findings.push(Finding::error(
            &subject,
            format!("does not send {names}, which the rules need; {fix}"),
        ));
    }
    if let Some(target) = &webhook.target_id {
        findings.push(Finding::error(
            &subject,
            format!(
                "is restricted to entry {target} and does not send events about files in it; {fix}"
            ),
        ));
    }
    if uri.starts_with("https:") && !webhook.ssl {
        findings.push(Finding::warning(
            &subject,
            format!("does not verify the certificate of {uri}; {fix}"),
        ));
    }
    if uri.starts_with("http:") {
        findings.push(Finding::warning(
            &subject,
            "sends over http, so file titles are sent in plain text: use HTTPS",
        ));
    }
    findings
}

/// Webhooks to the same URL: each event is delivered once by each.
fn duplicates(own: &[&WebhookConfig]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (position, webhook) in own.iter().enumerate() {
        let first = own[..position]
            .iter()
            .find(|earlier| earlier.sends_to(&webhook.uri));
        if let Some(first) = first {
            findings.push(Finding::warning(
                subject(webhook),
                format!(
                    "sends to the same URL as webhook {}, so every event is delivered twice (actions still run \
                     once); delete it with `docspace-courier register --url {} --remove-duplicates`",
                    first.id, webhook.uri
                ),
            ));
        }
    }
    findings
}

fn sends_elsewhere(webhook: &WebhookConfig) -> Finding {
    Finding::warning(
        subject(webhook),
        format!(
            "looks like one of this service but sends to {}; delete it if that is not in use",
            webhook.uri
        ),
    )
}
