//! The decisions about an event that every rule ignores. They are most of all decisions, and one column of the event.

use crate::db::{Sql, SqlError};
use crate::ids::InboxId;

/// The column's text for these pairs of rule and reason, in order.
pub(super) fn stored(ignored: &[(&str, &str)]) -> String {
    serde_json::to_string(ignored).expect("pairs of texts are plain data")
}

/// The decisions of a column's text, in order: rule and reason.
pub fn read_ignored(stored: &str) -> Vec<(String, String)> {
    serde_json::from_str(stored).unwrap_or_default()
}

/// Replaces the reasons, which may name a title.
pub(super) fn forget(sql: &Sql, id: InboxId, forgotten: &str) -> Result<(), SqlError> {
    let stored: Option<Option<String>> = sql.query_optional(
        "SELECT ignored FROM events WHERE id = :id",
        &[(":id", id.0.into())],
        |row| row.get(0),
    )?;
    let Some(stored) = stored.flatten() else {
        return Ok(());
    };
    let ignored = read_ignored(&stored);
    let rules = ignored.iter().map(|(rule, _)| rule.as_str());
    let replaced = self::stored(&rules.map(|rule| (rule, forgotten)).collect::<Vec<_>>());
    sql.execute(
        "UPDATE events SET ignored = :ignored WHERE id = :id",
        &[(":ignored", (&replaced).into()), (":id", id.0.into())],
    )?;
    Ok(())
}
