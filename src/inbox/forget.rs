//! Erases personal data from events that have ended, and keeps what is needed to do nothing twice: ids, times,
//! states and results.

use std::collections::BTreeSet;

use crate::db::{Sql, SqlError};
use crate::event::nameless::without_names;
use crate::ids::InboxId;
use crate::outbox;

use super::compact;

/// Stands for the reasons of decisions and actions that may name a title.
const FORGOTTEN: &str = "erased by events forget";

/// Erases titles, names and the body of an event, and of its decisions and actions. Returns `false`, and changes
/// nothing, while something of it waits or runs: then it is still needed.
pub fn forget(sql: &Sql, id: InboxId) -> Result<bool, SqlError> {
    let body: Option<Vec<u8>> = sql.query_optional(
        "SELECT body FROM events WHERE id = :id AND state <> 'waiting'",
        &[(":id", id.0.into())],
        |row| row.get(0),
    )?;
    let Some(body) = body else { return Ok(false) };
    if outbox::has_open_actions(sql, id)? {
        return Ok(false);
    }
    let body = without_names(&body);
    sql.execute(
        "UPDATE events SET title = NULL, title_key = NULL, actor = NULL, replayed_person = NULL, body = :body,
                           replay_changes = NULL,
                           reason = CASE WHEN reason IS NULL THEN NULL ELSE :forgotten END
         WHERE id = :id",
        &[
            (":id", id.0.into()),
            (":body", body.as_slice().into()),
            (":forgotten", FORGOTTEN.into()),
        ],
    )?;
    sql.execute(
        "UPDATE decisions SET reason = :forgotten WHERE event = :id",
        &[(":id", id.0.into()), (":forgotten", FORGOTTEN.into())],
    )?;
    compact::forget(sql, id, FORGOTTEN)?;
    outbox::forget(sql, id, FORGOTTEN)?;
    Ok(true)
}

/// A page of the events after one that mention a person, by an id or address that is a part of the body, or that an action
/// has yet to notify; oldest first. Returns the last event that was looked at, too; `None` at the end.
pub fn mentioning(
    sql: &Sql,
    person: &str,
    after: InboxId,
    limit: u32,
) -> Result<(Vec<InboxId>, Option<InboxId>), SqlError> {
    let person = person.to_lowercase();
    let bodies: Vec<(InboxId, Vec<u8>)> = sql.query(
        "SELECT id, body FROM events WHERE id > :after ORDER BY id LIMIT :limit",
        &[(":after", after.0.into()), (":limit", limit.into())],
        |row| Ok((InboxId(row.get(0)?), row.get(1)?)),
    )?;
    let last = bodies.last().map(|(id, _)| *id);
    let mentions = |body: &[u8]| {
        String::from_utf8_lossy(body)
            .to_lowercase()
            .contains(&person)
    };
    let found = bodies.into_iter().filter(|(_, body)| mentions(body));
    let mut found: BTreeSet<InboxId> = found.map(|(id, _)| id).collect();
    if let Some(last) = last {
        found.extend(outbox::events_with_progress_about(
            sql, &person, after, last,
        )?);
    }
    Ok((found.into_iter().collect(), last))
}
