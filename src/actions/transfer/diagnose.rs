//! Diagnose: why the portal refused to copy or move a file, or an operation did not handle it.
//!
//! 403 means "no right", "gone" and "busy" alike (docs/DOCSPACE.md 4.3), so the file, the file it would
//! overwrite and the destination are read.

use crate::actions::attempt::{AttemptOutcome, Context};
use crate::actions::portal_error::{failed_call, refused_without_cause, unreadable_file};
use crate::docspace::{Conflict, Error, FileInfo, FolderInfo, OperationKind};
use crate::ids::FolderId;
use crate::outbox::Action;

use super::group::Transfer;
use crate::actions::portal_view::PortalView;

/// The outcome for a single file whose call was refused with 403 or 404.
pub(super) async fn refused_file(
    context: &Context<'_>,
    transfer: Transfer<'_>,
    action: &Action,
    refusal: &Error,
) -> AttemptOutcome {
    let mut view = PortalView::new(context.portal, transfer.to);
    let file = match view.file(&action.file).await {
        Ok(file) => file,
        Err(error) => return unreadable_file(context, &error).await,
    };
    if let Some(done) = moved_already(&file, transfer) {
        return done;
    }
    // For a single file 404 means the destination; a missing file gets 403.
    if matches!(refusal, Error::NotFound) {
        return destination_gone(transfer.to);
    }
    if let Some(outcome) = busy_or_forbidden(&file, transfer) {
        return outcome;
    }
    if let Some(outcome) = overwrites_busy_file(context, transfer, &mut view, action).await {
        return outcome;
    }
    match DestinationState::read(context, transfer).await {
        DestinationState::AcceptsNothing(outcome) => outcome,
        DestinationState::AcceptsOnlyForms => only_forms(transfer.to),
        DestinationState::NoCauseVisible => unexplained(transfer, action),
    }
}

/// The outcome for a file that was refused without a visible cause. A person may have had it, or the file that it
/// would overwrite, open or locked only a moment ago.
fn unexplained(transfer: Transfer<'_>, action: &Action) -> AttemptOutcome {
    let may_be_transient =
        transfer.kind == OperationKind::Move || transfer.conflict == Conflict::Overwrite;
    let refused = || may_not_add_to(transfer.to);
    if may_be_transient {
        refused_without_cause(action, refused)
    } else {
        refused()
    }
}

/// The outcome for a file that can be the cause why a call for several files was refused.
pub(super) async fn possible_cause(
    context: &Context<'_>,
    transfer: Transfer<'_>,
    view: &mut PortalView<'_>,
    action: &Action,
    destination: &DestinationState,
) -> Option<AttemptOutcome> {
    let file = match view.file(&action.file).await {
        Ok(file) => file,
        Err(error) => return Some(unreadable_file(context, &error).await),
    };
    let outcome = moved_already(&file, transfer)
        .or_else(|| busy_or_forbidden(&file, transfer))
        .or_else(|| destination.refuses(&file, transfer.to));
    match outcome {
        Some(outcome) => Some(outcome),
        None => overwrites_busy_file(context, transfer, view, action).await,
    }
}

/// The outcome for a file on which an operation ended without effect.
pub(super) async fn failed_operation(
    context: &Context<'_>,
    transfer: Transfer<'_>,
    view: &mut PortalView<'_>,
    action: &Action,
    reason: String,
) -> AttemptOutcome {
    match view.file(&action.file).await {
        Ok(file) => moved_already(&file, transfer)
            .or_else(|| busy_or_forbidden(&file, transfer))
            .unwrap_or_else(|| AttemptOutcome::failed(reason)),
        Err(error) => unreadable_file(context, &error).await,
    }
}

/// What is visible of why a destination may refuse files.
#[derive(Clone, Debug)]
pub(super) enum DestinationState {
    /// Nothing.
    NoCauseVisible,
    /// The destination is in a form-filling room.
    AcceptsOnlyForms,
    /// It does not accept any file, or could not be read.
    AcceptsNothing(AttemptOutcome),
}

