//! Inbox: the events accepted, and what each rule said about them. All SQL of both tables.
//!
//! An event is known by its idempotency key (webhook id, event id), never by its body, which DocSpace
//! changes between its own retries (CONTRACT 1.2). Every function takes the connection, so that the
//! caller decides what shares a transaction. No HTTP here.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, named_params};

use crate::event::{EntryKind, Event, NotAnObject, Trigger};
use crate::ids::{FileId, WebhookId};
use crate::outbox;
use crate::rules::Decision;

/// Our number of an event in the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct InboxId(pub i64);

impl std::fmt::Display for InboxId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

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
pub enum Receipt {
    /// The event is new and stored.
    Accepted(InboxId),
    /// The event was stored before.
    Duplicate(InboxId),
}

/// An event that no rule has been asked about yet.
#[derive(Clone, Debug)]
pub struct Undecided {
    /// Our number of it.
    pub id: InboxId,
    /// The body as it came.
    pub body: Vec<u8>,
    /// When it happened, in milliseconds; part of its place in the order.
    pub happened_at_ms: i64,
    /// DocSpace's id of it, or 0; part of its place in the order.
    pub sequence: i64,
    /// Attempts to decide it that count towards giving up.
    pub failures: u32,
}

/// Stores a delivered event unless it is there already; a redelivery revives what was given up of it.
pub fn accept(
    sql: &Connection,
    event: &Event,
    body: &[u8],
    now: Timestamp,
) -> rusqlite::Result<Receipt> {
    match insert(sql, event, body, Source::Delivery, now)? {
        Some(id) => Ok(Receipt::Accepted(id)),
        None => note_redelivery(sql, event, now).map(Receipt::Duplicate),
    }
}

/// Stores an event; `None` when its idempotency key is there already.
pub fn insert(
    sql: &Connection,
    event: &Event,
    body: &[u8],
    source: Source,
    now: Timestamp,
) -> rusqlite::Result<Option<InboxId>> {
    let file = event
        .entry
        .as_ref()
        .filter(|entry| entry.kind == EntryKind::File);
    let happened_at = event.happened_at.unwrap_or(now).as_millisecond();
    sql.prepare_cached(
        "INSERT INTO events (webhook_id, event_id, source, trigger_name, file_id, title, body,
                             received_at, happened_at, sequence, state, due_at)
         VALUES (:webhook, :event, :source, :trigger, :file, :title, :body,
                 :now, :happened_at, :sequence, 'waiting', :now)
         ON CONFLICT (webhook_id, event_id) DO NOTHING
         RETURNING id",
    )?
    .query_row(
        named_params! {
            ":webhook": event.webhook.0,
            ":event": event.id.map(|id| id.0),
            ":source": source.as_str(),
            ":trigger": event.trigger.as_ref().map(Trigger::as_str),
            ":file": file.map(|file| file.id.as_str()),
            ":title": file.and_then(|file| file.title.as_deref()),
            ":body": body,
            ":now": now.as_millisecond(),
            ":happened_at": happened_at,
            ":sequence": event.id.map_or(0, |id| id.0),
        },
        |row| row.get(0).map(InboxId),
    )
    .optional()
}

/// Whether this state of a file is known: from an action for it, or from an earlier listing.
pub fn knows_file(sql: &Connection, file: &FileId, changed: Timestamp) -> rusqlite::Result<bool> {
    Ok(outbox::knows_file(sql, file, changed)?
        || sql
            .prepare_cached(
                "SELECT 1 FROM events
                 WHERE file_id = ?1 AND happened_at = ?2 AND source = 'listing' LIMIT 1",
            )?
            .exists((file.as_str(), changed.as_millisecond()))?)
}

/// The webhooks that have delivered to us.
pub fn webhooks(sql: &Connection) -> rusqlite::Result<Vec<WebhookId>> {
    // One look into the index per webhook, not one per event.
    sql.prepare_cached(
        "WITH RECURSIVE seen (id) AS (
             SELECT min(webhook_id) FROM events WHERE webhook_id > 0
             UNION ALL
             SELECT (SELECT min(webhook_id) FROM events WHERE webhook_id > seen.id) FROM seen
             WHERE seen.id IS NOT NULL)
         SELECT id FROM seen WHERE id IS NOT NULL",
    )?
    .query_map([], |row| row.get(0).map(WebhookId))?
    .collect()
}

fn note_redelivery(sql: &Connection, event: &Event, now: Timestamp) -> rusqlite::Result<InboxId> {
    let id = sql
        .prepare_cached(
            "UPDATE events SET deliveries = deliveries + 1
             WHERE webhook_id = :webhook AND event_id = :event RETURNING id",
        )?
        .query_row(
            named_params! { ":webhook": event.webhook.0, ":event": event.id.map(|id| id.0) },
            |row| row.get(0).map(InboxId),
        )?;
    revive(sql, id, now)?;
    Ok(id)
}

/// Puts back to work what was given up of an event: its decision, or its dead letters. Returns how
/// many there were.
pub fn revive(sql: &Connection, id: InboxId, now: Timestamp) -> rusqlite::Result<usize> {
    let decisions = sql
        .prepare_cached(
            "UPDATE events SET state = 'waiting', failures = 0, due_at = :now, reason = NULL
             WHERE id = :id AND state = 'dead'",
        )?
        .execute(named_params! { ":id": id.0, ":now": now.as_millisecond() })?;
    Ok(decisions + outbox::revive_of_event(sql, id, now)?)
}

