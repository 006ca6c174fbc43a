//! Managing webhooks and reading the delivery log (docs/DOCSPACE.md 1.8, 8).

use std::time::Duration;

use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::json_body::JsonBody;
use super::{ApiError, ApiResult, Responder};
use crate::ids::{EventId, WebhookId};
use crate::json::webhooks::log_row;
use crate::portal::Portal;
use crate::triggers::{ALL, TRIGGERS, bit};
use crate::webhook::WebhookConfig;
use crate::webhooks::Row;

/// How long the receiver may take to respond to the probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest name of a webhook, in characters.
const MAX_NAME: usize = 50;

/// The length of a secret, in characters.
const SECRET_LENGTH: std::ops::RangeInclusive<usize> = 8..=30;

/// The most rows of a page of the log.
const MAX_ROWS: usize = 100;

/// The body of creating, updating and enabling; a missing member has the default value of its type.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Configuration {
    id: Option<WebhookId>,
    name: Option<String>,
    uri: Option<String>,
    secret_key: Option<String>,
    enabled: Option<bool>,
    ssl: Option<bool>,
    triggers: Option<i64>,
    target_id: Option<String>,
}

/// The validated members of a body.
struct Checked {
    name: String,
    url: String,
}

/// The query of the log.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogQuery {
    config_id: Option<WebhookId>,
    event_id: Option<EventId>,
    group_status: Option<u8>,
    trigger: Option<i64>,
    start_index: Option<usize>,
    count: Option<usize>,
}

/// The body of a manual retry of several rows.
#[derive(Debug, Deserialize)]
pub(super) struct RetryMany {
    ids: Vec<EventId>,
}

pub(super) async fn list(State(portal): State<Portal>, responder: Responder) -> ApiResult {
    let webhooks: Vec<_> = {
        let state = portal.state();
        let renderer = state.renderer(&responder.base_url);
        let with_status = state.webhooks.all().map(|webhook| {
            let delivered = state
                .webhooks
                .rows()
                .rev()
                .find(|row| row.webhook == webhook.id && row.delivered.is_some());
            json!({
                "configs": renderer.webhook(webhook),
                "status": delivered.map_or(0, |row| row.status),
            })
        });
        with_status.collect()
    };
    Ok(responder.ok(&webhooks.into()))
}

pub(super) async fn create(
    State(portal): State<Portal>,
    responder: Responder,
    JsonBody(configuration): JsonBody<Configuration>,
) -> ApiResult {
    let checked = match checked(&configuration) {
        Ok(checked) => checked,
        Err((field, message)) => return Ok(responder.invalid(field, message)),
    };
    let secret = configuration.secret_key.unwrap_or_default();
    check_secret(&secret)?;
    check_url(&portal, &checked, configuration.ssl.unwrap_or(false), None)?;
    probe(&portal, &checked.url).await?;
    let config = WebhookConfig {
        name: checked.name,
        url: checked.url,
        secret,
        enabled: configuration.enabled.unwrap_or(false),
        ssl: configuration.ssl.unwrap_or(false),
        triggers: configuration.triggers.unwrap_or(0),
        target: configuration.target_id.filter(|target| !target.is_empty()),
    };
    let id = portal.update(|state, now| state.webhooks.add(config, now));
    Ok(responder.ok(&webhook_json(&portal, &responder, id)?))
}

