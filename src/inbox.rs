//! Inbox: the events accepted, and what each rule said about them. All SQL of both tables.
//!
//! An event is known by its idempotency key (webhook id, event id), never by its body, which DocSpace
//! changes between its own retries (docs/DOCSPACE.md 1.2). Every function takes the connection, so that the
//! caller decides what shares a transaction. No HTTP here.

use crate::db::{Queue, Sql, SqlError};
use jiff::Timestamp;

use crate::event::{EntryKind, Event, NotAnObject, Trigger};
use crate::ids::{FileId, WebhookId};
use crate::outbox;

mod decision;

mod dead_letter;

pub use crate::ids::InboxId;
pub use dead_letter::{
    Discarded, Replay, dead_decisions, discard, replay, revive, with_dead_letters,
};
pub use decision::{
    Recorded, Undecided, expedite, give_up, next_due, postpone, record_decisions, undecided,
};

/// How an event came to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// DocSpace delivered it.
    Delivery,
    /// It stood undelivered in the portal's log.
    Log,
    /// Its file was found when a watched room was listed.
    Listing,
}

impl Source {
    fn as_str(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Log => "log",
            Self::Listing => "listing",
        }
    }
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptOutcome {
    /// The event is new and stored.
    Accepted(InboxId),
    /// The event was stored before.
    Duplicate(InboxId),
}

/// Stores a delivered event unless it is there already; a redelivery revives what was given up of it.
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

/// Stores an event; `None` when its idempotency key is there already.
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
    sql.announce(Queue::Inbox);
    let happened_at = event.happened_at.unwrap_or(now).as_millisecond();
    sql.query_optional(
        "INSERT INTO events (webhook_id, event_id, source, trigger_name, file_id, title, body,
                             received_at, happened_at, sequence, state, due_at)
         VALUES (:webhook, :event, :source, :trigger, :file, :title, :body,
                 :now, :happened_at, :sequence, 'waiting', :now)
         ON CONFLICT (webhook_id, event_id) DO NOTHING
         RETURNING id",
        &[
            (":webhook", event.webhook.0.into()),
            (":event", event.id.map(|id| id.0).into()),
            (":source", source.as_str().into()),
            (
                ":trigger",
                event.trigger.as_ref().map(Trigger::as_str).into(),
            ),
            (":file", file.map(|file| file.id.as_str()).into()),
            (":title", file.and_then(|file| file.title.as_deref()).into()),
            (":body", body.into()),
            (":now", now.into()),
            (":happened_at", happened_at.into()),
            (":sequence", event.id.map_or(0, |id| id.0).into()),
        ],
        |row| row.get(0).map(InboxId),
    )
}

/// Whether this state of a file is known: from an action for it, or from an earlier listing.
pub fn knows_file(sql: &Sql, file: &FileId, changed: Timestamp) -> Result<bool, SqlError> {
    Ok(outbox::knows_file(sql, file, changed)?
        || sql.exists(
            "SELECT 1 FROM events
                 WHERE file_id = :file AND happened_at = :changed AND source = 'listing' LIMIT 1",
            &[
                (":file", file.as_str().into()),
                (":changed", changed.into()),
            ],
        )?)
}

/// The webhooks that have delivered to us.
pub fn webhooks(sql: &Sql) -> Result<Vec<WebhookId>, SqlError> {
    // One look into the index per webhook, not one per event.
    sql.query(
        "WITH RECURSIVE seen (id) AS (
             SELECT min(webhook_id) FROM events WHERE webhook_id > 0
             UNION ALL
             SELECT (SELECT min(webhook_id) FROM events WHERE webhook_id > seen.id) FROM seen
             WHERE seen.id IS NOT NULL)
         SELECT id FROM seen WHERE id IS NOT NULL",
        &[],
        |row| row.get(0).map(WebhookId),
    )
}

fn note_redelivery(sql: &Sql, event: &Event, now: Timestamp) -> Result<InboxId, SqlError> {
    let id = sql.query_one(
        "UPDATE events SET deliveries = deliveries + 1
             WHERE webhook_id = :webhook AND event_id = :event RETURNING id",
        &[
            (":webhook", event.webhook.0.into()),
            (":event", event.id.map(|id| id.0).into()),
        ],
        |row| row.get(0).map(InboxId),
    )?;
    revive(sql, id, now)?;
    Ok(id)
}

/// When an event came.
pub fn received_at(sql: &Sql, id: InboxId) -> Result<Timestamp, SqlError> {
    sql.query_one(
        "SELECT received_at FROM events WHERE id = :id",
        &[(":id", id.0.into())],
        |row| row.get(0),
    )
    .map(|at| Timestamp::from_millisecond(at).unwrap_or_default())
}

/// The body of an event as it came, and when the event happened.
pub fn body(sql: &Sql, id: InboxId) -> Result<Option<(Vec<u8>, Timestamp)>, SqlError> {
    sql.query_optional(
        "SELECT body, happened_at FROM events WHERE id = :id",
        &[(":id", id.0.into())],
        |row| {
            let happened_at = Timestamp::from_millisecond(row.get(1)?).unwrap_or_default();
            Ok((row.get(0)?, happened_at))
        },
    )
}

/// Removes events of which nothing is owed any more, oldest first, up to a limit. Returns how many.
///
/// With an event goes the memory that its effects were had, so an event whose last action ended after
/// this time stays, too.
pub fn prune(sql: &Sql, older_than: Timestamp, limit: u32) -> Result<usize, SqlError> {
    sql.execute(
        "DELETE FROM events WHERE id IN (
             SELECT id FROM events AS old
             WHERE received_at < :older_than AND state IN ('decided', 'unreadable')
               AND NOT EXISTS (
                   SELECT 1 FROM actions
                   WHERE event = old.id
                     AND (state NOT IN ('done', 'discarded') OR finished_at >= :older_than))
             ORDER BY received_at LIMIT :limit)",
        &[(":older_than", older_than.into()), (":limit", limit.into())],
    )
}

/// Keeps a signed body that is no JSON object, so that nothing signed is dropped.
pub fn keep_unreadable(
    sql: &Sql,
    body: &[u8],
    why: &NotAnObject,
    now: Timestamp,
) -> Result<InboxId, SqlError> {
    sql.query_one(
        "INSERT INTO events (webhook_id, source, body, received_at, happened_at, sequence, state,
                             reason, due_at)
         VALUES (0, 'delivery', :body, :now, :now, 0, 'unreadable', :reason, :now) RETURNING id",
        &[
            (":body", body.into()),
            (":now", now.into()),
            (":reason", (&why.to_string()).into()),
        ],
        |row| row.get(0).map(InboxId),
    )
}
