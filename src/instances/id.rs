//! The number of this instance, as the tables store it.

use crate::db::{Sql, ZeroAsNone};

/// The value of a column that contains this instance's number.
pub(super) fn own_id(sql: &Sql) -> ZeroAsNone {
    ZeroAsNone(sql.instance().map(|id| id.0))
}
