//! Notify: sends an email to one person, or a message to the chat.
//!
//! The delivery and the outbox hold enough for a notification. The portal is asked for titles and names only
//! while it is available, and only for a short time; without its answer the notification shows ids.

use std::time::Duration;

use crate::db::StoreError;
use crate::docspace::FolderInfo;
use crate::ids::FolderId;
use crate::notify::{self, NamedFolder, Notification};
use crate::outbox::{Action, ActionResult};
use crate::rules::ActionKind;
use crate::template::MessageTemplates;

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::message::{self, Report};

/// How long the portal may take to answer with titles and names.
const NAMES_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends an email; without a mail server or an address, writes a line to the log.
pub(super) async fn run_email<'a>(
    context: &Context<'_>,
    actions: &'a [Action],
    to: Option<&str>,
    templates: &MessageTemplates,
) -> Result<Outcomes<'a>, StoreError> {
    each(actions, |action| email(context, action, to, templates)).await
}

/// Posts a message to the chat.
pub(super) async fn run_chat<'a>(
    context: &Context<'_>,
    actions: &'a [Action],
    templates: &MessageTemplates,
) -> Result<Outcomes<'a>, StoreError> {
    each(actions, |action| chat(context, action, templates)).await
}

async fn email(
    context: &Context<'_>,
    action: &Action,
    to: Option<&str>,
    templates: &MessageTemplates,
) -> Result<AttemptOutcome, StoreError> {
    let (Some(mailer), Some(to)) = (&context.channels.mailer, to) else {
        notify::log(context.portal.host(), action, to);
        let missing = if to.is_none() {
            "MANAGER_EMAIL"
        } else {
            "SMTP_URL"
        };
        return Ok(AttemptOutcome::Done(ActionResult {
            note: Some(format!(
                "no email was sent, only a line written to the log, because {missing} is not set"
            )),
            ..ActionResult::default()
        }));
    };
    let id = message::message_id(context, action, to);
    let email = notification(context, action)
        .await?
        .email_with(templates, id);
    let send = mailer.send(&email, to, context.clock);
    Ok(message::send(context, action, send).await)
}

async fn chat(
    context: &Context<'_>,
    action: &Action,
    templates: &MessageTemplates,
) -> Result<AttemptOutcome, StoreError> {
    let Some(chat) = &context.channels.chat else {
        return Ok(message::not_configured("NOTIFY_WEBHOOK_URL"));
    };
    let text = notification(context, action)
        .await?
        .chat_message_with(templates);
    let send = chat.post(&text, context.clock);
    Ok(message::send(context, action, send).await)
}

async fn notification(context: &Context<'_>, action: &Action) -> Result<Notification, StoreError> {
    let report = Report::load(context, action).await?;
    let result = report.result.as_ref().map(|(_, result)| result);
    let file = result
        .and_then(|result| result.file.as_ref())
        .unwrap_or(&action.file);
    let destination = result.and_then(|result| result.folder.clone());
    let is_copy = matches!(report.result, Some((ActionKind::Copy, _)));
    let link = report.link(context.portal.host(), file);
    let parent = report.event.entry.and_then(|entry| entry.parent);
    let untitled = |id: FolderId| NamedFolder { id, title: None };
    let happened = report.event.trigger.filter(|trigger| !trigger.is_upload());
    let happened = happened.map(|trigger| trigger.to_string());
    let mut notification = Notification {
        rule: action.rule.clone(),
        file: file.clone(),
        title: action.title.clone(),
        room: parent.clone().map(untitled),
        folder: parent.map(untitled),
        happened,
        actor: report.event.actor,
        happened_at: report.event.happened_at.unwrap_or_default(),
        current_folder: destination.map(untitled),
        is_copy,
        link,
    };
    // Names that arrive in time are kept; what is missing then stays an id.
    let _ = tokio::time::timeout(NAMES_TIMEOUT, add_names(context, &mut notification)).await;
    Ok(notification)
}

/// Replaces ids by the titles of folders and the name of the person, as far as the portal shows them.
async fn add_names(context: &Context<'_>, notification: &mut Notification) {
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
    if let Some(actor) = &mut notification.actor
        && let Ok(file) = context.portal.files().file(&notification.file).await
        && let Some(person) = file.people.into_iter().find(|person| person.id == *actor)
        && !person.display_name.is_empty()
    {
        *actor = person.display_name;
    }
}

fn title(folder: &FolderInfo) -> String {
    folder.title.clone()
}
