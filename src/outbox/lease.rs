//! Leases of processes that have ended.

use crate::db::{Sql, SqlError};

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
