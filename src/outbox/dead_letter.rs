//! Dead letters: actions that failed for good, kept with the reason until a person replays or discards
//! them.

use jiff::Timestamp;

use crate::db::{Queue, Sql, SqlError};
use crate::ids::InboxId;

use super::replan::{PlanChange, ReplanChange, make_due};
use super::retry::start_over;

/// The query for the events with dead letters among their actions, for use in other queries.
pub const DEAD_ACTION_EVENTS: &str = "SELECT event FROM actions WHERE state = 'dead'";

/// Makes an event's dead letters and discarded actions due again, with all their attempts and the plan that they
/// have. Those behind others in their rule wait for these. Returns what is retried.
pub fn retry_as_planned(
    sql: &Sql,
    event: InboxId,
    now: Timestamp,
) -> Result<Vec<ReplanChange>, SqlError> {
    let ended = "event = :event AND state IN ('dead', 'discarded') RETURNING rule, kind, plan";
    let retried = sql.query(
        &start_over(ended),
        &[
            (":event", event.0.into()),
            (":due_at", None::<Timestamp>.into()),
        ],
        |row| {
            Ok(ReplanChange {
                rule: row.get(0)?,
                kind: row.get(1)?,
                plan: row.get(2)?,
                change: PlanChange::Retried,
            })
        },
    )?;
    make_due(sql, event, now)?;
    sql.announce(Queue::Outbox);
    Ok(retried)
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
