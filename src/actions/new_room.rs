//! New rooms: finds the one that a call has created whose answer was lost.
//!
//! The portal stores the tags of a room after the room itself, so a room without the mark of the action counts, too: it
//! has the title that was wanted, no tags, was created by the key's user after the intent was stored, and belongs to no
//! other action (docs/DOCSPACE.md A4.1).

use std::time::{Duration, Instant};

use crate::db::StoreError;
use crate::docspace::{Error, FolderInfo, TemplateTask};
use crate::ids::{FileId, FolderId};
use crate::outbox::{self, EffectKind, Intent};

use super::attempt::{AttemptOutcome, Context};
use super::in_flight::CLOCK_TOLERANCE;
use super::intent::Unconfirmed;
use super::poll_schedule::PollSchedule;

/// How long an attempt waits for the portal to create a room from a template, before the next one does.
const MAX_TASK_TIME: Duration = Duration::from_secs(30);

/// What became of a call that creates a room.
pub(super) enum NewRoom {
    /// It has created this room.
    Created(FolderId),
    /// It may still create one, or that cannot be found out now.
    Unknown(AttemptOutcome),
    /// It has created none, and will not; why, if the portal says so.
    NotApplied(Option<String>),
}

/// A room as it was requested.
pub(super) struct RequestedRoom<'a> {
    pub(super) title: &'a str,
    /// The tag by which it is found.
    pub(super) mark: &'a str,
    pub(super) is_from_template: bool,
}

/// Searches for the room that a call of this or an earlier attempt may have created.
pub(super) async fn find(
    context: &Context<'_>,
    unconfirmed: Unconfirmed<'_>,
    requested: &RequestedRoom<'_>,
) -> Result<NewRoom, StoreError> {
    let began_at = context.portal.portal_time();
    let task = if requested.is_from_template {
        match ended_task(context).await {
            Ok(Some(task)) if !task.is_completed => {
                let reason = "the portal is creating a room from a template";
                let again = unconfirmed.search_again(context, began_at, reason);
                return Ok(NewRoom::Unknown(again.1));
            }
            Ok(task) => task,
            Err(error) => {
                return Ok(NewRoom::Unknown(
                    unconfirmed.query_failed(context, &error).1,
                ));
            }
        }
    } else {
        None
    };
    let rooms = match candidates(context, &unconfirmed.intent, requested).await {
        Ok(rooms) => rooms,
        Err(error) => {
            return Ok(NewRoom::Unknown(
                unconfirmed.query_failed(context, &error).1,
            ));
        }
    };
    // The reads may have corrected what is known of the portal's clock.
    let now = began_at.min(context.portal.portal_time());
    let may_be_in_flight = now < unconfirmed.intent.in_flight_until;
    for room in rooms {
        let is_marked = room.tags.iter().any(|tag| tag == requested.mark);
        // One without tags may still get those of another action, or the mark.
        let is_it =
            is_marked || (!may_be_in_flight && !is_of_another_action(context, &room.id).await?);
        if is_it {
            return Ok(NewRoom::Created(room.id));
        }
    }
    if may_be_in_flight {
        let reason = "the portal may still be processing a call whose response was lost";
        let again = unconfirmed.search_again(context, began_at, reason);
        return Ok(NewRoom::Unknown(again.1));
    }
    let error = task.map(|task| task.error).filter(|it| !it.is_empty());
    Ok(NewRoom::NotApplied(error))
}

/// The portal's last creation of a room from a template, once it has ended; one that takes long is returned as it runs.
async fn ended_task(context: &Context<'_>) -> Result<Option<TemplateTask>, Error> {
    let started = Instant::now();
    let mut polls = PollSchedule::soon(context.operation_time);
    loop {
        let task = context.portal.new_rooms().template_task().await?;
        let is_running = task.as_ref().is_some_and(|task| !task.is_completed);
        if !is_running || started.elapsed() > MAX_TASK_TIME {
            return Ok(task);
        }
        tokio::time::sleep(polls.next_wait(started.elapsed(), fastrand::f64())).await;
    }
}

/// The rooms that may be it: with the mark, or else those without tags, the oldest first.
async fn candidates(
    context: &Context<'_>,
    intent: &Intent,
    requested: &RequestedRoom<'_>,
) -> Result<Vec<FolderInfo>, Error> {
    let calls = context.portal.new_rooms();
    let marked = calls.with_tag(requested.mark).await?;
    if !marked.is_empty() {
        return Ok(marked);
    }
    let user = context.portal.account().current_user().await?.id;
    let not_before = intent.at.checked_sub(CLOCK_TOLERANCE).unwrap_or(intent.at);
    let mut rooms = calls.newest_of(&user).await?;
    rooms.retain(|room| {
        room.title == requested.title
            && room.tags.is_empty()
            && room.created.is_some_and(|created| created >= not_before)
    });
    rooms.sort_by_key(|room| room.created);
    Ok(rooms)
}

async fn is_of_another_action(context: &Context<'_>, room: &FolderId) -> Result<bool, StoreError> {
    let Some(room) = FileId::new(room.as_str()) else {
        return Ok(false);
    };
    let read = context
        .db
        .read(move |sql| outbox::last_effect(sql, EffectKind::RoomCreated, &room, None));
    Ok(read.await?.is_some())
}
