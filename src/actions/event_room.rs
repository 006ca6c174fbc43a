//! The room of an event: the one that holds the file or folder, or that the event is about.

use crate::db::StoreError;
use crate::docspace::Error;
use crate::ids::FolderId;
use crate::outbox::Action;

use super::attempt::{AttemptOutcome, Context};
use super::message::Report;
use super::portal_error::failed_call;

/// The room of an action's event, or why it cannot be worked on. After a move in the rule, it is the one that the file
/// is in then.
pub(super) async fn event_room(
    context: &Context<'_>,
    action: &Action,
) -> Result<Result<FolderId, AttemptOutcome>, StoreError> {
    let report = Report::load(context, action).await?;
    let moved_to = report.before.as_ref().filter(|before| before.moved);
    let moved_to = moved_to.and_then(|before| before.result.folder.clone());
    let Some(folder) = moved_to.or_else(|| report.event_folder()) else {
        return Ok(Err(no_room()));
    };
    let room = room_around(context, &folder).await;
    Ok(room.and_then(|room| room.ok_or_else(no_room)))
}

/// The room that a folder is or is in; `None` for one outside of the rooms.
pub(super) async fn room_around(
    context: &Context<'_>,
    folder: &FolderId,
) -> Result<Option<FolderId>, AttemptOutcome> {
    let path = context.portal.files().folder_path(folder).await;
    let path = path.map_err(|error| unreadable_room(context, &error))?;
    let room = path.into_iter().find(|folder| folder.room_type.is_some());
    Ok(room.map(|room| room.id))
}

/// The outcome for a room that the portal does not show.
pub(super) fn unreadable_room(context: &Context<'_>, error: &Error) -> AttemptOutcome {
    match error {
        Error::NotFound => AttemptOutcome::Dead {
            code: "room_gone",
            reason: "the room no longer exists".to_owned(),
            intent: None,
        },
        Error::Forbidden => AttemptOutcome::no_right("this key's user may not open the room"),
        error => failed_call(context, error, None),
    }
}

fn no_room() -> AttemptOutcome {
    AttemptOutcome::Dead {
        code: "no_room",
        reason: "what the event is about is not in a room".to_owned(),
        intent: None,
    }
}
