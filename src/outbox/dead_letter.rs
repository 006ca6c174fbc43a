//! Dead letters: actions given up, kept with the reason until somebody replays or discards them.

use jiff::Timestamp;
use rusqlite::Connection;

use crate::ids::InboxId;

use super::{ActionId, Claim};

/// An action that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its last claim.
    pub claim: Claim,
    /// The event that caused it.
    pub event: InboxId,
    /// The rule that planned it.
    pub rule: String,
    /// Its kind.
    pub kind: String,
    /// Why it was given up, in words an operator reads.
    pub reason: Option<String>,
}

/// Every dead letter: its action, the attempt that was its last, the event, and what is known of why.
pub fn dead_letters(sql: &Connection) -> rusqlite::Result<Vec<DeadLetter>> {
    sql.prepare_cached(
        "SELECT id, attempt, event, rule, kind, reason FROM actions WHERE state = 'dead' ORDER BY id",
    )?
    .query_map([], |row| {
        Ok(DeadLetter {
            claim: Claim {
                action: ActionId(row.get(0)?),
                attempt: row.get(1)?,
            },
            event: InboxId(row.get(2)?),
            rule: row.get(3)?,
            kind: row.get(4)?,
            reason: row.get(5)?,
        })
    })?
    .collect()
}

/// Puts an event's dead letters back to work, with all their attempts.
pub fn revive_of_event(
    sql: &Connection,
    event: InboxId,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    sql.prepare_cached(
        "UPDATE actions SET state = 'waiting', failures = 0, due_at = ?2, finished_at = NULL,
                            reason_code = NULL, reason = NULL
         WHERE event = ?1 AND state = 'dead'",
    )?
    .execute((event.0, now.as_millisecond()))
}

pub(super) fn revive_of_event_and_rule(
    sql: &Connection,
    event: InboxId,
    rule: &str,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    sql.prepare_cached(
        "UPDATE actions SET state = 'waiting', failures = 0, due_at = ?3, finished_at = NULL,
                            reason_code = NULL, reason = NULL
         WHERE event = ?1 AND rule = ?2 AND state = 'dead'",
    )?
    .execute((event.0, rule, now.as_millisecond()))
}

/// Discards the actions of an event that wait for one of its dead letters, which will never be done.
pub fn discard_behind_dead(
    sql: &Connection,
    event: InboxId,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    sql.prepare_cached(
        "UPDATE actions AS later
         SET state = 'discarded', finished_at = ?2, reason = 'the action before it was discarded'
         WHERE event = ?1 AND state = 'waiting'
           AND EXISTS (
               SELECT 1 FROM actions AS earlier
               WHERE earlier.event = later.event AND earlier.rule = later.rule
                 AND earlier.position < later.position AND earlier.state = 'dead'
                 AND earlier.kind <> 'notify')",
    )?
    .execute((event.0, now.as_millisecond()))
}

/// Discards an event's dead letters, which keep their reasons.
pub fn discard_dead(sql: &Connection, event: InboxId, now: Timestamp) -> rusqlite::Result<usize> {
    sql.prepare_cached(
        "UPDATE actions SET state = 'discarded', finished_at = ?2
         WHERE event = ?1 AND state = 'dead'",
    )?
    .execute((event.0, now.as_millisecond()))
}
