//! Webhooks and the rows of the delivery log (docs/DOCSPACE.md 8).

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::Renderer;
use crate::triggers;
use crate::user::User;
use crate::webhook::Webhook;
use crate::webhooks::{Row, Webhooks};

/// A time as the webhook settings state it.
fn settings_date(time: Timestamp) -> String {
    time.to_string().replace('Z', "+00:00")
}

impl Renderer<'_> {
    /// A webhook's configuration, which does not include the secret.
    pub(crate) fn webhook(&self, webhook: &Webhook) -> Value {
        let mut config = json!({
            "id": webhook.id,
            "name": webhook.config.name,
            "uri": webhook.config.url,
            "enabled": webhook.config.enabled,
            "ssl": webhook.config.ssl,
            "triggers": webhook.config.triggers,
            "targetId": webhook.config.target.clone().unwrap_or_default(),
            "createdBy": self.user(User::Service),
            "createdOn": settings_date(webhook.created),
        });
        if let Some(modified) = webhook.modified {
            config["modifiedBy"] = self.user(User::Service);
            config["modifiedOn"] = settings_date(modified).into();
        }
        if let Some((on, content)) = &webhook.last_failure {
            config["lastFailureOn"] = settings_date(*on).into();
            config["lastFailureContent"] = content.as_str().into();
        }
        if let Some(success) = webhook.last_success {
            config["lastSuccessOn"] = settings_date(success).into();
        }
        config
    }
}

/// A time of the delivery log, which the portal takes for a local time although it is in UTC.
fn log_date(time: Timestamp, zone: &TimeZone) -> String {
    let local = TimeZone::UTC.to_datetime(time);
    let taken = zone.to_ambiguous_timestamp(local).compatible();
    taken.unwrap_or(time).to_string()
}

/// A row of the delivery log. Its times are wrong by the portal's offset from UTC, as with its default database.
pub(crate) fn log_row(row: &Row, webhooks: &Webhooks, zone: &TimeZone) -> Value {
    let mut object = json!({
        "id": row.id,
        "trigger": triggers::bit(row.event.trigger),
        "creationTime": log_date(row.created, zone),
        "requestPayload": row.body,
        "status": row.status,
    });
    if let Some(webhook) = webhooks.get(row.webhook) {
        object["configName"] = webhook.config.name.as_str().into();
    }
    let texts = [
        ("requestHeaders", &row.request_headers),
        ("responseHeaders", &row.response_headers),
        ("responsePayload", &row.response),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            object[key] = text.as_str().into();
        }
    }
    if let Some(delivered) = row.delivered {
        object["delivery"] = log_date(delivered, zone).into();
    }
    object
}
