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

/// Erases titles from the actions of an event, reasons, which may name one, and results that later actions may name,
/// such as a link, and addresses of people who were notified. Effect keys and the ids of resulting files and folders stay.
pub fn forget(sql: &Sql, event: InboxId, reason: &str) -> Result<(), SqlError> {
    sql.execute(
        "UPDATE actions SET title = '', target = NULL, results = NULL, progress = NULL,
                            reason = CASE WHEN reason IS NULL THEN NULL ELSE :reason END
         WHERE event = :event",
        &[(":event", event.0.into()), (":reason", reason.into())],
    )?;
    Ok(())
}
