//! Outcomes: what an operation that has ended came to, for each of its files (docs/DOCSPACE.md 4.5).
//!
//! The portal names the resulting files in the order of the call, leaves those out that it did not
//! handle, and says of the errors only the last. So every result is given to the file it must belong to,
//! and a file without one is believed to be undone only where all results have found theirs; otherwise the
//! effect is looked for.

use std::collections::HashSet;

use crate::db::StoreError;
use crate::docspace::{Conflict, FileInfo, OperationKind, Results};
use crate::ids::FileId;
use crate::outbox::{self, Action, ActionResult};

use super::look::{Look, same_title};
use super::relocate::{Ends, Open, Relocation};
use super::settle::{self, Settled};
use super::{AttemptOutcome, Context, diagnose};

/// What an operator reads about an operation that simply did nothing.
const UNHANDLED: &str = "the portal ended it without handling the file";

/// What an operator reads about a file that was left alone.
const SKIPPED: &str = "the title was taken in the destination; skipped, as the rule says";

/// Says what became of each file from the operation's results.
pub(super) async fn read<'a>(
    context: &Context<'_>,
    group: Vec<Open<'a>>,
    relocation: Relocation<'_>,
    results: Results,
) -> Result<Ends<'a>, StoreError> {
    let actions: Vec<&Action> = group.iter().map(|open| open.action).collect();
    let given = give(&actions, relocation, &results.files);
    let all_given = given.iter().flatten().count() == results.files.len();
    // An error although every file has a result is a contradiction.
    let consistent = results.error.is_none() || results.files.len() < actions.len();
    let accounted = all_given && consistent && results.processed == Some(results.files.len());
    let mut ends = Vec::with_capacity(group.len());
    let mut taken = HashSet::new();
    let mut left = Vec::new();
    for (open, result) in group.into_iter().zip(given) {
        match result.map(|number| &results.files[number]) {
            Some(file) if accounted => {
                taken.insert(file.id.clone());
                ends.push((open.action, AttemptOutcome::Done(outcome(file))));
            }
            _ => left.push(open),
        }
    }
    let words = results.error;
    if accounted {
        let mut look = Look::new(context.portal, relocation.to);
        survey(&mut look, &left).await;
        for open in left {
            let ended = undone(
                context,
                &mut look,
                open.action,
                relocation,
                words.as_deref(),
            )
            .await;
            ends.push((open.action, ended));
        }
    } else {
        let words = words.unwrap_or_else(|| UNHANDLED.to_owned());
        let settled = settle::by_effect(context, left, relocation, taken).await?;
        ends.extend(not_believed(context, settled, &words));
    }
    Ok(ends)
}

/// The operation's result was read by somebody else or dropped: the effects say what became of it.
pub(super) async fn unseen<'a>(
    context: &Context<'_>,
    group: Vec<Open<'a>>,
    relocation: Relocation<'_>,
) -> Result<Ends<'a>, StoreError> {
    let settled = settle::by_effect(context, group, relocation, HashSet::new()).await?;
    let words = "the operation ended without effect, and its result was taken away";
    Ok(not_believed(context, settled, words))
}

fn not_believed<'a>(
    context: &Context<'_>,
    settled: Vec<(Open<'a>, Settled)>,
    words: &str,
) -> Ends<'a> {
    let ends = settled.into_iter().map(|(open, settled)| {
        let ended = match settled {
            Settled::Done(outcome) => AttemptOutcome::Done(outcome),
            Settled::NotDone => AttemptOutcome::Failed {
                reason: words.to_owned(),
                intent: None,
            },
            Settled::Open { reason, wait } => AttemptOutcome::Postponed {
                reason: reason.to_owned(),
                wait: Some(wait),
                intent: Some(open.intent),
            },
            Settled::Unknown(error) => diagnose::failed_call(context, &error, Some(open.intent)),
        };
        (open.action, ended)
    });
    ends.collect()
}

/// What it means for a file that the operation ended without effect on it. Where the rule says to leave
/// taken titles alone that is how it should be, once the title is seen to be taken: some failures inside
/// the portal look the same.
async fn undone(
    context: &Context<'_>,
    look: &mut Look<'_>,
    action: &Action,
    relocation: Relocation<'_>,
    words: Option<&str>,
) -> AttemptOutcome {
    if words.is_none() && relocation.conflict == Conflict::Skip {
        match settle::namesake(look, action).await {
            Ok(Some(_)) => {
                return AttemptOutcome::Done(ActionResult {
                    note: Some(SKIPPED.to_owned()),
                    ..ActionResult::default()
                });
            }
            Ok(None) => {}
            Err(error) => return diagnose::failed_call(context, &error, None),
        }
    }
    let words = words.map_or_else(
        || UNHANDLED.to_owned(),
        |words| format!("the operation failed: {words}"),
    );
    diagnose::failed_operation(context, look, action, relocation, words).await
}

