//! Effect: whether a copy or move took effect, seen from the files in the portal.
//!
//! After a move the file is in the destination; after a copy a new file does, and where a file may be
//! overwritten, it has a new version. A missing effect proves that the call was not applied only once the
//! portal can no longer be processing it.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use crate::actions::attempt::{AttemptOutcome, Context, Outcomes};
use crate::actions::in_flight::still_possible;
use crate::actions::intent::Unconfirmed;
use crate::db::StoreError;
use crate::docspace::{Conflict, Error, FileInfo, OperationKind};
use crate::ids::FileId;
use crate::outbox;

use super::expected_file::ExpectedFile;
use super::group::Transfer;
use crate::actions::portal_view::PortalView;

/// How far a search goes back beyond the search before, which took a while.
const SEARCH_OVERLAP: SignedDuration = SignedDuration::from_secs(90);

/// What the portal shows of the effects.
#[derive(Debug, Default)]
pub(super) struct Effects<'a> {
    /// Files whose transfer is done, or cannot be judged now.
    pub(super) ended: Outcomes<'a>,
    /// Files whose call had no effect and can have none.
    pub(super) not_applied: Vec<Unconfirmed<'a>>,
}

impl<'a> Effects<'a> {
    /// The outcomes if files without an effect have failed for this reason.
    pub(super) fn fail_not_applied(self, reason: &str) -> Outcomes<'a> {
        let failed = self.not_applied.into_iter();
        let failed = failed.map(|file| (file.action, AttemptOutcome::failed(reason)));
        self.ended.into_iter().chain(failed).collect()
    }
}

/// Searches for the effect on each file. A file without an effect has none only if that was certain at
/// `began_at`, a time of the portal's clock before the caller's first read.
pub(super) async fn inspect<'a>(
    context: &Context<'_>,
    transfer: Transfer<'_>,
    files: Vec<Unconfirmed<'a>>,
    began_at: Timestamp,
) -> Result<Effects<'a>, StoreError> {
    let mut view = PortalView::new(context.portal, transfer.to);
    let is_shallow = |file: &Unconfirmed<'_>| {
        transfer.kind == OperationKind::Copy
            && file.intent.searched_until.is_some()
            && still_possible(&file.intent, began_at).is_some()
    };
    let deep = files.iter().filter(|file| !is_shallow(file));
    let ids: Vec<&FileId> = deep.map(|file| &file.action.file).collect();
    let mut failed = view.load(&ids).await.err();
    let mut effects = Effects::default();
    let mut attributed = HashSet::new();
    for file in files {
        // After an error the other files are not looked up.
        let evidence = match failed.take() {
            Some(error) => Err(error),
            None if is_shallow(&file) => new_evidence(&mut view, transfer, &file).await,
            None => evidence(&mut view, transfer, &file).await,
        };
        let found = match evidence {
            Ok(Evidence::Certain(found)) => found,
            Ok(Evidence::Candidates(expected, candidates)) => {
                choose(context, &expected, candidates, &attributed).await?
            }
            Err(error) => {
                effects.ended.push(file.query_failed(context, &error));
                failed = Some(error);
                continue;
            }
        };
        // The reads may have corrected what is known of the portal's clock.
        let possible = still_possible(&file.intent, began_at)
            .or_else(|| still_possible(&file.intent, context.portal.portal_time()));
        if let Some(found) = found {
            let ended = (file.action, AttemptOutcome::done_with(&found));
            effects.ended.push(ended);
            attributed.insert(found.id);
        } else if let Some(reason) = possible {
            let ended = file.search_again(context, began_at, reason);
            effects.ended.push(ended);
        } else {
            effects.not_applied.push(file);
        }
    }
    Ok(effects)
}

/// What the portal shows of the effect on one file.
enum Evidence {
    /// The resulting file, or `None` if there is no effect.
    Certain(Option<FileInfo>),
    /// Files any of which may be the result, the oldest first.
    Candidates(ExpectedFile, Vec<FileInfo>),
}

/// What the portal shows of a copy that an earlier search did not find: the source is read only if something
/// new in the destination has its title.
async fn new_evidence(
    view: &mut PortalView<'_>,
    transfer: Transfer<'_>,
    file: &Unconfirmed<'_>,
) -> Result<Evidence, Error> {
    let searched_until = file.intent.searched_until.unwrap_or(file.intent.at);
    let since = searched_until
        .checked_sub(SEARCH_OVERLAP)
        .unwrap_or(searched_until)
        .max(file.intent.at);
    let expected = ExpectedFile::new(file.action, transfer.conflict, since, None);
    if expected.candidates(view).await?.is_empty() {
        return Ok(Evidence::Certain(None));
    }
    evidence(view, transfer, file).await
}

async fn evidence(
    view: &mut PortalView<'_>,
    transfer: Transfer<'_>,
    file: &Unconfirmed<'_>,
) -> Result<Evidence, Error> {
    let source = match view.file(&file.action.file).await {
        Ok(source) => Some(source),
        Err(Error::NotFound) => None,
        // The portal shows nothing to a key without access, so this proves nothing.
        Err(error) => return Err(error),
    };
    let at = file.intent.at;
    match (transfer.kind, source) {
        (OperationKind::Copy, source) => {
            let mut expected = ExpectedFile::new(file.action, transfer.conflict, at, source);
            expected.add_old_titles(view.portal()).await?;
            let mut candidates = expected.candidates(view).await?;
            candidates.sort_by_key(|candidate| candidate.created);
            Ok(Evidence::Candidates(expected, candidates))
        }
        (OperationKind::Move, Some(source)) => {
            let moved = source.folder == *transfer.to;
            Ok(Evidence::Certain(moved.then_some(source)))
        }
        // A file moved over another one is gone; that one has its content as a new version.
        (OperationKind::Move, None) if transfer.conflict == Conflict::Overwrite => {
            let expected = ExpectedFile::new(file.action, transfer.conflict, at, None);
            let candidates = expected.candidates(view).await?;
            Ok(Evidence::Certain(candidates.into_iter().next()))
        }
        // The file is gone without an effect; the next call says so.
        (OperationKind::Move, None) => Ok(Evidence::Certain(None)),
    }
}

/// The candidate that no other action has as its result. Copies of one title run one after the other, so
/// there is at most one new file without an owner.
async fn choose(
    context: &Context<'_>,
    expected: &ExpectedFile,
    candidates: Vec<FileInfo>,
    attributed: &HashSet<FileId>,
) -> Result<Option<FileInfo>, StoreError> {
    for candidate in candidates {
        let id = candidate.id.clone();
        if attributed.contains(&id) {
            continue;
        }
        let is_new = expected.is_new(&candidate);
        if !is_new
            || !context
                .db
                .read(move |sql| outbox::is_own_file(sql, &id))
                .await?
        {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}
