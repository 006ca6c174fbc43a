//! Leases and due times that earlier processes left.

use std::time::Duration;

use jiff::Timestamp;

use crate::db::{Sql, SqlError};

/// The longest wait of an action: the longest `Retry-After` that is honoured. One that waits longer, for the next
/// day's writes, waits again when it is claimed.
const MAX_WAIT: Duration = Duration::from_hours(1);

/// Ends all leases. Only for a store that no other process is using.
pub fn release_all_leases(sql: &Sql) -> Result<usize, SqlError> {
    sql.execute(
        "UPDATE actions SET lease_until = 0 WHERE state = 'running'",
        &[],
    )
}

/// Ends the leases of instances that no longer share the store.
pub fn release_orphaned_leases(sql: &Sql) -> Result<usize, SqlError> {
    sql.execute(
        "UPDATE actions SET lease_until = 0
         WHERE state = 'running' AND lease_until > 0 AND instance <> 0
           AND instance NOT IN (SELECT id FROM instances)",
        &[],
    )
}

/// Makes the actions due whose due time is further away than any wait. They were stored before the wall clock
/// stepped back and the process started again.
pub fn reset_due_times(sql: &Sql, now: Timestamp) -> Result<usize, SqlError> {
    sql.execute(
        "UPDATE actions SET due_at = :now WHERE state = 'waiting' AND due_at > :latest",
        &[(":now", now.into()), (":latest", (now + MAX_WAIT).into())],
    )
}
