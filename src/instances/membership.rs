//! The heartbeat: which instances run, and how many writes to the portal they made.

use std::time::Duration;

use crate::db::{Sql, SqlError};
use crate::outbox;

use super::id::own_id;
use super::leader;

/// After this long without a heartbeat an instance is gone.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(10);

/// The writes to the portal that this instance made on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PortalWrites {
    /// Days since 1970, UTC.
    pub(super) day: i64,
    pub(super) count: i64,
}

/// What a heartbeat found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Membership {
    /// The instances that run, this one included.
    pub(super) instances: u32,
    /// The database's time.
    pub(super) clock_ms: Option<i64>,
    /// Writes to the portal that the other instances made on the same day.
    pub(super) writes_of_others: i64,
    /// Running actions of instances that are gone, whose leases this heartbeat ended.
    pub(super) released: usize,
}

/// Writes a heartbeat, and removes the instances that have none.
pub(super) fn heartbeat(sql: &Sql, writes: PortalWrites) -> Result<Membership, SqlError> {
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
    let writes_of_others = count_writes(sql, writes)?;
    Ok(Membership {
        instances,
        clock_ms,
        writes_of_others,
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

/// Stores the writes of this instance, and returns those of the others on the same day.
fn count_writes(sql: &Sql, PortalWrites { day, count }: PortalWrites) -> Result<i64, SqlError> {
    let id = own_id(sql);
    if count > 0 {
        sql.execute(
            "INSERT INTO portal_writes (day, instance, writes) VALUES (:day, :id, :count)
             ON CONFLICT (day, instance) DO UPDATE SET writes = excluded.writes",
            &[
                (":day", day.into()),
                (":id", id.into()),
                (":count", count.into()),
            ],
        )?;
    }
    sql.execute(
        "DELETE FROM portal_writes WHERE day < :day",
        &[(":day", day.into())],
    )?;
    sql.query_one(
        "SELECT CAST(coalesce(sum(writes), 0) AS BIGINT) FROM portal_writes
         WHERE day = :day AND instance <> :id",
        &[(":day", day.into()), (":id", id.into())],
        |row| row.get(0),
    )
}
