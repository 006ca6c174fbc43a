//! Below: copies and moves to folders that only an attempt can find: the results of earlier actions, and those whose path
//! below another folder is made from a template.
//!
//! The path of each file is rendered and its folder found or created; then the files of one folder are copied or moved
//! together. The folder is stored with the action before the call: an attempt that finds an intent reconciles the call
//! in that folder, whatever the path leads to by then.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};

use crate::actions::attempt::{AttemptOutcome, Context, Outcomes};
use crate::actions::destination::Destination;
use crate::actions::folder_finder::FolderFinder;
use crate::actions::message::Report;
use crate::actions::path_titles::PathTitles;
use crate::db::StoreError;
use crate::docspace::{Conflict, OperationKind};
use crate::ids::FolderId;
use crate::outbox::{self, Action, ActionResult, ClaimStatus};
use crate::results::{ResultName, Results};
use crate::template::folder_path::FolderPath;

use super::group::Transfer;

/// Folders whose files are copied or moved at the same time.
const CONCURRENT_FOLDERS: usize = 5;

/// Copies or moves the files to the folder at their path below the destination, or to the destination.
pub(super) async fn run<'a>(
    context: &Context<'_>,
    actions: &'a [Action],
    (kind, conflict): (OperationKind, Conflict),
    to: &Destination,
    path: Option<&FolderPath>,
) -> Result<Outcomes<'a>, StoreError> {
    let mut ended = Outcomes::new();
    let mut folders: BTreeMap<FolderId, Vec<&'a Action>> = BTreeMap::new();
    let mut finder = FolderFinder::new(context);
    let mut titles_of = PathTitles::default();
    for action in actions {
        if let Some(folder) = called_for(action, to) {
            folders.entry(folder).or_default().push(action);
            continue;
        }
        let report = Report::load(context, action).await?;
        let root = to.resolve(&report.results);
        let titles = match path {
            Some(path) => titles_of.titles(context, action, &report, path).await?,
            None => Ok(Vec::new()),
        };
        let found = match (root, titles) {
            (Ok(root), Ok(titles)) => finder.find_or_create(&root, &titles, action).await?,
            (Err(outcome), _) | (_, Err(outcome)) => Err(outcome),
        };
        match found {
            Ok(folder) if present_folder(&report).as_ref() == Some(&folder) => {
                ended.push((action, already_in(folder)));
            }
            Ok(folder) => folders.entry(folder).or_default().push(action),
            Err(outcome) => ended.push((action, outcome)),
        }
    }
    store_folders(context, &folders).await?;
    let transfers: Vec<_> = folders
        .iter_mut()
        .filter(|(_, actions)| !actions.is_empty())
        .map(|(to, actions)| {
            let transfer = Transfer { kind, to, conflict };
            super::run(context, std::mem::take(actions), transfer)
        })
        .collect();
    // If the store fails for one of them, the calls in flight for the others still complete.
    let done: Vec<_> = stream::iter(transfers)
        .buffer_unordered(CONCURRENT_FOLDERS)
        .collect()
        .await;
    for outcomes in done {
        let outcomes = outcomes?.into_iter();
        let found_again = |outcome| match path {
            Some(_) => unless_gone(outcome),
            None => outcome,
        };
        ended.extend(outcomes.map(|(action, outcome)| (action, found_again(outcome))));
    }
    Ok(ended)
}

/// The folder for which an earlier attempt called, if that call may have been applied.
fn called_for(action: &Action, to: &Destination) -> Option<FolderId> {
    let folder = action.destination.clone()?;
    (action.intent.is_some() && to.folder() != Some(&folder)).then_some(folder)
}

/// The folder that the file is in, as far as the event and the actions before this one in the rule say.
fn present_folder(report: &Report) -> Option<FolderId> {
    let moved = report.before.as_ref().filter(|before| before.moved);
    let moved_to = moved.and_then(|before| before.result.folder.clone());
    let entry = report.event.entry.as_ref();
    moved_to.or_else(|| entry.and_then(|entry| entry.parent.clone()))
}

fn already_in(folder: FolderId) -> AttemptOutcome {
    AttemptOutcome::Done(ActionResult {
        note: Some(format!("the file is already in folder {folder}")),
        named: Results::one(ResultName::Folder, folder.as_str()),
        folder: Some(folder),
        ..ActionResult::default()
    })
}

/// Stores with each action the folder that its file goes to.
async fn store_folders(
    context: &Context<'_>,
    folders: &BTreeMap<FolderId, Vec<&Action>>,
) -> Result<(), StoreError> {
    let new: Vec<_> = folders
        .iter()
        .flat_map(|(folder, actions)| actions.iter().map(move |action| (folder, *action)))
        .filter(|(folder, action)| action.destination.as_ref() != Some(*folder))
        .map(|(folder, action)| (action.claim, folder.clone(), action.title.clone()))
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let stored = context.db.write(move |sql| {
        for (claim, folder, title) in &new {
            // The intents, which are stored next, show a lost claim.
            let (ClaimStatus::Current | ClaimStatus::Lost) =
                outbox::store_destination(sql, *claim, folder, title)?;
        }
        Ok(())
    });
    stored.await
}

/// A folder that was deleted after it was found is created again by the next attempt.
fn unless_gone(outcome: AttemptOutcome) -> AttemptOutcome {
    match outcome {
        AttemptOutcome::Dead {
            code: "destination_gone",
            reason,
            ..
        } => AttemptOutcome::failed(reason),
        other => other,
    }
}