/// Replaces everything; an empty secret keeps the present one.
pub(super) async fn update(
    State(portal): State<Portal>,
    responder: Responder,
    JsonBody(configuration): JsonBody<Configuration>,
) -> ApiResult {
    let checked = match checked(&configuration) {
        Ok(checked) => checked,
        Err((field, message)) => return Ok(responder.invalid(field, message)),
    };
    let id = configuration.id.ok_or(ApiError::RecordMissing)?;
    webhook_json(&portal, &responder, id)?;
    let secret = configuration.secret_key.filter(|secret| !secret.is_empty());
    if let Some(secret) = &secret {
        check_secret(secret)?;
    }
    let ssl = configuration.ssl.unwrap_or(false);
    check_url(&portal, &checked, ssl, Some(id))?;
    probe(&portal, &checked.url).await?;
    portal.update(|state, now| {
        let Some(webhook) = state.webhooks.get_mut(id) else {
            return;
        };
        webhook.modified = Some(now);
        webhook.config = WebhookConfig {
            name: checked.name,
            url: checked.url,
            secret: secret.unwrap_or_else(|| webhook.config.secret.clone()),
            enabled: configuration.enabled.unwrap_or(false),
            ssl,
            triggers: configuration.triggers.unwrap_or(0),
            target: configuration.target_id.filter(|target| !target.is_empty()),
        };
    });
    Ok(responder.ok(&webhook_json(&portal, &responder, id)?))
}

pub(super) async fn enable(
    State(portal): State<Portal>,
    responder: Responder,
    JsonBody(configuration): JsonBody<Configuration>,
) -> ApiResult {
    if let Err((field, message)) = checked(&configuration) {
        return Ok(responder.invalid(field, message));
    }
    let id = configuration.id.ok_or(ApiError::RecordMissing)?;
    let enabled = configuration.enabled.unwrap_or(false);
    let url = {
        let state = portal.state();
        let webhook = state.webhooks.get(id).ok_or(ApiError::RecordMissing)?;
        webhook.config.url.clone()
    };
    if enabled {
        probe(&portal, &url).await?;
    }
    portal.set_webhook_enabled(id, enabled);
    Ok(responder.ok(&webhook_json(&portal, &responder, id)?))
}

pub(super) async fn delete(
    State(portal): State<Portal>,
    Path(id): Path<WebhookId>,
    responder: Responder,
) -> ApiResult {
    let deleted = webhook_json(&portal, &responder, id)?;
    portal.delete_webhook(id);
    Ok(responder.ok(&deleted))
}

pub(super) async fn triggers(responder: Responder) -> ApiResult {
    let known = std::iter::once((ALL, 0)).chain(TRIGGERS);
    let rows: Vec<_> = known
        .map(|(name, bit)| json!({ "name": name, "id": bit, "available": true }))
        .collect();
    Ok(responder.ok(&rows.into()))
}

/// A page of the log, newest row first.
pub(super) async fn log(
    State(portal): State<Portal>,
    Query(query): Query<LogQuery>,
    responder: Responder,
) -> ApiResult {
    let count = query.count.unwrap_or(MAX_ROWS);
    if !(1..=MAX_ROWS).contains(&count) {
        return Ok(responder.invalid("Count", "The field Count must be between 1 and 100."));
    }
    let (page, total) = {
        let mut state = portal.state();
        let matching: Vec<_> = state
            .webhooks
            .rows()
            .rev()
            .filter(|row| query.matches(row))
            .collect();
        let page = matching
            .iter()
            .skip(query.start_index.unwrap_or(0))
            .take(count);
        let zone = state.log_zone.clone();
        let page: Vec<_> = page
            .map(|row| log_row(row, &state.webhooks, &zone))
            .collect();
        let total = matching.len();
        let delivered = state.delivered_per_log_page;
        state.webhooks.deliver_newest(delivered, portal.now());
        let added = state.added_per_log_page;
        state.webhooks.repeat_newest(added, portal.now());
        (page, total)
    };
    Ok(responder.page(&page.into(), total))
}

impl LogQuery {
    fn matches(&self, row: &Row) -> bool {
        let group: u8 = match row.status {
            0 => 1,
            200..300 => 2,
            300..400 => 4,
            400..500 => 8,
            _ => 16,
        };
        self.config_id.is_none_or(|id| row.webhook == id)
            && self.event_id.is_none_or(|id| row.id == id)
            && self
                .group_status
                .is_none_or(|wanted| wanted == 0 || wanted & group != 0)
            && self
                .trigger
                .is_none_or(|wanted| wanted == 0 || wanted & bit(row.event.trigger) != 0)
    }
}

