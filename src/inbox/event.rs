//! What is known of stored events.

use jiff::Timestamp;

use crate::db::{Sql, SqlError};
use crate::event::{Event, Trigger};
use crate::ids::{FileId, InboxId, WebhookId};
use crate::outbox;

/// When an event was received.
pub fn received_at(sql: &Sql, id: InboxId) -> Result<Timestamp, SqlError> {
    sql.query_one(
        "SELECT received_at FROM events WHERE id = :id",
        &[(":id", id.0.into())],
        |row| row.get(0),
    )
}

/// The body of an event as received, and when the event happened.
pub fn body(sql: &Sql, id: InboxId) -> Result<Option<(Vec<u8>, Timestamp)>, SqlError> {
    sql.query_optional(
        "SELECT body, happened_at FROM events WHERE id = :id",
        &[(":id", id.0.into())],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The trigger of an event and the file that it is about.
pub(super) fn trigger_and_file(
    sql: &Sql,
    id: InboxId,
) -> Result<Option<(Trigger, FileId)>, SqlError> {
    let found: Option<(Option<String>, Option<String>)> = sql.query_optional(
        "SELECT trigger_name, file_id FROM events WHERE id = :id",
        &[(":id", id.0.into())],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(found.and_then(|(trigger, file)| Some((Trigger::new(&trigger?), FileId::new(&file?)?))))
}

/// What is known of a file from events and actions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownFile {
    /// Whether an event reported the content state that was asked for, or an action was planned for it.
    pub is_state_reported: bool,
    /// Whether an event reported how the file came, rather than only later changes of it.
    pub is_arrival_reported: bool,
    /// The newest content state that an event reported.
    pub newest_state: Option<Timestamp>,
    /// The oldest content state that a backfill found.
    pub backfilled_state: Option<Timestamp>,
}

/// What is known of this content state of a file. Events count whether or not a rule acted on them, except those
/// of backfills: other rules than theirs have not seen the file.
pub fn known_file(sql: &Sql, file: &FileId, changed: Timestamp) -> Result<KnownFile, SqlError> {
    let bodies: Vec<(Vec<u8>, i64)> = sql.query(
        "SELECT body, backfilled FROM events WHERE file_id = :file",
        &[(":file", file.as_str().into())],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let mut known = KnownFile {
        is_state_reported: outbox::has_file_state(sql, file, changed)?,
        ..KnownFile::default()
    };
    for (body, backfilled) in bodies {
        let Ok(event) = Event::parse(&body) else {
            continue;
        };
        let state = event.entry.and_then(|entry| entry.modified_at);
        if backfilled != 0 {
            let states = known.backfilled_state.into_iter().chain(state);
            known.backfilled_state = states.min();
            continue;
        }
        known.is_state_reported |= state == Some(changed);
        known.is_arrival_reported |= event
            .trigger
            .is_none_or(|trigger| trigger.as_str() != "file.updated");
        known.newest_state = known.newest_state.max(state);
    }
    Ok(known)
}

/// The webhooks that have delivered events. What was fetched from the log of a webhook was not delivered here.
pub fn webhooks(sql: &Sql) -> Result<Vec<WebhookId>, SqlError> {
    // The recursion makes one index lookup per webhook, not one per event.
    sql.query(
        "WITH RECURSIVE seen (id) AS (
             SELECT min(webhook_id) FROM events WHERE webhook_id > 0
             UNION ALL
             SELECT (SELECT min(webhook_id) FROM events WHERE webhook_id > seen.id) FROM seen
             WHERE seen.id IS NOT NULL)
         SELECT seen.id FROM seen
         WHERE EXISTS (
             SELECT 1 FROM events WHERE webhook_id = seen.id AND source = 'delivery')",
        &[],
        |row| row.get(0).map(WebhookId),
    )
}
