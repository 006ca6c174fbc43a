//! Calls about the portal's log of deliveries (docs/DOCSPACE.md 8). They need a key with a `*` scope.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::ids::{EventId, WebhookId};
use crate::wire;

use super::call::PortalCall;
use super::error::Error;
use super::page::{PAGE_SIZE, Page};
use super::path::ApiPath;
use super::transport::Transport;

/// `groupStatus` of everything that was not delivered: not sent, 3xx, 4xx and 5xx.
const UNDELIVERED: u8 = 29;

/// Calls about the log of deliveries.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryLog<'a> {
    transport: &'a Transport,
}

/// A row of the log: one event for one webhook.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogRow {
    /// Its id, which is the `event.id` of the delivery.
    pub id: EventId,
    /// When the event happened; with `MySQL` wrong by the portal's offset from UTC (docs/DOCSPACE.md 8).
    #[serde(default, deserialize_with = "wire::optional_time")]
    pub creation_time: Option<Timestamp>,
    /// The headers of the last attempt as JSON, with its signature; absent before the first attempt.
    #[serde(default)]
    pub request_headers: Option<String>,
    /// The last body sent; if none was sent yet, a body without `event.id`.
    #[serde(default)]
    pub request_payload: String,
    /// The status of the last attempt; 0 if the row waits, was never sent, or the receiver did not answer.
    #[serde(default)]
    pub status: u16,
    /// The body of the last answer, or the text of the error.
    #[serde(default)]
    pub response_payload: Option<String>,
}

impl LogRow {
    /// The value of a header of the last attempt.
    pub fn header(&self, name: &str) -> Option<String> {
        let headers: BTreeMap<String, Vec<String>> =
            serde_json::from_str(self.request_headers.as_deref()?).ok()?;
        headers
            .into_iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .and_then(|(_, values)| values.into_iter().next())
    }
}

impl<'a> DeliveryLog<'a> {
    pub(super) fn new(transport: &'a Transport) -> Self {
        Self { transport }
    }

    /// Reads the newest page of what was not delivered to a webhook, newest first.
    pub async fn undelivered(self, webhook: WebhookId) -> Result<Vec<LogRow>, Error> {
        Ok(self.undelivered_page(webhook, 0).await?.content)
    }

    /// Reads one page of what was not delivered to a webhook, newest first, from this row of the list on.
    pub async fn undelivered_page(
        self,
        webhook: WebhookId,
        start: u64,
    ) -> Result<Page<Vec<LogRow>>, Error> {
        let query = format!(
            "configId={webhook}&groupStatus={UNDELIVERED}&count={PAGE_SIZE}&startIndex={start}"
        );
        let path = ApiPath::from("settings/webhooks/log").query(&query);
        let envelope = self.transport.send(PortalCall::list(path)).await?;
        let rows: Vec<LogRow> = envelope.response;
        let len = rows.len();
        Ok(Page::new(rows, start, len, envelope.total))
    }
}