impl DestinationState {
    /// Reads the destination.
    pub(super) async fn read(context: &Context<'_>, transfer: Transfer<'_>) -> Self {
        let to = transfer.to;
        let path = match context.portal.files().folder_path(to).await {
            Ok(path) => path,
            Err(Error::NotFound) => return Self::AcceptsNothing(destination_gone(to)),
            Err(Error::Forbidden) => {
                let reason = format!("this key's user may not open the destination {to}");
                return Self::AcceptsNothing(AttemptOutcome::no_right(reason));
            }
            Err(error) => return Self::AcceptsNothing(failed_call(context, &error, None)),
        };
        let rights = path.last().and_then(|folder| folder.security);
        let forbidden = rights.is_some_and(|rights| {
            let add = match transfer.kind {
                OperationKind::Copy => rights.copy_to,
                OperationKind::Move => rights.move_to,
            };
            [rights.create, add].contains(&Some(false))
        });
        if path.iter().any(FolderInfo::accepts_only_forms) {
            Self::AcceptsOnlyForms
        } else if forbidden {
            Self::AcceptsNothing(may_not_add_to(to))
        } else {
            Self::NoCauseVisible
        }
    }

    /// The outcome for a file that the destination cannot accept because of the file's format.
    fn refuses(&self, file: &FileInfo, to: &FolderId) -> Option<AttemptOutcome> {
        let is_pdf = file
            .title
            .rsplit_once('.')
            .is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("pdf"));
        (matches!(self, Self::AcceptsOnlyForms) && !is_pdf).then(|| only_forms(to))
    }
}

/// Done, if a file to be moved is in the destination: an action for an earlier version of it, or a person,
/// has moved it.
fn moved_already(file: &FileInfo, transfer: Transfer<'_>) -> Option<AttemptOutcome> {
    let moved = transfer.kind == OperationKind::Move && file.folder == *transfer.to;
    moved.then(|| AttemptOutcome::done_with(file))
}

/// The outcome for a file that shows itself why it cannot be copied or moved.
fn busy_or_forbidden(file: &FileInfo, transfer: Transfer<'_>) -> Option<AttemptOutcome> {
    let (allowed, verb) = match transfer.kind {
        OperationKind::Copy => (file.may_copy, "copy"),
        OperationKind::Move => (file.may_move, "move"),
    };
    // A copy is possible while the file is open or locked.
    if file.busy && transfer.kind == OperationKind::Move {
        Some(AttemptOutcome::busy(file))
    } else if allowed == Some(false) {
        let reason = format!("this key's user may not {verb} the file");
        Some(AttemptOutcome::no_right(reason))
    } else {
        None
    }
}

/// The outcome for a file that would overwrite one which cannot be changed now.
async fn overwrites_busy_file(
    context: &Context<'_>,
    transfer: Transfer<'_>,
    view: &mut PortalView<'_>,
    action: &Action,
) -> Option<AttemptOutcome> {
    if transfer.conflict != Conflict::Overwrite {
        return None;
    }
    let existing = match view.existing_file(action).await {
        Ok(existing) => existing?,
        // What the destination does not show is judged by its own state.
        Err(Error::NotFound | Error::Forbidden) => return None,
        Err(error) => return Some(failed_call(context, &error, None)),
    };
    existing.busy.then(|| AttemptOutcome::Busy {
        file: existing.id,
        reason: "waiting for a person: the file it would overwrite is open in an editor or locked"
            .to_owned(),
    })
}

fn only_forms(to: &FolderId) -> AttemptOutcome {
    AttemptOutcome::Dead {
        code: "form_room",
        reason: format!(
            "the destination {to} is in a form-filling room, which accepts only PDF forms"
        ),
        intent: None,
    }
}

fn may_not_add_to(to: &FolderId) -> AttemptOutcome {
    AttemptOutcome::no_right(format!(
        "this key's user may read the file, but not put it into the destination {to}"
    ))
}

fn destination_gone(to: &FolderId) -> AttemptOutcome {
    AttemptOutcome::Dead {
        code: "destination_gone",
        reason: format!(
            "the destination folder {to} does not exist; `docspace-courier rooms --folders` lists all ids"
        ),
        intent: None,
    }
}
