//! Diagnose: what a failed call or operation means for the action.

use crate::docspace::{Conflict, Error, ErrorClass, FileInfo, FolderInfo, OperationKind};
use crate::ids::FolderId;
use crate::outbox::{Action, ActionResult, Intent};
use crate::wire::RoomType;

use super::look::Look;
use super::relocate::Relocation;
use super::{AttemptOutcome, Context, settle};

/// Refusals without a visible cause before a move is given up: a lock may have been there just for the
/// moment of the call.
const UNEXPLAINED_REFUSALS: u32 = 3;

/// What to do about a call that failed, where the error says it all.
pub(super) fn failed_call(
    context: &Context<'_>,
    error: &Error,
    intent: Option<Intent>,
) -> AttemptOutcome {
    let reason = error.to_string();
    match error.class() {
        // With the whole portal down, it is not this action that failed.
        ErrorClass::Retry | ErrorClass::RateLimited(_) | ErrorClass::KeyRefused
            if context.portal.open_reason().is_some() =>
        {
            AttemptOutcome::Postponed {
                reason,
                wait: None,
                intent,
            }
        }
        ErrorClass::Permanent => AttemptOutcome::Dead {
            code: "refused",
            reason,
        },
        ErrorClass::CircuitOpen(_) => AttemptOutcome::Postponed {
            reason,
            wait: None,
            intent,
        },
        ErrorClass::BudgetExhausted(wait) => AttemptOutcome::Postponed {
            reason,
            wait: Some(wait),
            intent,
        },
        _ => AttemptOutcome::Failed { reason, intent },
    }
}

/// What a 403 or 404 to a copy or move of one file means. 403 says "no right", "gone" and "busy" alike, so
/// the file is asked for (docs/DOCSPACE.md 4.3).
pub(super) async fn refusal(
    context: &Context<'_>,
    action: &Action,
    relocation: Relocation<'_>,
    refusal: &Error,
) -> AttemptOutcome {
    let Relocation { kind, to, .. } = relocation;
    let mut look = Look::new(context.portal, to);
    let file = match look.file(&action.file).await {
        Ok(file) => file,
        Err(error) => return unreadable_file(context, &error).await,
    };
    if let Some(done) = moved_already(&file, kind, to) {
        return done;
    }
    if matches!(refusal, Error::NotFound) {
        return destination_gone(to);
    }
    if let Some(ended) = visible_cause(&file, kind) {
        return ended;
    }
    if relocation.conflict == Conflict::Overwrite
        && let Ok(Some(existing)) = settle::namesake(&mut look, action).await
        && existing.busy
    {
        return overwrites_busy_file();
    }
    match Destination::see(context, relocation).await {
        Destination::TakesNothing(ended) => ended,
        Destination::TakesOnlyForms => only_forms(to),
        Destination::Unsuspected
            if kind == OperationKind::Move && action.failures + 1 < UNEXPLAINED_REFUSALS =>
        {
            AttemptOutcome::Failed {
                reason: "the portal denies the move".to_owned(),
                intent: None,
            }
        }
        Destination::Unsuspected => not_into(to),
    }
}

/// What can be seen of why a destination may refuse files.
#[derive(Clone, Debug)]
pub(super) enum Destination {
    /// Nothing.
    Unsuspected,
    /// It is in a form-filling room.
    TakesOnlyForms,
    /// No file can be put there, or the portal cannot be asked.
    TakesNothing(AttemptOutcome),
}

impl Destination {
    /// Asks the portal for the destination.
    pub(super) async fn see(context: &Context<'_>, relocation: Relocation<'_>) -> Self {
        let to = relocation.to;
        let path = match context.portal.files().folder_path(to).await {
            Ok(path) => path,
            Err(Error::NotFound) => return Self::TakesNothing(destination_gone(to)),
            Err(Error::Forbidden) => {
                let reason = format!("this key's user may not open the destination {to}");
                return Self::TakesNothing(no_right(reason));
            }
            Err(error) => return Self::TakesNothing(failed_call(context, &error, None)),
        };
        let rights = path.last().and_then(|folder| folder.security);
        let withheld = rights.is_some_and(|rights| {
            let put = match relocation.kind {
                OperationKind::Copy => rights.copy_to,
                OperationKind::Move => rights.move_to,
            };
            [rights.create, put].contains(&Some(false))
        });
        let in_form_room = |folder: &FolderInfo| folder.room_type == Some(RoomType::FormFilling);
        if path.iter().any(in_form_room) {
            Self::TakesOnlyForms
        } else if withheld {
            Self::TakesNothing(not_into(to))
        } else {
            Self::Unsuspected
        }
    }

