//! What failed for good of an event: its retry and its end.

use std::iter::Sum;

use jiff::Timestamp;

use crate::db::{Sql, SqlError};
use crate::ids::InboxId;
use crate::outbox;

use super::replay::exists;

/// The query for the events whose decision failed for good, for use in other queries.
pub const DEAD_EVENTS: &str = "SELECT id FROM events WHERE state = 'dead'";

/// Retries what failed for good of an event: its decision, or its dead letters. Returns how many there
/// were.
pub fn retry_dead(sql: &Sql, id: InboxId, now: Timestamp) -> Result<usize, SqlError> {
    // Most events are without dead letters, and the query costs less than the updates.
    let has_dead = sql.exists(
        "SELECT 1 FROM events WHERE id = :id AND state = 'dead'
         UNION ALL
         SELECT 1 FROM actions WHERE event = :id AND state = 'dead'
         LIMIT 1",
        &[(":id", id.0.into())],
    )?;
    if !has_dead {
        return Ok(0);
    }
    let decisions = sql.execute(
        "UPDATE events SET state = 'waiting', failures = 0, due_at = :now, reason = NULL
         WHERE id = :id AND state = 'dead'",
        &[(":id", id.0.into()), (":now", now.into())],
    )?;
    Ok(decisions + outbox::retry_dead(sql, id, None, now)?)
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

impl Sum for Discarded {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |total, one| Self {
            decisions: total.decisions + one.decisions,
            actions: total.actions + one.actions,
            behind: total.behind + one.behind,
        })
    }
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
