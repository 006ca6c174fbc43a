//! Stored events, read again to evaluate rules for them.

use anyhow::Context as _;

use crate::db::Db;
use crate::event::Event;
use crate::inbox;
use crate::journal::{self, EventDetails};

/// The event with this number, the body of its delivery, and the rules that caused it; `None` if there is none.
pub(super) async fn find(
    db: &Db,
    number: i64,
) -> anyhow::Result<Option<(Event, Vec<u8>, Vec<String>)>> {
    let Some(details) = db.read(move |sql| journal::find(sql, number)).await? else {
        return Ok(None);
    };
    let event = parse(&details)
        .context("the event's body is not a JSON object, so no rule is evaluated for it")?;
    let caused_by = caused_by(db, &event).await?;
    Ok(Some((event, details.body, caused_by)))
}

/// Parses a stored body again.
pub(super) fn parse(details: &EventDetails) -> Option<Event> {
    let mut event = Event::parse(&details.body).ok()?;
    event.happened_at.get_or_insert(details.event.happened_at);
    Some(event)
}

/// The rules whose own actions caused the event.
pub(super) async fn caused_by(db: &Db, event: &Event) -> anyhow::Result<Vec<String>> {
    let event = event.clone();
    let origin = db.read(move |sql| inbox::origin(sql, &event)).await?;
    Ok(origin.rules().to_vec())
}
