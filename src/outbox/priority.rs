//! Priority: live work comes before that of a backfill.

use crate::db::{Sql, SqlError};

/// How urgent an action is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Its event has just happened, or a person replays it.
    Live,
    /// A backfill planned it: other work comes first.
    Background,
}

impl Priority {
    /// The condition on the table `actions`, or on its alias with the dot. It is part of the text of a statement, so
    /// that a partial index on background actions is used.
    pub(super) fn condition(self, alias: &str) -> String {
        match self {
            Self::Live => format!("{alias}background = 0"),
            Self::Background => {
                format!("{alias}background = 1 AND {alias}state IN ('waiting', 'running')")
            }
        }
    }
}

/// How many actions of a backfill wait or run.
pub fn background_actions(sql: &Sql) -> Result<u64, SqlError> {
    sql.query_one(
        "SELECT count(*) FROM actions WHERE background = 1 AND state IN ('waiting', 'running')",
        &[],
        |row| row.get(0),
    )
}
