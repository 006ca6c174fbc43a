//! `rules try --room`: evaluates the rules for files that exist, as if they had just been uploaded.

use crate::cli::evaluation::{evaluator, portal};
use crate::config::Settings;
use crate::db::{Db, StoreError};
use crate::docspace::{Client, Error, FileInfo};
use crate::event::Event;
use crate::ids::{FileId, FolderId};
use crate::journal::{self, ActionView, EventFilter};
use crate::outbox;
use crate::rules::{Facts, RuleSet};
use crate::trial::TrialResult;

/// Events about a file in which its plans are looked for, the newest first.
const PAST_EVENTS: u32 = 20;

/// Tries the rules on the newest files of a room or folder.
pub(super) async fn run(
    settings: &Settings,
    db: &Db,
    rules: &RuleSet,
    room: &FolderId,
    last: u32,
) -> anyhow::Result<Vec<TrialResult>> {
    let files = newest_files(&portal(settings)?, room, last).await?;
    let evaluator = evaluator(settings);
    let mut tried = Vec::new();
    for file in files {
        let handled = handled_by(db, rules, &file.id).await?;
        let (event, _) = Event::upload(&file.id, &file.folder, &file.title, file.updated, "trial");
        let trigger = event.trigger.as_ref().map(ToString::to_string);
        let (id, title) = (file.id.clone(), file.title.clone());
        let mut facts = Facts::listed(&event, file);
        let decisions = evaluator
            .evaluate(&mut facts, |facts| rules.decide(facts))
            .await;
        let planned = planned_for(db, &id).await?;
        let result = TrialResult::of_file(id, trigger, title);
        tried.push(result.compare(Some(handled), decisions.ok(), &planned));
    }
    Ok(tried)
}

/// The newest files, the newest first.
async fn newest_files(portal: &Client, room: &FolderId, last: u32) -> Result<Vec<FileInfo>, Error> {
    let first = portal.files().tree_page(room, 0).await?;
    let total = first.total().unwrap_or(first.end());
    let mut start = total.saturating_sub(u64::from(last));
    let mut files = Vec::new();
    loop {
        let page = portal.files().tree_page(room, start).await?;
        let (end, is_last) = (page.end(), page.is_last());
        files.extend(page.content.files);
        if is_last || end == start {
            break;
        }
        start = end;
    }
    files.reverse();
    files.truncate(last as usize);
    Ok(files)
}

/// The actions that were last planned for a file by each rule.
async fn planned_for(db: &Db, file: &FileId) -> Result<Vec<ActionView>, StoreError> {
    let filter = EventFilter {
        file: Some(file.as_str().to_owned()),
        ..EventFilter::default()
    };
    let read = db.read(move |sql| journal::list_with_actions(sql, &filter, PAST_EVENTS));
    let mut planned: Vec<ActionView> = Vec::new();
    for (_, mut actions) in read.await? {
        actions.retain(|action| !planned.iter().any(|newer| newer.rule == action.rule));
        planned.extend(actions);
    }
    Ok(planned)
}

/// The rules that have handled a file.
async fn handled_by(db: &Db, rules: &RuleSet, file: &FileId) -> Result<Vec<String>, StoreError> {
    let names: Vec<String> = rules.rules().iter().map(|it| it.name.clone()).collect();
    let file = file.clone();
    db.read(move |sql| {
        let mut handled = Vec::new();
        for name in &names {
            if outbox::has_handled(sql, name, &file)? {
                handled.push(name.clone());
            }
        }
        Ok(handled)
    })
    .await
}
