//! Putting back to work, or giving up for good, what was given up of an event.

use crate::db::{Sql, SqlError};
use jiff::Timestamp;

use crate::ids::InboxId;
use crate::outbox;

/// Puts back to work what was given up of an event: its decision, or its dead letters. Returns how
/// many there were.
pub fn revive(sql: &Sql, id: InboxId, now: Timestamp) -> Result<usize, SqlError> {
    let decisions = sql.execute(
        "UPDATE events SET state = 'waiting', failures = 0, due_at = :now, reason = NULL
             WHERE id = :id AND state = 'dead'",
        &[(":id", id.0.into()), (":now", now.into())],
    )?;
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
pub fn replay(sql: &Sql, id: InboxId, now: Timestamp) -> Result<Option<Replay>, SqlError> {
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

fn exists(sql: &Sql, id: InboxId) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM events WHERE id = :id",
        &[(":id", id.0.into())],
    )
}

fn ask_again(sql: &Sql, id: InboxId, now: Timestamp) -> Result<usize, SqlError> {
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
    /// Decisions that had been given up: one or none.
    pub decisions: usize,
    /// Dead actions.
    pub actions: usize,
    /// Actions that waited for one of these.
    pub behind: usize,
}

/// Gives an event's dead letters up for good, and what waits behind them in their rules. `None` when
/// there is no such event.
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

/// The events that have dead letters, oldest first; of one file, if it is named.
pub fn with_dead_letters(sql: &Sql, file: Option<&str>) -> Result<Vec<InboxId>, SqlError> {
    sql.query(
        "SELECT id FROM events
         WHERE id IN (SELECT id FROM events WHERE state = 'dead'
                      UNION SELECT event FROM actions WHERE state = 'dead')
           AND (:file IS NULL OR file_id = :file)
         ORDER BY id",
        &[(":file", file.into())],
        |row| row.get(0).map(InboxId),
    )
}

/// The events whose decision was given up, and why.
pub fn dead_decisions(sql: &Sql) -> Result<Vec<(InboxId, Option<String>)>, SqlError> {
    sql.query(
        "SELECT id, reason FROM events WHERE state = 'dead' ORDER BY id",
        &[],
        |row| Ok((InboxId(row.get(0)?), row.get(1)?)),
    )
}
