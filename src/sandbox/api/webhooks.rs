//! Managing webhooks and reading their log (docs/DOCSPACE.md 1.8, 8).

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, ApiError, Here};
use crate::docspace::triggers::{EVERYTHING, TRIGGERS, bit};
use crate::ids::{EventId, WebhookId};
use crate::sandbox::Portal;
use crate::sandbox::json::log_row;
use crate::sandbox::webhooks::{Row, Webhook};
use crate::signature::WebhookSecret;

/// How long the receiver may take to answer the probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest name of a webhook, in characters.
const LONGEST_NAME: usize = 50;

/// The length of a secret, in characters.
const SECRET_LENGTH: std::ops::RangeInclusive<usize> = 8..=30;

/// The most rows of the log in one answer.
const ROWS_AT_ONCE: usize = 100;

/// The request of creating, changing and enabling; what is left out has its type's default value.
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

/// A request after the rules of its model.
struct Checked {
    name: String,
    url: String,
}

/// Which rows of the log are asked for.
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

/// The rows to send again.
#[derive(Debug, Deserialize)]
pub(super) struct Retried {
    ids: Vec<EventId>,
}

pub(super) async fn list(State(portal): State<Portal>, here: Here) -> Answer {
    let webhooks: Vec<_> = {
        let state = portal.state();
        let shown = state.shown(&here.base);
        let with_status = state.webhooks.all().map(|webhook| {
            let delivered = state
                .webhooks
                .rows()
                .rev()
                .find(|row| row.webhook == webhook.id && row.delivered.is_some());
            json!({
                "configs": shown.webhook(webhook),
                "status": delivered.map_or(0, |row| row.status),
            })
        });
        with_status.collect()
    };
    Ok(here.answer(&webhooks.into()))
}

pub(super) async fn create(
    State(portal): State<Portal>,
    here: Here,
    Json(configuration): Json<Configuration>,
) -> Answer {
    let checked = match checked(&configuration) {
        Ok(checked) => checked,
        Err((field, message)) => return Ok(here.invalid(field, message)),
    };
    let secret = configuration.secret_key.unwrap_or_default();
    check_secret(&secret)?;
    check_url(&portal, &checked, configuration.ssl.unwrap_or(false), None)?;
    probe(&portal, &checked.url).await?;
    let webhook = Webhook {
        id: WebhookId(0),
        name: checked.name,
        url: checked.url,
        secret: WebhookSecret::new(secret),
        enabled: configuration.enabled.unwrap_or(false),
        ssl: configuration.ssl.unwrap_or(false),
        triggers: configuration.triggers.unwrap_or(0),
        target: configuration.target_id.filter(|target| !target.is_empty()),
        created: portal.now(),
        modified: None,
        last_success: None,
        last_failure: None,
    };
    let id = portal.state().webhooks.add(webhook);
    Ok(here.answer(&webhook_json(&portal, &here, id)?))
}

/// Replaces everything but an empty secret.
pub(super) async fn update(
    State(portal): State<Portal>,
    here: Here,
    Json(configuration): Json<Configuration>,
) -> Answer {
    let checked = match checked(&configuration) {
        Ok(checked) => checked,
        Err((field, message)) => return Ok(here.invalid(field, message)),
    };
    let id = configuration.id.ok_or(ApiError::RecordMissing)?;
    webhook_json(&portal, &here, id)?;
    let secret = configuration.secret_key.filter(|secret| !secret.is_empty());
    if let Some(secret) = &secret {
        check_secret(secret)?;
    }
    let ssl = configuration.ssl.unwrap_or(false);
    check_url(&portal, &checked, ssl, Some(id))?;
    probe(&portal, &checked.url).await?;
    portal.change(|state, now| {
        let Some(webhook) = state.webhooks.get_mut(id) else {
            return;
        };
        webhook.name = checked.name;
        webhook.url = checked.url;
        webhook.enabled = configuration.enabled.unwrap_or(false);
        webhook.ssl = ssl;
        webhook.triggers = configuration.triggers.unwrap_or(0);
        webhook.target = configuration.target_id.filter(|target| !target.is_empty());
        webhook.modified = Some(now);
        if let Some(secret) = secret {
            webhook.secret = WebhookSecret::new(secret);
        }
    });
    Ok(here.answer(&webhook_json(&portal, &here, id)?))
}

pub(super) async fn enable(
    State(portal): State<Portal>,
    here: Here,
    Json(configuration): Json<Configuration>,
) -> Answer {
    if let Err((field, message)) = checked(&configuration) {
        return Ok(here.invalid(field, message));
    }
    let id = configuration.id.ok_or(ApiError::RecordMissing)?;
    let enabled = configuration.enabled.unwrap_or(false);
    let url = {
        let state = portal.state();
        let webhook = state.webhooks.get(id).ok_or(ApiError::RecordMissing)?;
        webhook.url.clone()
    };
    if enabled {
        probe(&portal, &url).await?;
    }
    portal.set_webhook_enabled(id, enabled);
    Ok(here.answer(&webhook_json(&portal, &here, id)?))
}