/// Keeps a signed body that is no JSON object, so that nothing signed is dropped.
pub fn keep_unreadable(
    sql: &Connection,
    body: &[u8],
    why: &NotAnObject,
    now: Timestamp,
) -> rusqlite::Result<InboxId> {
    sql.prepare_cached(
        "INSERT INTO events (webhook_id, source, body, received_at, happened_at, sequence, state,
                             reason, due_at)
         VALUES (0, 'delivery', :body, :now, :now, 0, 'unreadable', :reason, :now) RETURNING id",
    )?
    .query_row(
        named_params! {
            ":body": body, ":now": now.as_millisecond(), ":reason": why.to_string()
        },
        |row| row.get(0).map(InboxId),
    )
}

/// The events to decide now, oldest first; of the events of one file, none before its predecessors.
pub fn undecided(sql: &Connection, now: Timestamp, limit: u32) -> rusqlite::Result<Vec<Undecided>> {
    sql.prepare_cached(
        "SELECT id, body, happened_at, sequence, failures FROM events AS later
         WHERE state = 'waiting' AND due_at <= :now
           AND NOT EXISTS (
               SELECT 1 FROM events AS earlier
               WHERE earlier.file_id = later.file_id AND earlier.state = 'waiting'
                 AND earlier.due_at > :now
                 AND (earlier.happened_at, earlier.sequence, earlier.id)
                   < (later.happened_at, later.sequence, later.id))
         ORDER BY happened_at, sequence, id LIMIT :limit",
    )?
    .query_map(
        named_params! { ":now": now.as_millisecond(), ":limit": limit },
        |row| {
            Ok(Undecided {
                id: InboxId(row.get(0)?),
                body: row.get(1)?,
                happened_at_ms: row.get(2)?,
                sequence: row.get(3)?,
                failures: row.get(4)?,
            })
        },
    )?
    .collect()
}

/// When the next event waits to be decided, if one does.
pub fn next_due(sql: &Connection) -> rusqlite::Result<Option<i64>> {
    sql.prepare_cached("SELECT min(due_at) FROM events WHERE state = 'waiting'")?
        .query_row([], |row| row.get(0))
}

/// What became of one rule's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The rule's name.
    pub rule: String,
    /// `planned`, `ignored` or `duplicate`.
    pub outcome: &'static str,
    /// Why, in words an operator reads.
    pub reason: String,
}

/// Writes down what each rule said and plans the actions, unless the event was decided meanwhile.
pub fn record_decisions(
    sql: &Connection,
    event: &Undecided,
    decisions: &[Decision],
    now: Timestamp,
) -> rusqlite::Result<Vec<Recorded>> {
    let decided = sql
        .prepare_cached(
            "UPDATE events SET state = 'decided', reason = NULL WHERE id = ?1 AND state = 'waiting'",
        )?
        .execute([event.id.0])?;
    if decided == 0 {
        return Ok(Vec::new());
    }
    (0_i64..)
        .zip(decisions)
        .map(|(position, decision)| record_decision(sql, event, position, decision, now))
        .collect()
}

fn record_decision(
    sql: &Connection,
    event: &Undecided,
    position: i64,
    decision: &Decision,
    now: Timestamp,
) -> rusqlite::Result<Recorded> {
    let (outcome, reason) = match &decision.planned {
        None => ("ignored", decision.reason.clone()),
        Some(planned) => match outbox::plan(sql, event, &decision.rule, planned, now)? {
            outbox::Plan::Planned => ("planned", decision.reason.clone()),
            outbox::Plan::Known(earlier) => (
                "duplicate",
                format!("this state of the file was handled for event {earlier} already"),
            ),
        },
    };
    sql.prepare_cached(
        "INSERT OR REPLACE INTO decisions (event, position, rule, outcome, reason)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute((event.id.0, position, &decision.rule, outcome, &reason))?;
    Ok(Recorded {
        rule: decision.rule.clone(),
        outcome,
        reason,
    })
}

/// Lets an event wait for its decision until a later time, and says why.
pub fn postpone(
    sql: &Connection,
    id: InboxId,
    until: Timestamp,
    failures: u32,
    reason: &str,
) -> rusqlite::Result<()> {
    sql.prepare_cached(
        "UPDATE events SET due_at = ?2, failures = ?3, reason = ?4
         WHERE id = ?1 AND state = 'waiting'",
    )?
    .execute((id.0, until.as_millisecond(), failures, reason))?;
    Ok(())
}

/// Gives up deciding an event: it becomes a dead letter with this reason.
pub fn give_up(sql: &Connection, id: InboxId, reason: &str) -> rusqlite::Result<()> {
    sql.prepare_cached(
        "UPDATE events SET state = 'dead', reason = ?2 WHERE id = ?1 AND state = 'waiting'",
    )?
    .execute((id.0, reason))?;
    Ok(())
}

/// Decides at once what waited for the portal to come back.
pub fn expedite(sql: &Connection, now: Timestamp) -> rusqlite::Result<usize> {
    sql.execute(
        "UPDATE events SET due_at = ?1 WHERE state = 'waiting' AND due_at > ?1",
        [now.as_millisecond()],
    )
}
