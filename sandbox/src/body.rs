//! The body of a delivery: `event`, `payload` and `webhook`, with the properties in the portal's order and without
//! those that have the default value of their type (docs/DOCSPACE.md 1.1, 2.1).

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::dotnet_json;
use super::event::{Event, Payload};
use super::ids::{EventId, WebhookId};
use super::triggers;
use super::webhook::Webhook;

/// What the body of a retry says about the attempt before it.
#[derive(Clone, Debug)]
pub(super) struct Retry {
    pub(super) count: u32,
    pub(super) on: Timestamp,
    pub(super) last_failure_on: Timestamp,
    pub(super) last_failure: String,
}

#[derive(Serialize)]
struct Body<'a> {
    event: EventPart<'a>,
    payload: &'a Payload,
    webhook: WebhookPart<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventPart<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<EventId>,
    create_on: String,
    create_by: &'a str,
    trigger: &'a str,
    trigger_id: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebhookPart<'a> {
    id: WebhookId,
    name: &'a str,
    url: &'a str,
    triggers: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Target<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_success_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_on: Option<String>,
}

#[derive(Serialize)]
struct Target<'a> {
    id: &'a Value,
    r#type: &'a str,
}

/// The text of a delivery's body; without `id` the copy that is stored before the first attempt.
pub(super) fn write(
    id: Option<EventId>,
    event: &Event,
    webhook: &Webhook,
    retry: Option<&Retry>,
) -> String {
    let kind = event.trigger.split('.').next().unwrap_or_default();
    let last_success = webhook.last_success.filter(|_| retry.is_some());
    dotnet_json::to_string(&Body {
        event: EventPart {
            id,
            create_on: event.on.to_string(),
            create_by: event.by,
            trigger: event.trigger,
            trigger_id: triggers::bit(event.trigger),
        },
        payload: &event.payload,
        webhook: WebhookPart {
            id: webhook.id,
            name: &webhook.config.name,
            url: &webhook.config.url,
            triggers: triggers::names(webhook.config.triggers),
            target: webhook.config.target.as_ref().map(|_| Target {
                id: event.payload.id(),
                r#type: kind,
            }),
            last_failure_on: retry.map(|retry| retry.last_failure_on.to_string()),
            last_failure_content: retry.map(|retry| retry.last_failure.as_str()),
            last_success_on: last_success.map(without_zone),
            retry_count: retry.map(|retry| retry.count).filter(|count| *count > 0),
            retry_on: retry.map(|retry| retry.on.to_string()),
        },
    })
}

/// A time that the portal has read from `MySQL`, which drops the zone.
fn without_zone(time: Timestamp) -> String {
    time.to_string().trim_end_matches('Z').to_owned()
}
