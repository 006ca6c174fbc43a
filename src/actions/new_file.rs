//! New files: finds the one that a call has created whose answer was lost.
//!
//! The file is in the folder that the call named, was created by the key's user after the intent was stored, and has the
//! title that was wanted, maybe with a number. Actions that write one title into one folder run one after the other, so
//! there is at most one such file that belongs to no action.

use jiff::Timestamp;

use crate::db::StoreError;
use crate::docspace::{Error, FileInfo};
use crate::ids::FolderId;
use crate::outbox::{self, Action, ActionResult, Intent};
use crate::results::{ResultName, Results};

use super::attempt::{AttemptOutcome, Context};
use super::folder_finder::unreadable_folder;
use super::in_flight::CLOCK_TOLERANCE;
use super::intent::Unconfirmed;
use super::portal_error::refused_without_cause;
use super::portal_view::PortalView;

/// What became of a call that creates a file.
pub(super) enum NewFile {
    /// It has created this file.
    Created(AttemptOutcome),
    /// It may still create one, or that cannot be found out now.
    Unknown(AttemptOutcome),
    /// It has created none, and will not.
    NotApplied,
}

/// Searches for the file of this title that an earlier attempt at an action may have created in a folder.
pub(super) async fn find(
    context: &Context<'_>,
    action: &Action,
    intent: &Intent,
    (folder, title): (&FolderId, &str),
) -> Result<NewFile, StoreError> {
    let unconfirmed = Unconfirmed {
        action,
        intent: intent.clone(),
    };
    let began_at = context.portal.portal_time();
    let not_before = intent.at.checked_sub(CLOCK_TOLERANCE).unwrap_or(intent.at);
    let candidates = match candidates(context, not_before, folder, title).await {
        Ok(candidates) => candidates,
        Err(error) => {
            return Ok(NewFile::Unknown(
                unconfirmed.query_failed(context, &error).1,
            ));
        }
    };
    for (file, changed_at) in candidates {
        let id = file.id.clone();
        let is_own = context.db.read(move |sql| outbox::is_own_file(sql, &id));
        if !is_own.await? {
            return Ok(NewFile::Created(created(&file, changed_at)));
        }
    }
    // The listing may have corrected what is known of the portal's clock.
    let now = began_at.min(context.portal.portal_time());
    if now < intent.in_flight_until {
        let reason = "the portal may still be processing a call whose response was lost";
        let again = unconfirmed.search_again(context, began_at, reason);
        return Ok(NewFile::Unknown(again.1));
    }
    Ok(NewFile::NotApplied)
}

/// The files that may be it, the oldest first, each with the time of its change that the portal's event reports.
async fn candidates(
    context: &Context<'_>,
    not_before: Timestamp,
    folder: &FolderId,
    title: &str,
) -> Result<Vec<(FileInfo, Timestamp)>, Error> {
    let mut view = PortalView::new(context.portal, folder);
    let files = view.destination_files(|file| file.updated < not_before);
    let title = outbox::unnumbered(title);
    let mut found: Vec<FileInfo> = files
        .await?
        .iter()
        .filter(|file| file.created >= not_before && file.size_bytes > 0)
        .filter(|file| outbox::unnumbered(&file.title) == title)
        .cloned()
        .collect();
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let user = context.portal.account().current_user().await?.id;
    found.retain(|file| file.people.first().is_none_or(|author| author.id == user));
    found.sort_by_key(|file| file.created);
    let with_time = |file: FileInfo| {
        let is_unchanged = file.people.last().is_none_or(|person| person.id == user);
        let changed_at = if is_unchanged {
            file.updated
        } else {
            file.created
        };
        (file, changed_at)
    };
    Ok(found.into_iter().map(with_time).collect())
}

/// The outcome of an action that has created this file, which last changed at this time.
pub(super) fn created(file: &FileInfo, changed_at: Timestamp) -> AttemptOutcome {
    AttemptOutcome::Done(ActionResult {
        file: Some(file.id.clone()),
        folder: Some(file.folder.clone()),
        changed_at: Some(changed_at),
        note: Some(format!("it is file {}, “{}”", file.id, file.title)),
        named: results(file),
    })
}

/// What an action leaves that has created this file, or found that there is no need to.
pub(super) fn results(file: &FileInfo) -> Results {
    let folder = Results::one(ResultName::Folder, file.folder.as_str());
    folder.and(ResultName::File, file.id.as_str())
}

/// The outcome for a file that the portal refuses to create or to show in a folder.
pub(super) async fn refused_in_folder(
    context: &Context<'_>,
    action: &Action,
    folder: &FolderId,
) -> AttemptOutcome {
    let may_not_create = || {
        let reason = format!("this key's user may not create files in folder {folder}");
        AttemptOutcome::no_right(reason)
    };
    match context.portal.files().folder(folder).await {
        Ok(folder) if folder.may_create_in() == Some(false) => may_not_create(),
        Ok(_) => refused_without_cause(action, may_not_create),
        Err(error) => unreadable_folder(context, folder, &error),
    }
}
