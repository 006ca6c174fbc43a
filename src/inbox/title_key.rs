//! The form of titles that searches compare: letter case and Unicode composition make no difference.
//!
//! The databases differ in which scripts their `lower` covers, so the program computes the key and stores
//! it in the column `title_key`.

use crate::case_folding::folded;
use crate::db::{Sql, SqlError};
use crate::ids::InboxId;

/// The form of a title, or of a text to search for, that searches compare.
pub fn title_key(title: &str) -> String {
    folded(title)
}

/// Fills the keys of events that were stored without one, by a version that did not have the column yet;
/// newest first, up to a limit. Returns how many it filled.
pub fn fill_title_keys(sql: &Sql, limit: u32) -> Result<usize, SqlError> {
    let titles: Vec<(InboxId, String)> = sql.query(
        "SELECT id, title FROM events WHERE title_key IS NULL AND title IS NOT NULL
         ORDER BY id DESC LIMIT :limit",
        &[(":limit", limit.into())],
        |row| Ok((InboxId(row.get(0)?), row.get(1)?)),
    )?;
    for (id, title) in &titles {
        sql.execute(
            "UPDATE events SET title_key = :title_key WHERE id = :id",
            &[
                (":id", id.0.into()),
                (":title_key", (&title_key(title)).into()),
            ],
        )?;
    }
    Ok(titles.len())
}
