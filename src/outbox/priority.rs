//! Priority: live work comes before that of a backfill.

use crate::db::{FromColumn, Sql, SqlError};
use crate::docspace::{FILES_IN_ONE_CALL, FILES_IN_ONE_LARGE_CALL};

/// Writes of the portal's [`WRITES_A_DAY`](crate::docspace::WRITES_A_DAY) that background work leaves to live work.
pub const WRITES_LEFT_TO_LIVE_WORK: u64 = 5_000;

/// How urgent an action is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Its event has just happened, or a person replays it.
    Live,
    /// A backfill planned it: other work comes first.
    Background,
}

impl Priority {
    /// The most files that are copied or moved in one call.
    pub fn files_in_one_call(self) -> usize {
        match self {
            Self::Live => FILES_IN_ONE_CALL,
            Self::Background => FILES_IN_ONE_LARGE_CALL,
        }
    }

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

/// Stored in the column `background`: 0 or 1.
impl FromColumn for Priority {
    type Stored = i64;

    fn from_stored(stored: i64) -> Option<Self> {
        match stored {
            0 => Some(Self::Live),
            1 => Some(Self::Background),
            _ => None,
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
