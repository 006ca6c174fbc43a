//! Leader roles: what one instance does for all. The table `duties` names the holder of each, who keeps it until
//! it leaves or is gone.

use crate::db::{Db, Sql, SqlError, StoreError};

use super::id::own_id;

/// The value of `until` while a role is held. It is 0 otherwise.
const HELD: i64 = i64::MAX;

/// A role that one instance holds at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaderRole {
    /// Fetches deliveries that never arrived.
    CatchUp,
    /// Removes old events.
    Prune,
    /// Notifies the operator.
    Alerts,
    /// Applies rules to existing files.
    Backfill,
}

impl LeaderRole {
    fn name(self) -> &'static str {
        match self {
            Self::CatchUp => "catch_up",
            Self::Prune => "prune",
            Self::Alerts => "alerts",
            Self::Backfill => "backfill",
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
    let acquired = sql.execute(
        "UPDATE duties SET holder = :id, until = :held
         WHERE name = :name
           AND (holder = :id OR until = 0 OR holder NOT IN (SELECT id FROM instances))",
        &[
            (":id", own_id(sql).into()),
            (":name", role.name().into()),
            (":held", HELD.into()),
        ],
    )?;
    Ok(acquired > 0)
}

/// Frees the roles of this instance.
pub(super) fn release_roles(sql: &Sql) -> Result<(), SqlError> {
    sql.execute(
        "UPDATE duties SET until = 0 WHERE holder = :id",
        &[(":id", own_id(sql).into())],
    )
    .map(drop)
}