/// Reads the files together, where there are several. What cannot be read now is asked for again where it
/// is needed, and its error is heard there.
async fn survey(look: &mut Look<'_>, left: &[Open<'_>]) {
    let files: Vec<&FileId> = left.iter().map(|open| &open.action.file).collect();
    if files.len() > 1 {
        let _ = look.survey(&files).await;
    }
}

/// Which result belongs to which action: by its place where all are there, and in any case only where the
/// result looks like it. Within one call no two copies have one title.
fn give(
    actions: &[&Action],
    relocation: Relocation<'_>,
    results: &[FileInfo],
) -> Vec<Option<usize>> {
    if let ([_], [_]) = (actions, results) {
        return vec![Some(0)];
    }
    let fits = |action: &Action, result: &FileInfo| match (relocation.kind, relocation.conflict) {
        (OperationKind::Move, Conflict::Duplicate | Conflict::Skip) => result.id == action.file,
        (OperationKind::Copy, Conflict::Duplicate) => same_title(
            &outbox::unnumbered(&result.title),
            &outbox::unnumbered(&action.title),
        ),
        (_, Conflict::Overwrite) | (OperationKind::Copy, Conflict::Skip) => {
            same_title(&result.title, &action.title)
        }
    };
    if actions.len() == results.len() && actions.iter().zip(results).all(|(a, r)| fits(a, r)) {
        return (0..results.len()).map(Some).collect();
    }
    let only = |matches: Vec<usize>| match matches[..] {
        [one] => Some(one),
        _ => None,
    };
    let find = |action: &&Action| {
        let result = only(numbers(results, |result| fits(action, result)))?;
        only(numbers(actions, |other| fits(other, &results[result]))).map(|_| result)
    };
    actions.iter().map(find).collect()
}

fn numbers<T>(list: &[T], wanted: impl Fn(&T) -> bool) -> Vec<usize> {
    let numbered = list.iter().enumerate().filter(|(_, item)| wanted(item));
    numbered.map(|(number, _)| number).collect()
}

fn outcome(file: &FileInfo) -> ActionResult {
    ActionResult {
        file: Some(file.id.clone()),
        folder: Some(file.folder.clone()),
        note: None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::ids::{FolderId, InboxId};
    use crate::outbox::{ActionId, Claim};
    use crate::rules::ActionPlan;

    fn action(id: i64, title: &str) -> Action {
        Action {
            claim: Claim {
                action: ActionId(id),
                attempt: 1,
            },
            event: InboxId(id),
            rule: "copy".to_owned(),
            file: FileId::from(id),
            title: title.to_owned(),
            plan: ActionPlan::Chat,
            failures: 0,
            intent: None,
        }
    }

    fn result(id: i64, title: &str) -> FileInfo {
        FileInfo {
            id: FileId::from(id),
            folder: FolderId::from(7),
            title: title.to_owned(),
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
            size_bytes: 0,
            version: 1,
            busy: false,
            may_copy: None,
            may_move: None,
            people: Vec::new(),
            comment: String::new(),
            web_url: None,
        }
    }

    #[track_caller]
    fn check(
        kind: OperationKind,
        asked: &[(i64, &str)],
        results: &[(i64, &str)],
        expected: &[Option<usize>],
    ) {
        let asked: Vec<_> = asked.iter().map(|(id, title)| action(*id, title)).collect();
        let results: Vec<_> = results
            .iter()
            .map(|(id, title)| result(*id, title))
            .collect();
        let to = FolderId::from(7);
        let relocation = Relocation {
            kind,
            to: &to,
            conflict: Conflict::Duplicate,
        };
        let asked: Vec<&Action> = asked.iter().collect();
        assert_eq!(give(&asked, relocation, &results), expected);
    }

    #[test]
    fn results_go_to_the_files_they_belong_to() {
        use OperationKind::{Copy, Move};
        let three = [(1, "a.docx"), (2, "b (3).docx"), (3, "c.docx")];
        let all = [(11, "a (1).docx"), (12, "B.docx"), (13, "c.docx")];
        check(Copy, &three, &all, &[Some(0), Some(1), Some(2)]);
        check(Copy, &three, &all[1..], &[None, Some(0), Some(1)]);
        check(Copy, &three, &[], &[None, None, None]);
        let moved = [(3, "c.docx"), (1, "renamed.docx")];
        check(Move, &three, &moved, &[Some(1), None, Some(0)]);
    }

    #[test]
    fn what_is_not_certain_is_given_to_nobody() {
        use OperationKind::Copy;
        // A file was renamed to what another one is called.
        let asked = [(1, "a.docx"), (2, "b.docx")];
        let results = [(11, "b.docx"), (12, "b (1).docx")];
        check(Copy, &asked, &results, &[None, None]);
        check(Copy, &asked, &[(11, "d.docx")], &[None, None]);
        // One file alone can have only one result, whatever it is called by now.
        check(Copy, &asked[..1], &[(11, "d.docx")], &[Some(0)]);
    }
}
