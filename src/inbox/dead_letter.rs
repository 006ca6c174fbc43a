//! Replays or discards what failed for good of an event.

use jiff::Timestamp;
use serde::Serialize;

use crate::db::{Queue, Sql, SqlError, stored_words};
use crate::ids::InboxId;
use crate::outbox;

/// The query for the events whose decision failed for good, for use in other queries.
pub const DEAD_EVENTS: &str = "SELECT id FROM events WHERE state = 'dead'";

/// Retries what failed for good of an event: its decision, or its dead letters. Returns how many there
/// were.
pub fn retry_dead(sql: &Sql, id: InboxId, now: Timestamp) -> Result<usize, SqlError> {
    let decisions = sql.execute(
        "UPDATE events SET state = 'waiting', failures = 0, due_at = :now, reason = NULL
         WHERE id = :id AND state = 'dead'",
        &[(":id", id.0.into()), (":now", now.into())],
    )?;
    Ok(decisions + outbox::retry_dead(sql, id, None, now)?)
}

/// How a person ordered a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayedBy {
    /// With `events replay`.
    Command,
    /// In the console.
    Console,
}

stored_words!(ReplayedBy {
    Command => "command",
    Console => "console",
});

/// The result of a replay that a person ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// The current rules evaluate the event again.
    Reevaluating,
    /// The body is not an event.
    NothingToReplay,
}

/// Has the current rules evaluate an event again: what they plan replaces what is not done. Until then, what
/// waits is held. `None` when there is no such event.
pub fn replay(
    sql: &Sql,
    id: InboxId,
    by: ReplayedBy,
    now: Timestamp,
) -> Result<Option<Replay>, SqlError> {
    let replayed = sql.execute(
        "UPDATE events SET state = 'waiting', failures = 0, due_at = :now, reason = NULL,
                           replayed_at = :now, replayed_by = :by
         WHERE id = :id AND state <> 'unreadable'",
        &[
            (":id", id.0.into()),
            (":by", by.as_str().into()),
            (":now", now.into()),
        ],
    )?;
    if replayed == 0 {
        return Ok(exists(sql, id)?.then_some(Replay::NothingToReplay));
    }
    outbox::hold_for_replay(sql, id)?;
    sql.announce(Queue::Inbox);
    Ok(Some(Replay::Reevaluating))
}

/// Retries an event's dead letters with the plan that they have. Returns how many there were, `None` when
/// there is no such event.
pub fn replay_as_planned(
    sql: &Sql,
    id: InboxId,
    by: ReplayedBy,
    now: Timestamp,
) -> Result<Option<usize>, SqlError> {
    if !exists(sql, id)? {
        return Ok(None);
    }
    let retried = retry_dead(sql, id, now)?;
    if retried > 0 {
        sql.execute(
            "UPDATE events SET replayed_at = :now, replayed_by = :by WHERE id = :id",
            &[
                (":id", id.0.into()),
                (":by", by.as_str().into()),
                (":now", now.into()),
            ],
        )?;
    }
    Ok(Some(retried))
}

fn exists(sql: &Sql, id: InboxId) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM events WHERE id = :id",
        &[(":id", id.0.into())],
    )
}

/// What was discarded of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discarded {
    /// Decisions that had failed for good: one or none.
    pub decisions: usize,
    /// Dead letters.
    pub actions: usize,
    /// Actions that waited for one of these.
    pub behind: usize,
}

/// Discards an event's dead letters, and the actions that wait for them in their rules. `None` when there
/// is no such event.
pub fn discard(sql: &Sql, id: InboxId, now: Timestamp) -> Result<Option<Discarded>, SqlError> {
    if !exists(sql, id)? {
        return Ok(None);
    }
    let decisions = sql.execute(
        "UPDATE events SET state = 'decided' WHERE id = :id AND state = 'dead'",
        &[(":id", id.0.into())],
    )?;
    let behind = outbox::discard_dependents(sql, id, now)?;
    let actions = outbox::discard_dead(sql, id, now)?;
    if decisions > 0 {
        // A replay that could not be decided has suspended actions.
        outbox::make_due(sql, id, now)?;
    }
    Ok(Some(Discarded {
        decisions,
        actions,
        behind,
    }))
}
