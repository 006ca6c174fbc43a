//! Dead letters: actions given up, kept with the reason until somebody replays or discards them.

use crate::db::{Sql, SqlError};
use jiff::Timestamp;

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
pub fn dead_letters(sql: &Sql) -> Result<Vec<DeadLetter>, SqlError> {
    sql.query(
        "SELECT id, attempt, event, rule, kind, reason FROM actions
         WHERE state = 'dead' ORDER BY id",
        &[],
        |row| {
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
        },
    )
}

/// Puts an event's dead letters back to work, with all their attempts.
pub fn revive_of_event(sql: &Sql, event: InboxId, now: Timestamp) -> Result<usize, SqlError> {
    sql.execute(
        "UPDATE actions SET state = 'waiting', failures = 0, due_at = :now, finished_at = NULL,
                            reason_code = NULL, reason = NULL
         WHERE event = :event AND state = 'dead'",
        &[(":event", event.0.into()), (":now", now.into())],
    )
}

pub(super) fn revive_of_event_and_rule(
    sql: &Sql,
    event: InboxId,
    rule: &str,
    now: Timestamp,
) -> Result<usize, SqlError> {
    sql.execute(
        "UPDATE actions SET state = 'waiting', failures = 0, due_at = :now, finished_at = NULL,
                            reason_code = NULL, reason = NULL
         WHERE event = :event AND rule = :rule AND state = 'dead'",
        &[
            (":event", event.0.into()),
            (":rule", rule.into()),
            (":now", now.into()),
        ],
    )
}

/// Discards the actions of an event that wait for one of its dead letters, which will never be done.
pub fn discard_behind_dead(sql: &Sql, event: InboxId, now: Timestamp) -> Result<usize, SqlError> {
    sql.execute(
        "UPDATE actions AS later
         SET state = 'discarded', finished_at = :now, reason = 'the action before it was discarded'
         WHERE event = :event AND state = 'waiting'
           AND EXISTS (
               SELECT 1 FROM actions AS earlier
               WHERE earlier.event = later.event AND earlier.rule = later.rule
                 AND earlier.position < later.position AND earlier.state = 'dead'
                 AND earlier.kind <> 'notify')",
        &[(":event", event.0.into()), (":now", now.into())],
    )
}

/// Discards an event's dead letters, which keep their reasons.
pub fn discard_dead(sql: &Sql, event: InboxId, now: Timestamp) -> Result<usize, SqlError> {
    sql.execute(
        "UPDATE actions SET state = 'discarded', finished_at = :now
         WHERE event = :event AND state = 'dead'",
        &[(":event", event.0.into()), (":now", now.into())],
    )
}
