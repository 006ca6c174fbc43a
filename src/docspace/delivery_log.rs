//! The portal's log of deliveries (docs/DOCSPACE.md 8). Needs a key with a `*` scope.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::event::parse_time;
use crate::ids::{EventId, WebhookId};

use super::files::PAGE;
use super::{Client, Error};

/// `groupStatus` bits of everything that was not delivered: not sent, 3xx, 4xx, 5xx.
const UNDELIVERED: u8 = 29;

/// A row of the delivery log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogRow {
    /// The row's id, which is the delivery's `event.id`.
    pub id: EventId,
    /// When the event happened.
    #[serde(default, deserialize_with = "time")]
    pub creation_time: Option<Timestamp>,
    /// The headers of the last attempt, as JSON text, with its signature; absent before the first.
    #[serde(default)]
    pub request_headers: Option<String>,
    /// The last body sent; of a row that was never sent, without `event.id`.
    #[serde(default)]
    pub request_payload: String,
    /// The status of the last attempt; 0 when it waits, was never sent or nobody answered.
    #[serde(default)]
    pub status: u16,
    /// What came back from the last attempt.
    #[serde(default)]
    pub response_payload: Option<String>,
}

/// A page of the delivery log, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    /// Its rows.
    pub rows: Vec<LogRow>,
    /// How many rows there are in all, where the portal says so.
    pub total: Option<u64>,
}

impl LogRow {
    /// The value of this header in the last attempt.
    pub fn header(&self, name: &str) -> Option<String> {
        let headers: BTreeMap<String, Vec<String>> =
            serde_json::from_str(self.request_headers.as_deref()?).ok()?;
        headers
            .into_iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .and_then(|(_, values)| values.into_iter().next())
    }
}

impl Client {
    /// A page of what was not delivered to a webhook, from this row on.
    pub async fn undelivered_page(&self, webhook: WebhookId, start: u64) -> Result<LogPage, Error> {
        let path = format!(
            "settings/webhooks/log?configId={webhook}&groupStatus={UNDELIVERED}&count={PAGE}&startIndex={start}"
        );
        let answer = self.get(&path).await?;
        Ok(LogPage {
            rows: answer.response,
            total: answer.total,
        })
    }
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?
        .as_deref()
        .and_then(parse_time))
}
