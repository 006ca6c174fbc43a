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

pub mod journal;
pub mod overview;

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

/// What a replay ordered by a person came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// So many dead letters are back at work.
    PutBack(usize),
    /// Nothing was dead; the rules that ignored the event are asked again.
    AskedAgain,
    /// Nothing was dead, and no rule ignored it.
    NothingDead,
}

/// Puts an event's dead letters back to work; without any, asks the rules again that ignored it, as
/// one wants after changing them. `None` when there is no such event.
pub fn replay(sql: &Connection, id: InboxId, now: Timestamp) -> rusqlite::Result<Option<Replay>> {
    if !exists(sql, id)? {
        return Ok(None);
    }
    let put_back = revive(sql, id, now)?;
    Ok(Some(if put_back > 0 {
        Replay::PutBack(put_back)
    } else if ask_again(sql, id, now)? > 0 {
        Replay::AskedAgain
    } else {
        Replay::NothingDead
    }))
}

/// When an event came.
pub fn received_at(sql: &Connection, id: InboxId) -> rusqlite::Result<Timestamp> {
    sql.prepare_cached("SELECT received_at FROM events WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))
        .map(|at| Timestamp::from_millisecond(at).unwrap_or_default())
}

fn exists(sql: &Connection, id: InboxId) -> rusqlite::Result<bool> {
    sql.prepare_cached("SELECT 1 FROM events WHERE id = ?1")?
        .exists([id.0])
}

fn ask_again(sql: &Connection, id: InboxId, now: Timestamp) -> rusqlite::Result<usize> {
    sql.prepare_cached(
        "UPDATE events SET state = 'waiting', failures = 0, due_at = :now, reason = NULL
         WHERE id = :id AND state = 'decided'
           AND (EXISTS (SELECT 1 FROM decisions WHERE event = :id AND outcome = 'ignored')
                OR NOT EXISTS (SELECT 1 FROM decisions WHERE event = :id))",
    )?
    .execute(named_params! { ":id": id.0, ":now": now.as_millisecond() })
}

/// What was discarded of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discarded {
    /// Decisions that had been given up: one or none.
    pub decisions: usize,
    /// Dead actions.
    pub actions: usize,
    /// Actions that waited for one of these.
    pub behind: usize,
}

/// Gives an event's dead letters up for good, and what waits behind them in their rules. `None` when
/// there is no such event.
pub fn discard(
    sql: &Connection,
    id: InboxId,
    now: Timestamp,
) -> rusqlite::Result<Option<Discarded>> {
    if !exists(sql, id)? {
        return Ok(None);
    }
    let decisions = sql
        .prepare_cached("UPDATE events SET state = 'decided' WHERE id = ?1 AND state = 'dead'")?
        .execute([id.0])?;
    let behind = outbox::discard_behind_dead(sql, id, now)?;
    let actions = outbox::discard_dead(sql, id, now)?;
    Ok(Some(Discarded {
        decisions,
        actions,
        behind,
    }))
}

/// The events that have dead letters, oldest first; of one file, if it is named.
pub fn with_dead_letters(sql: &Connection, file: Option<&str>) -> rusqlite::Result<Vec<InboxId>> {
    sql.prepare_cached(
        "SELECT id FROM events
         WHERE id IN (SELECT id FROM events WHERE state = 'dead'
                      UNION SELECT event FROM actions WHERE state = 'dead')
           AND (:file IS NULL OR file_id = :file)
         ORDER BY id",
    )?
    .query_map(named_params! { ":file": file }, |row| {
        row.get(0).map(InboxId)
    })?
    .collect()
}

/// The body of an event as it came, and when the event happened.
pub fn body(sql: &Connection, id: InboxId) -> rusqlite::Result<Option<(Vec<u8>, Timestamp)>> {
    sql.prepare_cached("SELECT body, happened_at FROM events WHERE id = ?1")?
        .query_row([id.0], |row| {
            let happened_at = Timestamp::from_millisecond(row.get(1)?).unwrap_or_default();
            Ok((row.get(0)?, happened_at))
        })
        .optional()
}

