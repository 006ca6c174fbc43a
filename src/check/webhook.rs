//! The webhook: whether the portal has one that sends to us, once, switched on, with what rules need.

use crate::docspace::{Client, Error, WebhookConfig};
use crate::ids::WebhookId;
use crate::registration::{NeededTriggers, trigger_names};
use crate::webhook::WEBHOOK_PATH;

use super::{Deployment, Finding, webhook_health};

/// What was found about the webhook.
#[derive(Default)]
pub(super) struct Webhook {
    pub(super) findings: Vec<Finding>,
    /// Where those that are ours send to.
    pub(super) addresses: Vec<String>,
}

pub(super) async fn look(
    deployment: &Deployment,
    portal: &Client,
    delivered: &[WebhookId],
) -> Webhook {
    let nothing = |findings| Webhook {
        findings,
        addresses: Vec::new(),
    };
    let webhooks = match portal.webhooks().list().await {
        Ok(webhooks) => webhooks,
        Err(Error::Forbidden) => {
            return nothing(vec![Finding::warning(
                "webhook",
                "could not be looked at, for want of the scope *:read: see in DocSpace under Developer \
                 Tools → Webhooks that it is there and switched on",
            )]);
        }
        Err(error) => {
            return nothing(vec![Finding::warning(
                "webhook",
                format!("could not be looked at: {error}; check again"),
            )]);
        }
    };
    let (ours, others) = sort(&webhooks, delivered, deployment.url.as_deref());
    let mut findings = Vec::new();
    if ours.is_empty() {
        findings.push(missing(deployment.url.as_deref()));
    }
    let one_is_on = ours.iter().any(|webhook| webhook.enabled);
    let needed = NeededTriggers::of(&deployment.rules);
    for webhook in &ours {
        findings.extend(about(webhook, &needed, one_is_on));
        if webhook.enabled {
            findings.extend(webhook_health::look(deployment, portal, webhook).await);
        }
    }
    findings.extend(duplicates(&ours));
    findings.extend(others.into_iter().map(elsewhere));
    Webhook {
        findings,
        addresses: ours.iter().map(|webhook| webhook.uri.clone()).collect(),
    }
}

/// Those that are ours, and those that may have been. With an address given, it decides; else whether
/// it has delivered to us or sends to a path like ours.
fn sort<'a>(
    webhooks: &'a [WebhookConfig],
    delivered: &[WebhookId],
    url: Option<&str>,
) -> (Vec<&'a WebhookConfig>, Vec<&'a WebhookConfig>) {
    let like_ours = webhooks
        .iter()
        .filter(|webhook| delivered.contains(&webhook.id) || webhook.has_path(WEBHOOK_PATH));
    match url {
        None => (like_ours.collect(), Vec::new()),
        Some(url) => (
            webhooks
                .iter()
                .filter(|webhook| webhook.sends_to(url))
                .collect(),
            like_ours.filter(|webhook| !webhook.sends_to(url)).collect(),
        ),
    }
}

fn subject(webhook: &WebhookConfig) -> String {
    format!("webhook {}", webhook.id)
}

fn missing(url: Option<&str>) -> Finding {
    let url = url.unwrap_or("https://your.host/webhook");
    Finding::wrong(
        "webhook",
        format!(
            "the portal has none that sends to us: make it with `docspace-courier register --url {url}`"
        ),
    )
}

fn about(webhook: &WebhookConfig, needed: &NeededTriggers, one_is_on: bool) -> Vec<Finding> {
    let (subject, uri) = (subject(webhook), &webhook.uri);
    let mend = format!("`docspace-courier register --url {uri}` mends it");
    let mut findings = vec![match (webhook.enabled, one_is_on) {
        (true, _) => Finding::good(
            &subject,
            format!("“{}” sends to {uri} and is switched on", webhook.name),
        ),
        (false, true) => Finding::warning(
            &subject,
            format!(
                "to {uri} is switched off; another one is on, so delete it if it is not needed"
            ),
        ),
        (false, false) => Finding::wrong(
            &subject,
            format!("to {uri} is switched off: nothing is delivered; {mend}"),
        ),
    }];
    let missing = needed.missing_from(webhook.triggers);
    if missing != 0 {
        let names = trigger_names(missing);
        findings.push(Finding::wrong(
            &subject,
            format!("does not send {names}, which the rules listen to; {mend}"),
        ));
    }
    if let Some(target) = &webhook.target_id {
        findings.push(Finding::wrong(
            &subject,
            format!(
                "is narrowed down to entry {target}, and sends nothing about files in it; {mend}"
            ),
        ));
    }
    if uri.starts_with("https:") && !webhook.ssl {
        findings.push(Finding::warning(
            &subject,
            format!("does not verify the certificate of {uri}; {mend}"),
        ));
    }
    if uri.starts_with("http:") {
        findings.push(Finding::warning(
            &subject,
            "sends over http: files' names travel in clear text; put HTTPS in front",
        ));
    }
    findings
}

/// Webhooks to one address: everything arrives once for each.
fn duplicates(ours: &[&WebhookConfig]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (position, webhook) in ours.iter().enumerate() {
        let first = ours[..position]
            .iter()
            .find(|earlier| earlier.sends_to(&webhook.uri));
        if let Some(first) = first {
            findings.push(Finding::warning(
                subject(webhook),
                format!(
                    "sends to the same address as webhook {}: everything arrives twice, and acts once; \
                     `docspace-courier register --url {} --remove-duplicates` deletes it",
                    first.id, webhook.uri
                ),
            ));
        }
    }
    findings
}

fn elsewhere(webhook: &WebhookConfig) -> Finding {
    Finding::warning(
        subject(webhook),
        format!(
            "looks like ours and sends to {}; delete it if nobody listens there",
            webhook.uri
        ),
    )
}
