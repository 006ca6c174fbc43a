//! What a notification says: the event, what the actions before it did, and the names of folders and people.
//!
//! The delivery and the outbox contain enough. Titles and names are looked up only while the portal is available, and only
//! for a short time; without them the notification shows ids.

use std::time::Duration;

use crate::db::StoreError;
use crate::docspace::FolderInfo;
use crate::event::EntryKind;
use crate::ids::{FileId, FolderId};
use crate::notify::{NamedFolder, Notification};
use crate::outbox::Action;

use super::super::attempt::Context;
use super::super::kind::Kind as _;
use super::super::message::Report;
use super::super::transfer::CopyTo;

/// How long looking up titles and names may take.
const NAMES_TIMEOUT: Duration = Duration::from_secs(5);

/// What the notification of an action says.
pub(super) async fn notification(
    context: &Context<'_>,
    action: &Action,
) -> Result<Notification, StoreError> {
    let report = Report::load(context, action).await?;
    let result = report.before.as_ref().map(|before| &before.result);
    let file = result
        .and_then(|result| result.file.as_ref())
        .unwrap_or(&action.file);
    let destination = result.and_then(|result| result.folder.clone());
    let is_copy = report
        .before
        .as_ref()
        .is_some_and(|before| before.kind == CopyTo::NAME);
    let link = report.link(context.portal.host(), file);
    let kind = report.kind();
    let results = report.results_for_people(context.portal.host());
    let locale = context.channels.locale.get(context.portal, context.clock);
    let locale = locale.await;
    let parent = report.event.entry.and_then(|entry| entry.parent);
    let untitled = |id: FolderId| NamedFolder { id, title: None };
    let trigger = report.event.trigger.filter(|trigger| !trigger.is_upload());
    let trigger = trigger.map(|trigger| trigger.to_string());
    let mut notification = Notification {
        rule: action.rule.clone(),
        kind,
        file: file.clone(),
        title: action.title.clone(),
        room: parent.clone().map(untitled),
        folder: parent.map(untitled),
        trigger,
        actor: report.event.actor,
        happened_at: report.event.happened_at.unwrap_or_default(),
        current_folder: destination.map(untitled),
        is_copy,
        link,
        results,
        locale,
    };
    // Names that arrive in time are kept; what is missing then stays an id.
    let _ = tokio::time::timeout(
        NAMES_TIMEOUT,
        add_names(context, &action.file, &mut notification),
    )
    .await;
    Ok(notification)
}

/// Replaces ids by the titles of folders and the name of the person, as far as the portal shows them.
async fn add_names(context: &Context<'_>, original: &FileId, notification: &mut Notification) {
    if let Some(folder) = &mut notification.current_folder
        && let Ok(path) = context.portal.files().folder_path(&folder.id).await
    {
        folder.title = path.last().map(title);
    }
    if let Some(room) = &mut notification.room
        && let Ok(path) = context.portal.files().folder_path(&room.id).await
    {
        if let Some(folder) = &mut notification.folder {
            folder.title = path.last().map(title);
        }
        if let Some(found) = path.iter().find(|folder| folder.room_type.is_some()) {
            *room = NamedFolder {
                id: found.id.clone(),
                title: Some(title(found)),
            };
        }
    }
    if notification.kind == EntryKind::Account {
        return;
    }
    // A copy names the person who copied it, and only the original the one who uploaded it.
    let files = [original, &notification.file];
    let candidates = if original == &notification.file { 1 } else { 2 };
    if let Some(actor) = &mut notification.actor {
        for file in &files[..candidates] {
            if let Some(name) = display_name(context, file, actor).await {
                *actor = name;
                return;
            }
        }
    }
}

/// The name of the account with this id, if it created or last edited the file.
async fn display_name(context: &Context<'_>, file: &FileId, account: &str) -> Option<String> {
    let file = context.portal.files().file(file).await.ok()?;
    let mut people = file.people.into_iter();
    let person = people.find(|person| person.id == account)?;
    Some(person.display_name).filter(|name| !name.is_empty())
}

fn title(folder: &FolderInfo) -> String {
    folder.title.clone()
}
