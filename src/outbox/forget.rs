//! Erases personal data from actions that have ended.

use crate::db::{Sql, SqlError};
use crate::ids::InboxId;

/// Whether an action of an event waits or runs.
pub fn has_open_actions(sql: &Sql, event: InboxId) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM actions WHERE event = :event AND state IN ('waiting', 'running')",
        &[(":event", event.0.into())],
    )
}

/// The events from after one to another whose actions have stored a person's id or address, in small letters, for their
/// next attempts.
pub fn events_with_progress_about(
    sql: &Sql,
    person: &str,
    after: InboxId,
    last: InboxId,
) -> Result<Vec<InboxId>, SqlError> {
    let stored: Vec<(InboxId, String)> = sql.query(
        "SELECT event, progress FROM actions
         WHERE progress IS NOT NULL AND event > :after AND event <= :last",
        &[(":after", after.0.into()), (":last", last.0.into())],
        |row| Ok((InboxId(row.get(0)?), row.get(1)?)),
    )?;
    let about = stored
        .into_iter()
        .filter(|(_, progress)| progress.to_lowercase().contains(person));
    Ok(about.map(|(event, _)| event).collect())
}

/// Erases titles from the actions of an event, reasons, which may name one, and results that later actions may name,
/// such as a link, and addresses of people who were notified. Effect keys and the ids of resulting files and folders stay.
pub fn forget(sql: &Sql, event: InboxId, reason: &str) -> Result<(), SqlError> {
    sql.execute(
        "UPDATE actions SET title = '', target = NULL, results = NULL,
                            progress = CASE WHEN progress IS NULL THEN NULL ELSE '' END,
                            reason = CASE WHEN reason IS NULL THEN NULL ELSE :reason END
         WHERE event = :event",
        &[(":event", event.0.into()), (":reason", reason.into())],
    )?;
    Ok(())
}
