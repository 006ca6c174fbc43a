//! The registered webhooks and the log of their deliveries. State only; `sender` does the sending.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::body::{self, Happening};
use super::triggers;
use crate::ids::{EventId, WebhookId};
use crate::signature::WebhookSecret;

/// The first number given to a row of the log.
const FIRST_EVENT: i64 = 902_341;

/// The first number given to a webhook.
const FIRST_WEBHOOK: i64 = 417;

/// How long a webhook may go without success before a failed delivery switches it off.
const TRUSTED: SignedDuration = SignedDuration::from_hours(3 * 24);

/// A webhook's configuration.
#[derive(Clone, Debug)]
pub(super) struct Webhook {
    pub(super) id: WebhookId,
    pub(super) name: String,
    pub(super) url: String,
    pub(super) secret: WebhookSecret,
    pub(super) enabled: bool,
    pub(super) ssl: bool,
    /// The sum of the subscribed bits; 0 is everything.
    pub(super) triggers: i64,
    /// The id of the one entry it is about, if it is about one.
    pub(super) target: Option<String>,
    pub(super) created: Timestamp,
    pub(super) modified: Option<Timestamp>,
    pub(super) last_success: Option<Timestamp>,
    pub(super) last_failure: Option<(Timestamp, String)>,
}

impl Webhook {
    fn wants(&self, happening: &Happening) -> bool {
        self.enabled
            && (self.triggers == 0 || self.triggers & triggers::bit(happening.trigger) != 0)
            && self.target.as_ref().is_none_or(|target| {
                let id = happening.payload.id();
                id.as_str().map_or_else(|| id.to_string(), str::to_owned) == *target
            })
    }
}

/// A row of the log: one happening for one webhook.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) event: EventId,
    pub(super) webhook: WebhookId,
    pub(super) happening: Happening,
    pub(super) created: Timestamp,
    /// The last body sent, or the stored copy without `event.id` before the first attempt.
    pub(super) body: String,
    pub(super) attempts: u32,
    /// The status of the last attempt; 0 while there is none, or when no answer came.
    pub(super) status: u16,
    pub(super) request_headers: Option<String>,
    pub(super) response_headers: Option<String>,
    pub(super) response: Option<String>,
    pub(super) delivered: Option<Timestamp>,
}

/// How the last attempt of a delivery ended.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// A 2xx answer.
    Delivered {
        status: u16,
        headers: String,
        response: String,
    },
    /// Any other answer, or none (status 0).
    Refused { status: u16, reason: String },
    /// No answer in time.
    TimedOut { reason: String },
}

/// All webhooks and rows.
#[derive(Debug)]
pub(super) struct Webhooks {
    configured: BTreeMap<WebhookId, Webhook>,
    rows: BTreeMap<EventId, Row>,
    next_webhook: i64,
    next_event: i64,
}

impl Webhooks {
    pub(super) fn new() -> Self {
        Self {
            configured: BTreeMap::new(),
            rows: BTreeMap::new(),
            next_webhook: FIRST_WEBHOOK,
            next_event: FIRST_EVENT,
        }
    }

    /// Registers a webhook; the `id` it brings is replaced by the next free one.
    pub(super) fn add(&mut self, webhook: Webhook) -> WebhookId {
        let id = WebhookId(self.next_webhook);
        self.next_webhook += 1;
        self.configured.insert(id, Webhook { id, ..webhook });
        id
    }

    pub(super) fn get(&self, id: WebhookId) -> Option<&Webhook> {
        self.configured.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: WebhookId) -> Option<&mut Webhook> {
        self.configured.get_mut(&id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Webhook> {
        self.configured.values()
    }

    /// Deletes a webhook together with its log.
    pub(super) fn remove(&mut self, id: WebhookId) -> Option<Webhook> {
        self.rows.retain(|_, row| row.webhook != id);
        self.configured.remove(&id)
    }

    pub(super) fn row(&self, event: EventId) -> Option<&Row> {
        self.rows.get(&event)
    }

    pub(super) fn row_mut(&mut self, event: EventId) -> Option<&mut Row> {
        self.rows.get_mut(&event)
    }

    /// The log, oldest first.
    pub(super) fn rows(&self) -> impl DoubleEndedIterator<Item = &Row> {
        self.rows.values()
    }

    /// Writes a row for each enabled webhook that wants to hear of it; the rows are to be sent.
    pub(super) fn publish(&mut self, happening: &Happening, now: Timestamp) -> Vec<EventId> {
        let wanting: Vec<Webhook> = self
            .configured
            .values()
            .filter(|webhook| webhook.wants(happening))
            .cloned()
            .collect();
        wanting
            .iter()
            .map(|webhook| {
                let body = body::write(None, happening, webhook, None);
                self.add_row(webhook.id, happening.clone(), body, now)
            })
            .collect()
    }

    /// Writes a new row from an old one, as a manual retry does; it is to be sent, even when the
    /// webhook is disabled.
    pub(super) fn repeat(&mut self, event: EventId, now: Timestamp) -> Option<EventId> {
        let old = self.rows.get(&event)?.clone();
        Some(self.add_row(old.webhook, old.happening, old.body, now))
    }

    fn add_row(
        &mut self,
        webhook: WebhookId,
        happening: Happening,
        body: String,
        now: Timestamp,
    ) -> EventId {
        let event = EventId(self.next_event);
        self.next_event += 1;
        let row = Row {
            event,
            webhook,
            happening,
            created: now,
            body,
            attempts: 0,
            status: 0,
            request_headers: None,
            response_headers: None,
            response: None,
            delivered: None,
        };
        self.rows.insert(event, row);
        event
    }

    /// Writes down how a delivery ended, and what that means for its webhook (docs/DOCSPACE.md 1.6).
    pub(super) fn finish(
        &mut self,
        event: EventId,
        outcome: Outcome,
        started: Timestamp,
        now: Timestamp,
    ) {
        let Some(row) = self.rows.get_mut(&event) else {
            return;
        };
        let Some(webhook) = self.configured.get_mut(&row.webhook) else {
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
            Outcome::Refused { status: 410, .. } => {
                let id = webhook.id;
                self.remove(id);
            }
            Outcome::Refused { status, reason } => {
                row.status = status;
                row.response = Some(reason.clone());
                webhook.last_failure = Some((started, reason));
                let trusted_since = webhook.last_success.unwrap_or(webhook.created);
                webhook.enabled &= now.duration_since(trusted_since) <= TRUSTED;
            }
            Outcome::TimedOut { reason } => {
                row.status = 500;
                row.response = Some(reason.clone());
                webhook.last_failure = Some((started, reason));
            }
        }
    }
}
