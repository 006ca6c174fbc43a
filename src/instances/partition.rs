//! The part of the events that an instance decides first.

use crate::db::{Sql, SqlError};
use crate::ids::InstanceId;

/// One of several equal parts of the events, by their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// How many parts there are: one per instance.
    pub count: u32,
    /// Which of them this is, from 0.
    pub index: u32,
}

impl Partition {
    /// All events, for a single instance.
    pub const ALL: Self = Self { count: 1, index: 0 };
}

/// The part of this instance. Each decides the events of its part first, and overdue ones of any part.
pub fn partition(sql: &Sql) -> Result<Partition, SqlError> {
    let Some(InstanceId(id)) = sql.instance() else {
        return Ok(Partition::ALL);
    };
    sql.query_one(
        "SELECT count(*), coalesce(sum(CASE WHEN id < :id THEN 1 END), 0),
                coalesce(sum(CASE WHEN id = :id THEN 1 END), 0)
         FROM instances",
        &[(":id", id.into())],
        |row| {
            let (count, index, known): (u32, u32, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(if known == 0 {
                Partition::ALL
            } else {
                Partition { count, index }
            })
        },
    )
}
