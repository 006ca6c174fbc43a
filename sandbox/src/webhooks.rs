//! The registered webhooks and the delivery log. Nothing is sent from here; `sender` does that.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::body;
use super::event::Event;
use super::ids::{EventId, WebhookId};
use super::webhook::{Webhook, WebhookConfig};

/// The number of the first row of the log.
const FIRST_EVENT: i64 = 902_341;

/// The number of the first webhook.
const FIRST_WEBHOOK: i64 = 417;

/// How long a webhook may go without a successful delivery before a failed one disables it.
const DISABLED_AFTER: SignedDuration = SignedDuration::from_hours(3 * 24);

/// A row of the delivery log: one event for one webhook.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: EventId,
    pub(super) webhook: WebhookId,
    pub(super) event: Event,
    pub(super) created: Timestamp,
    /// The last body sent; before the first attempt the stored copy, which has no `event.id`.
    pub(super) body: String,
    pub(super) attempts: u32,
    /// The status of the last attempt; 0 before the first one and without a response.
    pub(super) status: u16,
    pub(super) request_headers: Option<String>,
    pub(super) response_headers: Option<String>,
    pub(super) response: Option<String>,
    pub(super) delivered: Option<Timestamp>,
}

/// The result of the last attempt of a delivery.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// A 2xx response.
    Delivered {
        status: u16,
        headers: String,
        response: String,
    },
    /// Any other response, or none (status 0).
    Failed { status: u16, reason: String },
    /// No response in time.
    TimedOut { reason: String },
}

impl Outcome {
    /// Why the attempt failed; `None` if it did not.
    pub(super) fn failure(&self) -> Option<&str> {
        match self {
            Self::Delivered { .. } => None,
            Self::Failed { reason, .. } | Self::TimedOut { reason } => Some(reason),
        }
    }
}

/// All webhooks and rows.
#[derive(Debug)]
pub(super) struct Webhooks {
    registered: BTreeMap<WebhookId, Webhook>,
    rows: BTreeMap<EventId, Row>,
    next_webhook: i64,
    next_event: i64,
}

impl Webhooks {
    pub(super) fn new() -> Self {
        Self {
            registered: BTreeMap::new(),
            rows: BTreeMap::new(),
            next_webhook: FIRST_WEBHOOK,
            next_event: FIRST_EVENT,
        }
    }

    /// Registers a webhook under the next free number.
    pub(super) fn add(&mut self, config: WebhookConfig, now: Timestamp) -> WebhookId {
        let id = WebhookId(self.next_webhook);
        self.next_webhook += 1;
        let webhook = Webhook {
            id,
            config,
            created: now,
            modified: None,
            last_success: None,
            last_failure: None,
        };
        self.registered.insert(id, webhook);
        id
    }

    pub(super) fn get(&self, id: WebhookId) -> Option<&Webhook> {
        self.registered.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: WebhookId) -> Option<&mut Webhook> {
        self.registered.get_mut(&id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Webhook> {
        self.registered.values()
    }

    /// Deletes a webhook and its rows of the log.
    pub(super) fn remove(&mut self, id: WebhookId) {
        self.rows.retain(|_, row| row.webhook != id);
        self.registered.remove(&id);
    }

    pub(super) fn row(&self, id: EventId) -> Option<&Row> {
        self.rows.get(&id)
    }

    pub(super) fn row_mut(&mut self, id: EventId) -> Option<&mut Row> {
        self.rows.get_mut(&id)
    }

    /// The log, oldest row first.
    pub(super) fn rows(&self) -> impl DoubleEndedIterator<Item = &Row> {
        self.rows.values()
    }

    /// Counts some of the newest undelivered rows as delivered.
    pub(super) fn deliver_newest(&mut self, count: usize, now: Timestamp) {
        let undelivered = self.rows.values_mut().rev();
        for row in undelivered
            .filter(|row| row.delivered.is_none())
            .take(count)
        {
            row.status = 200;
            row.delivered = Some(now);
        }
    }

    /// Adds copies of the newest rows that nobody delivers.
    pub(super) fn repeat_newest(&mut self, count: usize, now: Timestamp) {
        let newest: Vec<EventId> = self.rows.keys().rev().take(count).copied().collect();
        for row in newest {
            self.retry(row, now);
        }
    }

    /// The webhook of a row, and the row.
    pub(super) fn delivery(&self, id: EventId) -> Option<(&Webhook, &Row)> {
        let row = self.rows.get(&id)?;
        Some((self.registered.get(&row.webhook)?, row))
    }

    /// Adds a row for each enabled webhook that subscribes to an event; the rows are to be delivered.
    pub(super) fn publish(&mut self, event: &Event, now: Timestamp) -> Vec<EventId> {
        let subscribed: Vec<_> = self
            .registered
            .values()
            .filter(|webhook| webhook.subscribes_to(event))
            .map(|webhook| (webhook.id, body::write(None, event, webhook, None)))
            .collect();
        subscribed
            .into_iter()
            .map(|(webhook, body)| self.add_row(webhook, event.clone(), body, now))
            .collect()
    }

    /// Adds a copy of a row, as a manual retry does; it is to be delivered, even if the webhook is disabled.
    pub(super) fn retry(&mut self, id: EventId, now: Timestamp) -> Option<EventId> {
        let row = self.rows.get(&id)?.clone();
        Some(self.add_row(row.webhook, row.event, row.body, now))
    }

    fn add_row(
        &mut self,
        webhook: WebhookId,
        event: Event,
        body: String,
        now: Timestamp,
    ) -> EventId {
        let id = EventId(self.next_event);
        self.next_event += 1;
        let row = Row {
            id,
            webhook,
            event,
            created: now,
            body,
            attempts: 0,
            status: 0,
            request_headers: None,
            response_headers: None,
            response: None,
            delivered: None,
        };
        self.rows.insert(id, row);
        id
    }

    /// Records the result of a delivery's last attempt, and its effect on the webhook (docs/DOCSPACE.md 1.6).
    pub(super) fn finish(
        &mut self,
        id: EventId,
        outcome: Outcome,
        started: Timestamp,
        now: Timestamp,
    ) {
        let Some(row) = self.rows.get_mut(&id) else {
            return;
        };
        let Some(webhook) = self.registered.get_mut(&row.webhook) else {
            return;
        };
        match outcome {
            Outcome::Delivered {
                status,
                headers,
                response,
            } => {
                row.status = status;
                row.response_headers = Some(headers);
                row.response = Some(response);
                row.delivered = Some(now);
                webhook.last_success = Some(started);
            }
            Outcome::Failed { status: 410, .. } => {
                let id = webhook.id;
                self.remove(id);
            }
            Outcome::Failed { status, reason } => {
                row.status = status;
                row.response = Some(reason.clone());
                webhook.last_failure = Some((started, reason));
                let last_success = webhook.last_success.unwrap_or(webhook.created);
                if now.duration_since(last_success) > DISABLED_AFTER {
                    webhook.config.enabled = false;
                }
            }
            Outcome::TimedOut { reason } => {
                row.status = 500;
                row.response = Some(reason.clone());
                webhook.last_failure = Some((started, reason));
            }
        }
    }
}
