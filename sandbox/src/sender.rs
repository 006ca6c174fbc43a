//! Delivers the rows of the log: up to six attempts each, each with a body of its own that is signed anew
//! (docs/DOCSPACE.md 1.3 to 1.6).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::HeaderMap;

use super::body::{self, Retry};
use super::deviation::Deviation;
use super::ids::EventId;
use super::signature::{SIGNATURE_HEADER, sign};
use super::state::Shared;
use super::webhooks::Outcome;

/// How many deliveries run at the same time.
pub(super) const PARALLEL: usize = 10;

/// How long resolving the receiver's name may take.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest part of a response that the log keeps, in bytes.
const KEPT_RESPONSE_BYTES: usize = 65_535;

/// The content type of every delivery.
const CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// The request of one attempt.
struct Attempt {
    url: String,
    body: String,
    signature: String,
    started: Timestamp,
}

/// Makes all attempts of one delivery. As in the real portal, a delivery that waits for a retry keeps its permit.
pub(super) async fn deliver(shared: Arc<Shared>, event: EventId) {
    let Ok(_permit) = shared.delivery_permits.acquire().await else {
        return;
    };
    if !resolves(&shared, event).await {
        return;
    }
    let mut waits = shared.retry_waits.iter();
    let mut retry = None;
    while let Some(attempt) = prepare(&shared, event, retry.as_ref()) {
        let outcome = send(&shared, &attempt).await;
        let (Some(failure), Some(wait)) = (outcome.failure(), waits.next()) else {
            let now = shared.now();
            let mut state = shared.state();
            return state.webhooks.finish(event, outcome, attempt.started, now);
        };
        tokio::time::sleep(*wait).await;
        retry = Some(Retry {
            count: retry.map_or(1, |retry| retry.count + 1),
            on: shared.now(),
            last_failure_on: attempt.started,
            last_failure: failure.to_owned(),
        });
    }
}

/// Whether the receiver's name resolves. If it does not, the portal disables the webhook at once.
async fn resolves(shared: &Shared, event: EventId) -> bool {
    let (webhook, url) = {
        let state = shared.state();
        let Some((webhook, _)) = state.webhooks.delivery(event) else {
            return false;
        };
        (webhook.id, webhook.config.url.clone())
    };
    let resolved = match host_and_port(&url) {
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
        let mut state = shared.state();
        if let Some(webhook) = state.webhooks.get_mut(webhook) {
            webhook.config.enabled = false;
        }
    }
    resolved
}

/// Writes and signs the body of the next attempt; `None` if the webhook was deleted.
fn prepare(shared: &Shared, event: EventId, retry: Option<&Retry>) -> Option<Attempt> {
    let started = shared.now();
    let mut state = shared.state();
    let deviates = |deviation| state.deviations.contains(&deviation);
    let (webhook, row) = state.webhooks.delivery(event)?;
    let mut retry = retry.cloned();
    if let Some(retry) = &mut retry
        && deviates(Deviation::UncountedRetries)
    {
        retry.count = 0;
    }
    let body = body::write(Some(event), &row.event, webhook, retry.as_ref());
    let mut signature = sign(&webhook.config.secret, body.as_bytes());
    if deviates(Deviation::LowerCaseSignatures) {
        signature.make_ascii_lowercase();
    }
    let attempt = Attempt {
        url: webhook.config.url.clone(),
        signature,
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

async fn send(shared: &Shared, attempt: &Attempt) -> Outcome {
    let request = shared
        .client
        .post(&attempt.url)
        .timeout(shared.delivery_timeout)
        .header("content-type", CONTENT_TYPE)
        .header(SIGNATURE_HEADER, &attempt.signature)
        .body(attempt.body.clone());
    match response(request).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_timeout() => Outcome::TimedOut {
            reason: format!(
                "The request was canceled due to the configured HttpClient.Timeout of {} seconds elapsing.",
                shared.delivery_timeout.as_secs_f64()
            ),
        },
        Err(_) => Outcome::Failed {
            status: 0,
            reason: format!("Connection refused ({})", authority(&attempt.url)),
        },
    }
}

async fn response(request: reqwest::RequestBuilder) -> reqwest::Result<Outcome> {
    let response = request.send().await?;
    let status = response.status();
    let headers = headers_text(response.headers());
    let body = response.bytes().await?;
    if status.is_success() {
        let kept = &body[..body.len().min(KEPT_RESPONSE_BYTES)];
        return Ok(Outcome::Delivered {
            status: status.as_u16(),
            headers,
            response: String::from_utf8_lossy(kept).into_owned(),
        });
    }
    Ok(Outcome::Failed {
        status: status.as_u16(),
        reason: format!(
            "Response status code does not indicate success: {} ({}).",
            status.as_u16(),
            status.canonical_reason().unwrap_or_default()
        ),
    })
}

/// The headers of a response as the log shows them.
fn headers_text(headers: &HeaderMap) -> String {
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
    host_and_port(url).map_or_else(String::new, |(host, port)| format!("{host}:{port}"))
}

fn host_and_port(url: &str) -> Option<(String, u16)> {
    let url = Url::parse(url).ok()?;
    Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}
