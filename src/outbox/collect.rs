//! Collects the copies and moves of a backfill until one call to the portal is full.
//!
//! They are due late, and made due earlier by the call. So the dispatcher needs to know nothing of it, and nothing
//! waits for long if the backfill cannot go on.

use jiff::{SignedDuration, Timestamp};

use crate::db::{Queue, Sql, SqlError};

use super::priority::Priority;

/// The longest wait for a full call.
const MAX_COLLECT_TIME: SignedDuration = SignedDuration::from_mins(1);

/// The condition that an action is being collected.
const IS_COLLECTED: &str =
    "background = 1 AND state = 'waiting' AND file_work = 1 AND attempt = 0 AND due_at > :now";

/// When a copy or move that is planned now is due at the latest.
pub(super) fn due_at(priority: Priority, now: Timestamp) -> Timestamp {
    match priority {
        Priority::Live => now,
        Priority::Background => now + MAX_COLLECT_TIME,
    }
}

/// Makes the copies and moves due that fill a call, oldest first.
pub fn release_full_calls(sql: &Sql, now: Timestamp) -> Result<(), SqlError> {
    let full = Priority::Background.files_in_one_call() as u64;
    let collected: Vec<(String, u64)> = sql.query(
        &format!("SELECT plan, count(*) FROM actions WHERE {IS_COLLECTED} GROUP BY plan"),
        &[(":now", now.into())],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (plan, count) in collected {
        let released = count / full * full;
        if released == 0 {
            continue;
        }
        sql.execute(
            &format!(
                "UPDATE actions SET due_at = :now
                 WHERE id IN (SELECT id FROM actions WHERE {IS_COLLECTED} AND plan = :plan
                              ORDER BY due_at, id LIMIT :released)"
            ),
            &[
                (":now", now.into()),
                (":plan", (&plan).into()),
                (
                    ":released",
                    i64::try_from(released).unwrap_or(i64::MAX).into(),
                ),
            ],
        )?;
        sql.announce(Queue::Outbox);
    }
    Ok(())
}

/// Makes all copies and moves due that are being collected: no more will come, or too many wait.
pub fn release_all_calls(sql: &Sql, now: Timestamp) -> Result<(), SqlError> {
    let released = sql.execute(
        &format!("UPDATE actions SET due_at = :now WHERE {IS_COLLECTED}"),
        &[(":now", now.into())],
    )?;
    if released > 0 {
        sql.announce(Queue::Outbox);
    }
    Ok(())
}
