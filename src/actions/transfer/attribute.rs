//! Attribute: which of an ended operation's results belongs to which action (docs/DOCSPACE.md 4.5).
//!
//! The portal does not promise an order of the resulting files, leaves out those it did not handle, and
//! reports only the last error. So the results count only as a whole: each must belong to exactly one action,
//! and their number must be the one the portal reports. Only then has a file without a result not been
//! handled.

use crate::docspace::{Conflict, FileInfo, OperationKind, Results};
use crate::outbox::{self, Action};

use super::group::Transfer;
use crate::actions::portal_view::same_title;

/// The resulting file of each action, or `None` for an action that was not handled. Returns `None` if the
/// results are inconsistent; then the effects have to be inspected.
pub(super) fn attribute<'r>(
    actions: &[&Action],
    transfer: Transfer<'_>,
    results: &'r Results,
) -> Option<Vec<Option<&'r FileInfo>>> {
    let attributed = assign(actions, transfer, &results.files);
    let all_belong = attributed.iter().flatten().count() == results.files.len();
    let all_counted = results.processed == Some(results.files.len());
    let error_has_file = results.error.is_none() || results.files.len() < actions.len();
    let attributed = attributed
        .into_iter()
        .map(|result| result.map(|number| &results.files[number]));
    (all_belong && all_counted && error_has_file).then(|| attributed.collect())
}

/// The number of the result that belongs to each action: by position if all results are there, otherwise
/// only where exactly one result matches. Within one call no two copies have the same title.
fn assign(actions: &[&Action], transfer: Transfer<'_>, results: &[FileInfo]) -> Vec<Option<usize>> {
    if let ([_], [_]) = (actions, results) {
        return vec![Some(0)];
    }
    let matches = |action: &Action, result: &FileInfo| match (transfer.kind, transfer.conflict) {
        (OperationKind::Move, Conflict::Duplicate | Conflict::Skip) => result.id == action.file,
        (OperationKind::Copy, Conflict::Duplicate) => same_title(
            &outbox::unnumbered(&result.title),
            &outbox::unnumbered(&action.title),
        ),
        (_, Conflict::Overwrite) | (OperationKind::Copy, Conflict::Skip) => {
            same_title(&result.title, &action.title)
        }
    };
    let mut pairs = actions.iter().zip(results);
    if actions.len() == results.len() && pairs.all(|(action, result)| matches(action, result)) {
        return (0..results.len()).map(Some).collect();
    }
    let find = |action: &&Action| {
        let result = only(results, |result| matches(action, result))?;
        only(actions, |other| matches(other, &results[result])).map(|_| result)
    };
    actions.iter().map(find).collect()
}

/// The position of the only item that matches.
fn only<T>(items: &[T], matches: impl Fn(&T) -> bool) -> Option<usize> {
    let position = items.iter().position(&matches)?;
    (!items[position + 1..].iter().any(matches)).then_some(position)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{FileId, FolderId, InboxId};
    use crate::outbox::{ActionId, Claim};

    fn action(id: i64, title: &str) -> Action {
        Action {
            claim: Claim {
                action: ActionId(id),
                attempt: 1,
            },
            event: InboxId(id),
            file: FileId::from(id),
            title: title.to_owned(),
            ..Action::example()
        }
    }

    fn result(id: i64, title: &str) -> FileInfo {
        FileInfo {
            id: FileId::from(id),
            title: title.to_owned(),
            ..FileInfo::example()
        }
    }

    const THREE: [(i64, &str); 3] = [(1, "a.docx"), (2, "b (3).docx"), (3, "c.docx")];
    const COPIES: [(i64, &str); 3] = [(11, "a (1).docx"), (12, "B.docx"), (13, "c.docx")];

    fn actions(files: &[(i64, &str)]) -> Vec<Action> {
        files.iter().map(|(id, title)| action(*id, title)).collect()
    }

    fn results(files: &[(i64, &str)]) -> Vec<FileInfo> {
        files.iter().map(|(id, title)| result(*id, title)).collect()
    }

    #[track_caller]
    fn check_assigned(
        kind: OperationKind,
        files: &[(i64, &str)],
        found: &[(i64, &str)],
        expected: &[Option<usize>],
    ) {
        let actions = actions(files);
        let actions: Vec<&Action> = actions.iter().collect();
        let to = FolderId::from(7);
        let transfer = Transfer {
            kind,
            to: &to,
            conflict: Conflict::Duplicate,
        };
        assert_eq!(assign(&actions, transfer, &results(found)), expected);
    }

    #[test]
    fn each_result_is_assigned_to_its_action() {
        use OperationKind::{Copy, Move};
        check_assigned(Copy, &THREE, &COPIES, &[Some(0), Some(1), Some(2)]);
        check_assigned(Copy, &THREE, &COPIES[1..], &[None, Some(0), Some(1)]);
        check_assigned(Copy, &THREE, &[], &[None, None, None]);
        let moved = [(3, "c.docx"), (1, "renamed.docx")];
        check_assigned(Move, &THREE, &moved, &[Some(1), None, Some(0)]);
    }

    #[test]
    fn ambiguous_results_are_assigned_to_no_action() {
        use OperationKind::Copy;
        // A file was renamed to the title of another one.
        let files = [(1, "a.docx"), (2, "b.docx")];
        let found = [(11, "b.docx"), (12, "b (1).docx")];
        check_assigned(Copy, &files, &found, &[None, None]);
        check_assigned(Copy, &files, &[(11, "d.docx")], &[None, None]);
        // A single file can only have the single result, whatever its title is now.
        check_assigned(Copy, &files[..1], &[(11, "d.docx")], &[Some(0)]);
    }

    #[test]
    fn inconsistent_results_count_for_no_file() {
        let check = |found: &[(i64, &str)], processed, error: Option<&str>, expected| {
            let actions = actions(&THREE);
            let actions: Vec<&Action> = actions.iter().collect();
            let to = FolderId::from(7);
            let transfer = Transfer {
                kind: OperationKind::Copy,
                to: &to,
                conflict: Conflict::Duplicate,
            };
            let results = Results {
                files: results(found),
                processed,
                error: error.map(str::to_owned),
            };
            let attributed = attribute(&actions, transfer, &results);
            let handled = attributed.map(|files| files.into_iter().flatten().count());
            assert_eq!(handled, expected, "{found:?} {processed:?} {error:?}");
        };
        check(&COPIES, Some(3), None, Some(3));
        check(&COPIES[..2], Some(2), None, Some(2));
        check(&COPIES[..2], Some(2), Some("locked"), Some(2));
        check(&[], Some(0), Some("locked"), Some(0));
        // An error although every file has a result.
        check(&COPIES, Some(3), Some("locked"), None);
        // Another number of files than the portal counts, or no number.
        check(&COPIES[..2], Some(3), None, None);
        check(&COPIES, None, None, None);
        // A file that belongs to no action.
        check(&[(11, "a.docx"), (14, "d.docx")], Some(2), None, None);
    }
}