pub(super) async fn retry(
    State(portal): State<Portal>,
    Path(id): Path<EventId>,
    responder: Responder,
) -> ApiResult {
    let row = retry_row(&portal, id).ok_or(ApiError::RecordMissing)?;
    Ok(responder.ok(&row))
}

/// Retries those of the rows that exist.
pub(super) async fn retry_many(
    State(portal): State<Portal>,
    responder: Responder,
    JsonBody(retry): JsonBody<RetryMany>,
) -> ApiResult {
    let rows: Vec<_> = retry
        .ids
        .into_iter()
        .filter_map(|id| retry_row(&portal, id))
        .collect();
    Ok(responder.ok(&rows.into()))
}

/// Retries a delivery; the new row before its first attempt, without the name of the webhook.
fn retry_row(portal: &Portal, id: EventId) -> Option<Value> {
    let retried = portal.retry_delivery(id)?;
    let state = portal.state();
    let mut row = log_row(
        state.webhooks.row(retried)?,
        &state.webhooks,
        &state.log_zone,
    );
    if let Some(row) = row.as_object_mut() {
        row.remove("configName");
    }
    Some(row)
}

fn webhook_json(portal: &Portal, responder: &Responder, id: WebhookId) -> Result<Value, ApiError> {
    let state = portal.state();
    let webhook = state.webhooks.get(id).ok_or(ApiError::RecordMissing)?;
    Ok(state.renderer(&responder.base_url).webhook(webhook))
}

fn checked(configuration: &Configuration) -> Result<Checked, (&'static str, &'static str)> {
    let name = configuration.name.clone().unwrap_or_default();
    if name.is_empty() {
        return Err(("Name", "The Name field is required."));
    }
    if name.chars().count() > MAX_NAME {
        return Err((
            "Name",
            "The field Name must be a string with a maximum length of 50.",
        ));
    }
    let url = configuration.uri.clone().unwrap_or_default();
    if reqwest::Url::parse(&url).is_err() {
        return Err((
            "Uri",
            "The Uri field is not a valid fully-qualified http or https URL.",
        ));
    }
    Ok(Checked { name, url })
}

/// Checks the URL. Unlike a real portal, the sandbox allows local addresses.
fn check_url(
    portal: &Portal,
    checked: &Checked,
    ssl: bool,
    own: Option<WebhookId>,
) -> Result<(), ApiError> {
    let secure = checked.url.starts_with("https://");
    if !(secure || !ssl && checked.url.starts_with("http://")) {
        return Err(ApiError::BadArgument("Webhook URL is not valid"));
    }
    let state = portal.state();
    let taken = state.webhooks.all().any(|webhook| {
        Some(webhook.id) != own
            && webhook.config.name == checked.name
            && webhook.config.url == checked.url
    });
    if taken {
        return Err(ApiError::BadArgument(
            "Webhook with the same name and URL already exists",
        ));
    }
    Ok(())
}

fn check_secret(secret: &str) -> Result<(), ApiError> {
    let printable = secret.bytes().all(|byte| byte.is_ascii_graphic());
    if printable && SECRET_LENGTH.contains(&secret.len()) {
        return Ok(());
    }
    Err(ApiError::BadArgument(
        "Secret key does not satisfy the password policy",
    ))
}

/// Probes the receiver with a HEAD request.
async fn probe(portal: &Portal, url: &str) -> Result<(), ApiError> {
    let probe = portal.shared.client.head(url).timeout(PROBE_TIMEOUT);
    let response = probe.send().await.map_err(|_| ApiError::Server)?;
    if response.status().is_success() {
        return Ok(());
    }
    Err(ApiError::BadArgument(
        "Webhook URL is not available. HEAD request is not response 200 http status.",
    ))
}
