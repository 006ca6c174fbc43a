//! Accepts events: each is stored once.

use jiff::Timestamp;
use serde::Serialize;

use crate::db::{FromColumn, LockOrder, Queue, Sql, SqlError, ZeroAsNone};
use crate::event::{EntryKind, Event, NotAnObject, Trigger};
use crate::ids::{EventId, InboxId, WebhookId};

use super::dead_letter::revive;
use super::title_key::title_key;

/// Where an event came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// DocSpace delivered it.
    Delivery,
    /// The portal's delivery log listed it as undelivered.
    Log,
    /// A listing of a watched room found its file.
    Listing,
}

impl Source {
    const ALL: [Self; 3] = [Self::Delivery, Self::Log, Self::Listing];

    fn as_str(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Log => "log",
            Self::Listing => "listing",
        }
    }
}

impl FromColumn for Source {
    type Stored = String;

    fn from_stored(stored: String) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|source| source.as_str() == stored)
    }
}

/// The result of accepting a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptOutcome {
    /// The event is new and stored.
    Accepted(InboxId),
    /// The event was stored before.
    Duplicate(InboxId),
}

/// Stores a delivered event unless it is stored already; a redelivery revives the event's dead letters.
pub fn accept(
    sql: &Sql,
    event: &Event,
    body: &[u8],
    now: Timestamp,
) -> Result<AcceptOutcome, SqlError> {
    match insert(sql, event, body, Source::Delivery, now)? {
        Some(id) => Ok(AcceptOutcome::Accepted(id)),
        None => note_redelivery(sql, event, now).map(AcceptOutcome::Duplicate),
    }
}

/// The key by which instances order the events of one commit, so that two that accept the same events do
/// not wait for each other. An event without an id conflicts with no other.
pub fn lock_order(event: &Event) -> Option<LockOrder> {
    let webhook = event.webhook.map_or(0, |webhook| webhook.0);
    event.id.map(|id| (webhook, id.0))
}

/// Stores an event; `None` when its idempotency key is stored already.
pub fn insert(
    sql: &Sql,
    event: &Event,
    body: &[u8],
    source: Source,
    now: Timestamp,
) -> Result<Option<InboxId>, SqlError> {
    let file = event
        .entry
        .as_ref()
        .filter(|entry| entry.kind == EntryKind::File);
    let title = file.and_then(|file| file.title.as_deref());
    let id = event.id.map(|id| id.0);
    sql.announce(Queue::Inbox);
    sql.query_optional(
        "INSERT INTO events (webhook_id, event_id, source, trigger_name, file_id, title, title_key,
                             body, received_at, happened_at, sequence, state, due_at)
         VALUES (:webhook, :event, :source, :trigger, :file, :title, :title_key,
                 :body, :now, :happened_at, :sequence, 'waiting', :now)
         ON CONFLICT (webhook_id, event_id) DO NOTHING
         RETURNING id",
        &[
            (":webhook", column(event.webhook).into()),
            (":event", id.into()),
            (":source", source.as_str().into()),
            (
                ":trigger",
                event.trigger.as_ref().map(Trigger::as_str).into(),
            ),
            (":file", file.map(|file| file.id.as_str()).into()),
            (":title", title.into()),
            (":title_key", title.map(title_key).as_deref().into()),
            (":body", body.into()),
            (":now", now.into()),
            (":happened_at", event.happened_at.unwrap_or(now).into()),
            (":sequence", ZeroAsNone(id).into()),
        ],
        |row| row.get(0).map(InboxId),
    )
}

fn note_redelivery(sql: &Sql, event: &Event, now: Timestamp) -> Result<InboxId, SqlError> {
    let id = sql.query_one(
        "UPDATE events SET deliveries = deliveries + 1
         WHERE webhook_id = :webhook AND event_id = :event RETURNING id",
        &[
            (":webhook", column(event.webhook).into()),
            (":event", event.id.map(|EventId(id)| id).into()),
        ],
        |row| row.get(0).map(InboxId),
    )?;
    revive(sql, id, now)?;
    Ok(id)
}

/// Stores a signed body that is not a JSON object, so that nothing signed is dropped; an equal one only once.
pub fn keep_unreadable(
    sql: &Sql,
    body: &[u8],
    why: &NotAnObject,
    now: Timestamp,
) -> Result<InboxId, SqlError> {
    let stored = sql.query_optional(
        "UPDATE events SET deliveries = deliveries + 1
         WHERE id = (SELECT min(id) FROM events WHERE state = 'unreadable' AND body = :body)
         RETURNING id",
        &[(":body", body.into())],
        |row| row.get(0).map(InboxId),
    )?;
    if let Some(id) = stored {
        return Ok(id);
    }
    sql.query_one(
        "INSERT INTO events (webhook_id, source, body, received_at, happened_at, sequence, state,
                             reason, due_at)
         VALUES (:webhook, 'delivery', :body, :now, :now, :sequence, 'unreadable', :reason, :now)
         RETURNING id",
        &[
            (":webhook", column(None).into()),
            (":sequence", ZeroAsNone(None).into()),
            (":body", body.into()),
            (":now", now.into()),
            (":reason", (&why.to_string()).into()),
        ],
        |row| row.get(0).map(InboxId),
    )
}

fn column(webhook: Option<WebhookId>) -> ZeroAsNone {
    ZeroAsNone(webhook.map(|webhook| webhook.0))
}
