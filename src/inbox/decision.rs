//! What the rules said about an event: the wait for it, and how it is written down.

use jiff::Timestamp;
use rusqlite::{Connection, named_params};

use crate::ids::InboxId;
use crate::outbox::{self, Happened};
use crate::rules::Decision;

/// An event that no rule has been asked about yet.
#[derive(Clone, Debug)]
pub struct Undecided {
    /// Our number of it, and its place in the order.
    pub happened: Happened,
    /// The body as it came.
    pub body: Vec<u8>,
    /// Attempts to decide it that count towards giving up.
    pub failures: u32,
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
                happened: Happened {
                    event: InboxId(row.get(0)?),
                    at_ms: row.get(2)?,
                    sequence: row.get(3)?,
                },
                body: row.get(1)?,
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
    event: Happened,
    decisions: &[Decision],
    now: Timestamp,
) -> rusqlite::Result<Vec<Recorded>> {
    let decided = sql
        .prepare_cached(
            "UPDATE events SET state = 'decided', reason = NULL WHERE id = ?1 AND state = 'waiting'",
        )?
        .execute([event.event.0])?;
    if decided == 0 {
        return Ok(Vec::new());
    }
    let earlier = take_planned(sql, event.event)?;
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
        insert_decision(sql, event.event, position, decision)?;
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
    event: Happened,
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