/// The events whose decision was given up, and why.
pub fn dead_decisions(sql: &Connection) -> rusqlite::Result<Vec<(InboxId, Option<String>)>> {
    sql.prepare_cached("SELECT id, reason FROM events WHERE state = 'dead' ORDER BY id")?
        .query_map([], |row| Ok((InboxId(row.get(0)?), row.get(1)?)))?
        .collect()
}

/// Removes events of which nothing is owed any more, oldest first, up to a limit. Returns how many.
///
/// With an event goes the memory that its effects were had, so an event whose last action ended after
/// this time stays, too.
pub fn prune(sql: &Connection, older_than: Timestamp, limit: u32) -> rusqlite::Result<usize> {
    sql.prepare_cached(
        "DELETE FROM events WHERE id IN (
             SELECT id FROM events AS old
             WHERE received_at < :older_than AND state IN ('decided', 'unreadable')
               AND NOT EXISTS (
                   SELECT 1 FROM actions
                   WHERE event = old.id
                     AND (state NOT IN ('done', 'discarded') OR finished_at >= :older_than))
             ORDER BY received_at LIMIT :limit)",
    )?
    .execute(named_params! { ":older_than": older_than.as_millisecond(), ":limit": limit })
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

/// The events to decide now, in the order in which they are due; of the events of one file, the one
/// that happened first.
pub fn undecided(sql: &Connection, now: Timestamp, limit: u32) -> rusqlite::Result<Vec<Undecided>> {
    sql.prepare_cached(
        "SELECT id, body, happened_at, sequence, failures FROM events AS later
         WHERE state = 'waiting' AND due_at <= :now
           AND NOT EXISTS (
               SELECT 1 FROM events AS earlier
               WHERE earlier.file_id = later.file_id AND earlier.state = 'waiting'
                 AND (earlier.happened_at, earlier.sequence, earlier.id)
                   < (later.happened_at, later.sequence, later.id))
         ORDER BY due_at, id LIMIT :limit",
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

/// When the next event that waits for its decision will be due, in milliseconds.
pub fn next_due(sql: &Connection, now: Timestamp) -> rusqlite::Result<Option<i64>> {
    sql.prepare_cached("SELECT min(due_at) FROM events WHERE state = 'waiting' AND due_at > ?1")?
        .query_row([now.as_millisecond()], |row| row.get(0))
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
    let earlier = take_planned(sql, event.id)?;
    let is_new = |decision: &&Decision| !earlier.iter().any(|(rule, _)| *rule == decision.rule);
    let mut recorded = Vec::new();
    for decision in decisions.iter().filter(is_new) {
        recorded.push(decide_rule(sql, event, decision, now)?);
    }
    let kept = earlier.into_iter().map(|(rule, reason)| Recorded {
        rule,
        outcome: "planned",
        reason,
    });
    let all: Vec<Recorded> = kept.chain(recorded.iter().cloned()).collect();
    for (position, decision) in (0_i64..).zip(&all) {
        insert_decision(sql, event.id, position, decision)?;
    }
    Ok(recorded)
}

/// Forgets what the rules said when the event was decided before, and returns the rules that planned
/// something then, with their reasons: their say stands, or the file, which may have changed since,
/// would be handled for this event once more.
fn take_planned(sql: &Connection, event: InboxId) -> rusqlite::Result<Vec<(String, String)>> {
    let planned = sql
        .prepare_cached(
            "SELECT rule, reason FROM decisions WHERE event = ?1 AND outcome = 'planned'
             ORDER BY position",
        )?
        .query_map([event.0], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    sql.prepare_cached("DELETE FROM decisions WHERE event = ?1")?
        .execute([event.0])?;
    Ok(planned)
}

fn decide_rule(
    sql: &Connection,
    event: &Undecided,
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
    Ok(Recorded {
        rule: decision.rule.clone(),
        outcome,
        reason,
    })
}

fn insert_decision(
    sql: &Connection,
    event: InboxId,
    position: i64,
    decision: &Recorded,
) -> rusqlite::Result<usize> {
    sql.prepare_cached(
        "INSERT INTO decisions (event, position, rule, outcome, reason)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute((
        event.0,
        position,
        &decision.rule,
        decision.outcome,
        &decision.reason,
    ))
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