    /// How the attempt at a file ends that it will not take for what the file is.
    pub(super) fn refuses(&self, file: &FileInfo, to: &FolderId) -> Option<AttemptOutcome> {
        let is_pdf = file
            .title
            .rsplit_once('.')
            .is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("pdf"));
        (matches!(self, Self::TakesOnlyForms) && !is_pdf).then(|| only_forms(to))
    }
}

/// What it means for one file that an operation ended without effect on it.
pub(super) async fn failed_operation(
    context: &Context<'_>,
    look: &mut Look<'_>,
    action: &Action,
    relocation: Relocation<'_>,
    reason: String,
) -> AttemptOutcome {
    let Relocation { kind, to, .. } = relocation;
    match look.file(&action.file).await {
        Ok(file) => moved_already(&file, kind, to)
            .or_else(|| visible_cause(&file, kind))
            .unwrap_or(AttemptOutcome::Failed {
                reason,
                intent: None,
            }),
        Err(error) => unreadable_file(context, &error).await,
    }
}

/// A file that is where it should go need not be moved: an earlier version of it was, or a person did it.
pub(super) fn moved_already(
    file: &FileInfo,
    kind: OperationKind,
    to: &FolderId,
) -> Option<AttemptOutcome> {
    (kind == OperationKind::Move && file.folder == *to).then(|| {
        AttemptOutcome::Done(ActionResult {
            file: Some(file.id.clone()),
            folder: Some(file.folder.clone()),
            note: None,
        })
    })
}

/// What it means that the file itself cannot be read.
pub(super) async fn unreadable_file(context: &Context<'_>, error: &Error) -> AttemptOutcome {
    match error {
        Error::NotFound => AttemptOutcome::Dead {
            code: "file_gone",
            reason: "the file no longer exists".to_owned(),
        },
        // A bad key gets 403 here, too; an endpoint that needs a login tells (docs/DOCSPACE.md 6).
        Error::Forbidden => match context.portal.account().current_user().await {
            Err(error) if error.class() != ErrorClass::Ambiguous => {
                failed_call(context, &error, None)
            }
            _ => no_right("this key's user may not read the file".to_owned()),
        },
        error => failed_call(context, error, None),
    }
}

/// What the file itself shows to be in the way.
pub(super) fn visible_cause(file: &FileInfo, kind: OperationKind) -> Option<AttemptOutcome> {
    let (may, verb) = match kind {
        OperationKind::Copy => (file.may_copy, "copy"),
        OperationKind::Move => (file.may_move, "move"),
    };
    if file.busy {
        let reason = "the file is open in an editor or locked".to_owned();
        Some(AttemptOutcome::Failed {
            reason,
            intent: None,
        })
    } else if may == Some(false) {
        Some(no_right(format!("this key's user may not {verb} the file")))
    } else {
        None
    }
}

/// The existing file under that title cannot be overwritten just now.
pub(super) fn overwrites_busy_file() -> AttemptOutcome {
    AttemptOutcome::Failed {
        reason: "the file it would overwrite is open in an editor or locked".to_owned(),
        intent: None,
    }
}

fn only_forms(to: &FolderId) -> AttemptOutcome {
    AttemptOutcome::Dead {
        code: "form_room",
        reason: format!(
            "the destination {to} is in a form-filling room, which takes only PDF forms"
        ),
    }
}

fn not_into(to: &FolderId) -> AttemptOutcome {
    no_right(format!(
        "this key's user may read the file, but not put it into the destination {to}"
    ))
}

fn destination_gone(to: &FolderId) -> AttemptOutcome {
    AttemptOutcome::Dead {
        code: "destination_gone",
        reason: format!("the destination {to} does not exist"),
    }
}

fn no_right(reason: String) -> AttemptOutcome {
    AttemptOutcome::Dead {
        code: "no_right",
        reason,
    }
}
