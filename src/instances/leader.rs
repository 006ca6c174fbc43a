//! Leader roles: what one instance does for all. A role is a lease on a row of the table `duties`, which
//! the holder renews with each heartbeat.

use crate::db::{Db, Sql, SqlError, StoreError};

use super::id::own_id;

/// How long a role stays with its holder after the last heartbeat, in milliseconds.
const ROLE_LEASE_MS: i64 = 30_000;

/// A role that one instance holds at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaderRole {
    /// Fetches deliveries that never arrived.
    CatchUp,
    /// Removes old events.
    Prune,
    /// Notifies the operator.
    Alerts,
}

impl LeaderRole {
    fn name(self) -> &'static str {
        match self {
            Self::CatchUp => "catch_up",
            Self::Prune => "prune",
            Self::Alerts => "alerts",
        }
    }
}

/// Whether this instance holds the role; takes it if no instance does.
pub async fn holds_role(db: &Db, role: LeaderRole) -> Result<bool, StoreError> {
    if !db.is_shared() {
        return Ok(true);
    }
    db.write(move |sql| acquire_role(sql, role)).await
}

fn acquire_role(sql: &Sql, role: LeaderRole) -> Result<bool, SqlError> {
    let now = sql.clock_ms()?.unwrap_or_default();
    let acquired = sql.execute(
        "UPDATE duties SET holder = :id, until = :until
         WHERE name = :name AND (holder = :id OR until <= :now)",
        &[
            (":id", own_id(sql).into()),
            (":name", role.name().into()),
            (":until", (now + ROLE_LEASE_MS).into()),
            (":now", now.into()),
        ],
    )?;
    Ok(acquired > 0)
}

/// Renews the roles of this instance, and frees those of instances that are gone.
pub(super) fn renew_roles(sql: &Sql, now: i64) -> Result<(), SqlError> {
    sql.execute(
        "UPDATE duties SET until = :until WHERE holder = :id AND until > :now",
        &[
            (":id", own_id(sql).into()),
            (":now", now.into()),
            (":until", (now + ROLE_LEASE_MS).into()),
        ],
    )?;
    sql.execute(
        "UPDATE duties SET until = 0
         WHERE until > 0 AND holder NOT IN (SELECT id FROM instances)",
        &[],
    )
    .map(drop)
}

/// Frees the roles of this instance.
pub(super) fn release_roles(sql: &Sql) -> Result<(), SqlError> {
    sql.execute(
        "UPDATE duties SET until = 0 WHERE holder = :id",
        &[(":id", own_id(sql).into())],
    )
    .map(drop)
}
