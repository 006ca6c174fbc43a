//! Replays or discards what failed for good of an event.

use jiff::Timestamp;

use crate::db::{Sql, SqlError};
use crate::ids::InboxId;
use crate::outbox;

/// The query for the events whose decision failed for good, for use in other queries.
pub const DEAD_EVENTS: &str = "SELECT id FROM events WHERE state = 'dead'";

/// Retries what failed for good of an event: its decision, or its dead letters. Returns how many there
/// were.
pub fn revive(sql: &Sql, id: InboxId, now: Timestamp) -> Result<usize, SqlError> {
    let decisions = sql.execute(
        "UPDATE events SET state = 'waiting', failures = 0, due_at = :now, reason = NULL
         WHERE id = :id AND state = 'dead'",
        &[(":id", id.0.into()), (":now", now.into())],
    )?;
    Ok(decisions + outbox::revive_of_event(sql, id, now)?)
}

/// The result of a replay that a person ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// This many dead letters are retried.
    Retrying(usize),
    /// There was no dead letter; the rules that ignored the event evaluate it again.
    Reevaluating,
    /// There was no dead letter, and no rule ignored the event.
    NothingToReplay,
}

/// Retries an event's dead letters. If there are none, the rules that ignored the event evaluate it again,
/// which is useful after a change of the rules. `None` when there is no such event.
pub fn replay(sql: &Sql, id: InboxId, now: Timestamp) -> Result<Option<Replay>, SqlError> {
    if !exists(sql, id)? {
        return Ok(None);
    }
    let retrying = revive(sql, id, now)?;
    Ok(Some(if retrying > 0 {
        Replay::Retrying(retrying)
    } else if reevaluate(sql, id, now)? > 0 {
        Replay::Reevaluating
    } else {
        Replay::NothingToReplay
    }))
}

fn exists(sql: &Sql, id: InboxId) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM events WHERE id = :id",
        &[(":id", id.0.into())],
    )
}

fn reevaluate(sql: &Sql, id: InboxId, now: Timestamp) -> Result<usize, SqlError> {
    sql.execute(
        "UPDATE events SET state = 'waiting', failures = 0, due_at = :now, reason = NULL
         WHERE id = :id AND state = 'decided'
           AND (EXISTS (SELECT 1 FROM decisions WHERE event = :id AND outcome = 'ignored')
                OR NOT EXISTS (SELECT 1 FROM decisions WHERE event = :id))",
        &[(":id", id.0.into()), (":now", now.into())],
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
    let behind = outbox::discard_behind_dead(sql, id, now)?;
    let actions = outbox::discard_dead(sql, id, now)?;
    Ok(Some(Discarded {
        decisions,
        actions,
        behind,
    }))
}

/// The events whose decision failed for good, and why.
pub fn dead_decisions(sql: &Sql) -> Result<Vec<(InboxId, Option<String>)>, SqlError> {
    sql.query(
        "SELECT id, reason FROM events WHERE state = 'dead' ORDER BY id",
        &[],
        |row| Ok((InboxId(row.get(0)?), row.get(1)?)),
    )
}
