//! Replays events: has them decided again, or retries what was planned.

use jiff::Timestamp;

use crate::audit::Author;
use crate::db::{Queue, Sql, SqlError};
use crate::ids::InboxId;
use crate::outbox::{self, ReplanChange};

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
    author: &Author,
    now: Timestamp,
) -> Result<Option<Replay>, SqlError> {
    let replayed = sql.execute(
        "UPDATE events SET state = 'waiting', failures = 0, due_at = :now, reason = NULL,
                           replayed_at = :now, replayed_by = :by, replayed_person = :person, replay_changes = NULL
         WHERE id = :id AND state <> 'unreadable'",
        &[
            (":id", id.0.into()),
            (":by", author.through.as_str().into()),
            (":person", author.person.as_deref().into()),
            (":now", now.into()),
        ],
    )?;
    if replayed == 0 {
        return Ok(exists(sql, id)?.then_some(Replay::NothingToReplay));
    }
    outbox::suspend_for_replay(sql, id)?;
    sql.announce(Queue::Inbox);
    Ok(Some(Replay::Reevaluating))
}

/// Retries what failed for good or was discarded of an event with the plan that it has. Returns how much that
/// was, `None` when there is no such event.
pub fn replay_as_planned(
    sql: &Sql,
    id: InboxId,
    author: &Author,
    now: Timestamp,
) -> Result<Option<usize>, SqlError> {
    if !exists(sql, id)? {
        return Ok(None);
    }
    // An event that is decided has a reason only if its decision was given up and then discarded.
    let decisions = sql.execute(
        "UPDATE events SET state = 'waiting', failures = 0, due_at = :now, reason = NULL
         WHERE id = :id AND (state = 'dead' OR (state = 'decided' AND reason IS NOT NULL))",
        &[(":id", id.0.into()), (":now", now.into())],
    )?;
    let retried = outbox::retry_as_planned(sql, id, now)?;
    let count = decisions + retried.len();
    if count > 0 {
        sql.execute(
            "UPDATE events SET replayed_by = :by, replayed_person = :person, replayed_at = :now WHERE id = :id",
            &[
                (":id", id.0.into()),
                (":by", author.through.as_str().into()),
                (":person", author.person.as_deref().into()),
                (":now", now.into()),
            ],
        )?;
        store_changes(sql, id, &retried)?;
        sql.announce(Queue::Inbox);
    }
    Ok(Some(count))
}

/// Stores what a replay changed, for the journal.
pub(super) fn store_changes(
    sql: &Sql,
    event: InboxId,
    changes: &[ReplanChange],
) -> Result<(), SqlError> {
    let changes = serde_json::to_string(changes).expect("changes are plain data");
    sql.execute(
        "UPDATE events SET replay_changes = :changes WHERE id = :event",
        &[(":event", event.0.into()), (":changes", (&changes).into())],
    )?;
    Ok(())
}

/// Whether there is such an event.
pub(super) fn exists(sql: &Sql, id: InboxId) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM events WHERE id = :id",
        &[(":id", id.0.into())],
    )
}
