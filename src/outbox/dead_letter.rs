//! Dead letters: actions that failed for good, kept with the reason until a person replays or discards
//! them.

use jiff::Timestamp;

use crate::db::{Sql, SqlError};
use crate::ids::InboxId;

/// The query for the events with dead letters among their actions, for use in other queries.
pub const DEAD_ACTION_EVENTS: &str = "SELECT event FROM actions WHERE state = 'dead'";

/// Makes an event's dead letters due again, with all their attempts; of one rule only if it is given.
pub fn retry_dead(
    sql: &Sql,
    event: InboxId,
    rule: Option<&str>,
    now: Timestamp,
) -> Result<usize, SqlError> {
    sql.execute(
        "UPDATE actions SET state = 'waiting', failures = 0, denials = 0, due_at = :now,
                            finished_at = NULL, reason_code = NULL, reason = NULL
         WHERE event = :event AND (:rule IS NULL OR rule = :rule) AND state = 'dead'",
        &[
            (":event", event.0.into()),
            (":rule", rule.into()),
            (":now", now.into()),
        ],
    )
}

/// Discards the actions of an event that wait for one of its dead letters, which will never be done.
pub fn discard_dependents(sql: &Sql, event: InboxId, now: Timestamp) -> Result<usize, SqlError> {
    sql.execute(
        "UPDATE actions AS later
         SET state = 'discarded', finished_at = :now, reason = 'the action before it was discarded'
         WHERE event = :event AND state = 'waiting'
           AND EXISTS (
               SELECT 1 FROM actions AS earlier
               WHERE earlier.event = later.event AND earlier.rule = later.rule
                 AND earlier.position < later.position AND earlier.state = 'dead'
                 AND earlier.waited_for = 1)",
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
