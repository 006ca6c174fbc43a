//! Sends the rows of the log to their receivers: up to six attempts each, every one written and
//! signed anew (docs/DOCSPACE.md 1.3 to 1.6).

use std::time::Duration;

use jiff::Timestamp;

use super::Portal;
use super::activity::Running;
use super::body::{self, Retry};
use super::webhooks::Outcome;
use crate::ids::EventId;
use crate::signature::{SIGNATURE_HEADER, WebhookSecret};

/// How many deliveries run at the same time.
pub(super) const PARALLEL: usize = 10;

/// How long the receiver's name may take to resolve.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest part of a receiver's answer that the log keeps, in bytes.
const KEPT_RESPONSE: usize = 65_535;

/// The content type of every delivery.
const CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// What is sent in one attempt.
struct Attempt {
    url: String,
    body: String,
    signature: String,
    started: Timestamp,
}

/// Makes all attempts of one delivery. Like the portal's, a delivery keeps its place among those
/// that run in parallel while it waits for a retry.
pub(super) async fn deliver(portal: Portal, event: EventId, _running: Running) {
    let Ok(_place) = portal.0.delivery_places.acquire().await else {
        return;
    };
    if !resolves(&portal, event).await {
        return;
    }
    let mut waits = portal.0.retry_waits.iter();
    let mut retry = None;
    while let Some(attempt) = prepare(&portal, event, retry.as_ref()) {
        let outcome = send(&portal, &attempt).await;
        let reason = match &outcome {
            Outcome::Delivered { .. } => None,
            Outcome::Refused { reason, .. } | Outcome::TimedOut { reason } => Some(reason.clone()),
        };
        let (Some(last_failure), Some(wait)) = (reason, waits.next()) else {
            return finish(&portal, event, outcome, attempt.started);
        };
        tokio::time::sleep(*wait).await;
        retry = Some(Retry {
            count: retry.map_or(1, |retry| retry.count + 1),
            on: portal.now(),
            last_failure_on: attempt.started,
            last_failure,
        });
    }
}

/// Whether the receiver's name resolves; if not, the portal switches the webhook off at once.
async fn resolves(portal: &Portal, event: EventId) -> bool {
    let url = {
        let state = portal.state();
        let webhook = state
            .webhooks
            .row(event)
            .and_then(|row| state.webhooks.get(row.webhook));
        match webhook {
            Some(webhook) => webhook.url.clone(),
            None => return false,
        }
    };
    let authority = reqwest::Url::parse(&url)
        .ok()
        .and_then(|url| Some((url.host_str()?.to_owned(), url.port_or_known_default()?)));
    let resolved = match authority {
        Some((host, port)) => {
            let host = host.trim_matches(['[', ']']).to_owned();
            let lookup = tokio::net::lookup_host((host, port));
            matches!(
                tokio::time::timeout(RESOLVE_TIMEOUT, lookup).await,
                Ok(Ok(_))
            )
        }
        None => false,
    };
    if !resolved {
        let mut state = portal.state();
        let webhook = state.webhooks.row(event).map(|row| row.webhook);
        if let Some(webhook) = webhook.and_then(|id| state.webhooks.get_mut(id)) {
            webhook.enabled = false;
        }
    }
    resolved
}

/// Writes and signs the body of the next attempt; `None` when the webhook is gone.
fn prepare(portal: &Portal, event: EventId, retry: Option<&Retry>) -> Option<Attempt> {
    let started = portal.now();
    let mut state = portal.state();
    let row = state.webhooks.row(event)?;
    let webhook = state.webhooks.get(row.webhook)?;
    let body = body::write(Some(event), &row.happening, webhook, retry);
    let attempt = Attempt {
        url: webhook.url.clone(),
        signature: sign(&webhook.secret, &body),
        body: body.clone(),
        started,
    };
    let row = state.webhooks.row_mut(event)?;
    row.attempts += 1;
    row.body = body;
    row.request_headers = Some(format!(
        r#"{{"Accept": ["*/*"], "{SIGNATURE_HEADER}": ["{}"]}}"#,
        attempt.signature
    ));
    Some(attempt)
}

fn sign(secret: &WebhookSecret, body: &str) -> String {
    secret.sign(body.as_bytes())
}

async fn send(portal: &Portal, attempt: &Attempt) -> Outcome {
    let request = portal
        .0
        .client
        .post(&attempt.url)
        .timeout(portal.0.delivery_timeout)
        .header("content-type", CONTENT_TYPE)
        .header(SIGNATURE_HEADER, &attempt.signature)
        .body(attempt.body.clone());
    match receive(request).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_timeout() => Outcome::TimedOut {
            reason: format!(
                "The request was canceled due to the configured HttpClient.Timeout of {} seconds elapsing.",
                portal.0.delivery_timeout.as_secs_f64()
            ),
        },
        Err(_) => Outcome::Refused {
            status: 0,
            reason: format!("Connection refused ({})", authority(&attempt.url)),
        },
    }
}

async fn receive(request: reqwest::RequestBuilder) -> reqwest::Result<Outcome> {
    let response = request.send().await?;
    let status = response.status();
    let headers = headers_text(response.headers());
    let body = response.bytes().await?;
    if status.is_success() {
        let kept = &body[..body.len().min(KEPT_RESPONSE)];
        return Ok(Outcome::Delivered {
            status: status.as_u16(),
            headers,
            response: String::from_utf8_lossy(kept).into_owned(),
        });
    }
    Ok(Outcome::Refused {
        status: status.as_u16(),
        reason: format!(
            "Response status code does not indicate success: {} ({}).",
            status.as_u16(),
            status.canonical_reason().unwrap_or_default()
        ),
    })
}

/// The headers of an answer, as the log shows them.
fn headers_text(headers: &reqwest::header::HeaderMap) -> String {
    let mut shown = serde_json::Map::new();
    for name in headers.keys() {
        let values: Vec<_> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        shown.insert(name.to_string(), values.into());
    }
    serde_json::Value::from(shown).to_string()
}

fn authority(url: &str) -> String {
    reqwest::Url::parse(url)
        .ok()
        .and_then(|url| {
            let port = url.port_or_known_default()?;
            Some(format!("{}:{port}", url.host_str()?))
        })
        .unwrap_or_default()
}

fn finish(portal: &Portal, event: EventId, outcome: Outcome, started: Timestamp) {
    let now = portal.now();
    portal.state().webhooks.finish(event, outcome, started, now);
}
