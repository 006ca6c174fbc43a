//! The heartbeat: which instances run.

use std::time::Duration;

use crate::db::{Sql, SqlError};
use crate::outbox;

use super::call_ledger;
use super::id::own_id;
use super::leader;

/// After this long without a heartbeat an instance is gone.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a heartbeat found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Membership {
    /// The instances that run, this one included.
    pub(super) instances: u32,
    /// The database's time.
    pub(super) clock_ms: Option<i64>,
    /// The writes to the portal that all instances have recorded for the day.
    pub(super) portal_writes: u64,
    /// Running actions of instances that are gone, whose leases this heartbeat ended.
    pub(super) released: usize,
}

/// Writes a heartbeat, and removes the instances that have none. The day is in days since 1970, UTC.
pub(super) fn heartbeat(sql: &Sql, day: i64) -> Result<Membership, SqlError> {
    let clock_ms = sql.clock_ms()?;
    let (now, id) = (clock_ms.unwrap_or_default(), own_id(sql));
    let timeout = i64::try_from(HEARTBEAT_TIMEOUT.as_millis()).unwrap_or(i64::MAX);
    sql.execute(
        "INSERT INTO instances (id, started_at, seen_at) VALUES (:id, :now, :now)
         ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
        &[(":id", id.into()), (":now", now.into())],
    )?;
    sql.execute(
        "DELETE FROM instances WHERE seen_at < :gone_before",
        &[(":gone_before", (now - timeout).into())],
    )?;
    let released = outbox::release_orphaned_leases(sql)?;
    leader::renew_roles(sql, now)?;
    let instances = sql.query_one("SELECT count(*) FROM instances", &[], |row| row.get(0))?;
    let portal_writes = call_ledger::writes_on(sql, day)?;
    Ok(Membership {
        instances,
        clock_ms,
        portal_writes,
        released,
    })
}

/// Removes this instance with its roles and leases.
pub(super) fn remove(sql: &Sql) -> Result<(), SqlError> {
    sql.execute(
        "DELETE FROM instances WHERE id = :id",
        &[(":id", own_id(sql).into())],
    )?;
    leader::release_roles(sql)?;
    outbox::release_orphaned_leases(sql).map(drop)
}
