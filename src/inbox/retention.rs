//! Removes events that ended long ago.

use jiff::Timestamp;

use crate::db::{Sql, SqlError};
use crate::outbox;

/// Removes events whose actions have all ended, oldest first, up to a limit. Returns how many.
///
/// The actions of an event go with it, and with them the knowledge that their effects exist. So an event
/// is kept as long as its last action ended after this time.
pub fn prune(sql: &Sql, older_than: Timestamp, limit: u32) -> Result<usize, SqlError> {
    let keeps = outbox::keeps_event("old.id");
    sql.execute(
        &format!(
            "DELETE FROM events WHERE id IN (
                 SELECT id FROM events AS old
                 WHERE received_at < :older_than AND state IN ('decided', 'unreadable')
                   AND NOT {keeps}
                 ORDER BY received_at LIMIT :limit)"
        ),
        &[(":older_than", older_than.into()), (":limit", limit.into())],
    )
}
