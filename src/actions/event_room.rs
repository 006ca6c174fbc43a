//! The room of an event: the one that holds the file or folder, or that the event is about.

use crate::db::StoreError;
use crate::docspace::Error;
use crate::event::EntryKind;
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
    let folder = match report.kind() {
        EntryKind::Folder => FolderId::new(action.file.as_str()),
        EntryKind::File => {
            let entry = report.event.entry.as_ref();
            moved_to.or_else(|| entry.and_then(|entry| entry.parent.clone()))
        }
        EntryKind::Account => None,
    };
    let Some(folder) = folder else {
        return Ok(Err(no_room()));
    };
    Ok(match context.portal.files().folder_path(&folder).await {
        Ok(path) => {
            let room = path.into_iter().find(|folder| folder.room_type.is_some());
            room.map(|room| room.id).ok_or_else(no_room)
        }
        Err(error) => Err(unreadable_room(context, &error)),
    })
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
