//! Effect: whether a copy or move took effect, seen from the files in the portal.
//!
//! After a move the file lies in the destination; after a copy a new file does, and where a file may be
//! overwritten, it has a new version. A missing effect proves that the call was not applied only once the
//! portal can no longer be processing it.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use crate::actions::attempt::{AttemptOutcome, Context, Outcomes};
use crate::actions::intent::{RECONCILE_AGAIN_AFTER, Unconfirmed};
use crate::db::StoreError;
use crate::docspace::{Conflict, Error, FileInfo, OperationKind};
use crate::ids::FileId;
use crate::outbox::{self, Intent};

use super::expected_file::ExpectedFile;
use super::group::Transfer;
use super::portal_view::PortalView;

/// The portal drops an operation that reports no progress for 60 s from its status, although the file being
/// copied still completes (docs/DOCSPACE.md 4.4). An operation that is gone sooner than this has ended.
const UNREPORTED_AFTER: SignedDuration = SignedDuration::from_secs(55);

/// How long an operation that the portal no longer reports is assumed to be running.
const MAX_UNREPORTED: SignedDuration = SignedDuration::from_mins(15);

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

/// Looks for the effect on each file.
pub(super) async fn inspect<'a>(
    context: &Context<'_>,
    transfer: Transfer<'_>,
    files: Vec<Unconfirmed<'a>>,
) -> Result<Effects<'a>, StoreError> {
    let mut view = PortalView::new(context.portal, transfer.to);
    let ids: Vec<&FileId> = files.iter().map(|file| &file.action.file).collect();
    let mut failed = view.load(&ids).await.err();
    let mut effects = Effects::default();
    let mut attributed = HashSet::new();
    for file in files {
        // After an error the portal is not asked about the other files.
        let evidence = match failed.take() {
            Some(error) => Err(error),
            None => evidence(context, &mut view, transfer, &file).await,
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
        if let Some(found) = found {
            let ended = (file.action, AttemptOutcome::done_with(&found));
            effects.ended.push(ended);
            attributed.insert(found.id);
        } else if let Some(reason) = still_possible(&file.intent, context.clock.now()) {
            let ended = file.postpone(reason, RECONCILE_AGAIN_AFTER);
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

async fn evidence(
    context: &Context<'_>,
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
    let at = context.portal.to_portal_time(file.intent.at);
    match (transfer.kind, source) {
        (OperationKind::Copy, source) => {
            let expected = ExpectedFile::new(file.action, transfer.conflict, at, source);
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
                .read(move |sql| outbox::is_own_copy(sql, &id))
                .await?
        {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

/// Why the call may still take effect at this time; `None` once a missing effect proves that it was not
/// applied.
fn still_possible(intent: &Intent, now: Timestamp) -> Option<&'static str> {
    let age = now.duration_since(intent.at);
    match &intent.operation {
        Some(_) if (UNREPORTED_AFTER..=MAX_UNREPORTED).contains(&age) => {
            Some("the portal no longer reports the operation, which may still be running")
        }
        None if now < intent.settle_after => {
            Some("the portal may still be processing a call whose response was lost")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docspace::OperationId;

    #[test]
    fn a_missing_effect_proves_nothing_while_the_portal_may_be_working() {
        let start = Timestamp::from_second(1_000_000).unwrap();
        let check = |operation: Option<&str>, age_s: i64, possible: bool| {
            let intent = Intent {
                at: start,
                settle_after: start + SignedDuration::from_secs(10),
                operation: operation.map(OperationId::new),
            };
            let now = start + SignedDuration::from_secs(age_s);
            assert_eq!(
                still_possible(&intent, now).is_some(),
                possible,
                "{operation:?} after {age_s} s"
            );
        };
        check(None, 0, true);
        check(None, 9, true);
        check(None, 10, false);
        // Gone from the status before the portal drops silent operations: it has ended.
        check(Some("a"), 54, false);
        check(Some("a"), 55, true);
        check(Some("a"), 900, true);
        check(Some("a"), 901, false);
    }
}