pub(super) async fn delete(
    State(portal): State<Portal>,
    Path(id): Path<WebhookId>,
    here: Here,
) -> Answer {
    let deleted = webhook_json(&portal, &here, id)?;
    portal.delete_webhook(id);
    Ok(here.answer(&deleted))
}

pub(super) async fn triggers(here: Here) -> Answer {
    let known = std::iter::once((EVERYTHING, 0)).chain(TRIGGERS);
    let rows: Vec<_> = known
        .map(|(name, bit)| json!({ "name": name, "id": bit, "available": true }))
        .collect();
    Ok(here.answer(&rows.into()))
}

/// A page of the log, newest row first.
pub(super) async fn log(
    State(portal): State<Portal>,
    Query(query): Query<LogQuery>,
    here: Here,
) -> Answer {
    let count = query.count.unwrap_or(ROWS_AT_ONCE);
    if !(1..=ROWS_AT_ONCE).contains(&count) {
        return Ok(here.invalid("Count", "The field Count must be between 1 and 100."));
    }
    let (page, total) = {
        let state = portal.state();
        let fitting: Vec<_> = state
            .webhooks
            .rows()
            .rev()
            .filter(|row| query.fits(row))
            .collect();
        let page = fitting
            .iter()
            .skip(query.start_index.unwrap_or(0))
            .take(count);
        let page: Vec<_> = page.map(|row| log_row(row, &state.webhooks)).collect();
        (page, fitting.len())
    };
    Ok(here.page(&page.into(), total))
}

impl LogQuery {
    fn fits(&self, row: &Row) -> bool {
        let group: u8 = match row.status {
            0 => 1,
            200..300 => 2,
            300..400 => 4,
            400..500 => 8,
            _ => 16,
        };
        self.config_id.is_none_or(|id| row.webhook == id)
            && self.event_id.is_none_or(|id| row.event == id)
            && self
                .group_status
                .is_none_or(|wanted| wanted == 0 || wanted & group != 0)
            && self
                .trigger
                .is_none_or(|wanted| wanted == 0 || wanted & bit(row.happening.trigger) != 0)
    }
}

pub(super) async fn retry(
    State(portal): State<Portal>,
    Path(id): Path<EventId>,
    here: Here,
) -> Answer {
    let row = retried_json(&portal, id).ok_or(ApiError::RecordMissing)?;
    Ok(here.answer(&row))
}

/// Repeats what exists of the rows named.
pub(super) async fn retry_many(
    State(portal): State<Portal>,
    here: Here,
    Json(retried): Json<Retried>,
) -> Answer {
    let rows: Vec<_> = retried
        .ids
        .into_iter()
        .filter_map(|id| retried_json(&portal, id))
        .collect();
    Ok(here.answer(&rows.into()))
}

/// Repeats a delivery; the new row as it stands before it is sent, which does not name its webhook.
fn retried_json(portal: &Portal, id: EventId) -> Option<Value> {
    let repeated = portal.repeat_delivery(id)?;
    let state = portal.state();
    let mut row = log_row(state.webhooks.row(repeated)?, &state.webhooks);
    if let Some(row) = row.as_object_mut() {
        row.remove("configName");
    }
    Some(row)
}

fn webhook_json(portal: &Portal, here: &Here, id: WebhookId) -> Result<Value, ApiError> {
    let state = portal.state();
    let webhook = state.webhooks.get(id).ok_or(ApiError::RecordMissing)?;
    Ok(state.shown(&here.base).webhook(webhook))
}

fn checked(configuration: &Configuration) -> Result<Checked, (&'static str, &'static str)> {
    let name = configuration.name.clone().unwrap_or_default();
    if name.is_empty() {
        return Err(("Name", "The Name field is required."));
    }
    if name.chars().count() > LONGEST_NAME {
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

/// Local addresses are allowed here, unlike in a real portal.
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
        Some(webhook.id) != own && webhook.name == checked.name && webhook.url == checked.url
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

/// Asks the receiver whether it is there.
async fn probe(portal: &Portal, url: &str) -> Result<(), ApiError> {
    let probe = portal.0.client.head(url).timeout(PROBE_TIMEOUT);
    let answer = probe.send().await.map_err(|_| ApiError::Server)?;
    if answer.status().is_success() {
        return Ok(());
    }
    Err(ApiError::BadArgument(
        "Webhook URL is not available. HEAD request is not response 200 http status.",
    ))
}
