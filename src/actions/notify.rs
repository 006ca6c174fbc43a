//! Tell: gathers what is known about a file, and tells a person, the chat or the pipeline.
//!
//! The delivery and the outbox say enough. The portal is asked for titles and names only when it is well,
//! and for a short while; without its answer ids stand in their place. Telling is done at least once: a
//! crash between the other side's answer and our mark repeats it, under the same id.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::db::StoreError;
use crate::docspace::{FolderInfo, editor_address, folder_address};
use crate::event::{EntryKind, Event};
use crate::ids::{FileId, FolderId};
use crate::inbox;
use crate::notify::{self, Notification, Place};
use crate::outbox::{self, Action, ActionResult};
use crate::outgoing::Failure;
use crate::pipeline::{Document, EventPart, FilePart, LinksPart, Pipeline, ResultPart};
use crate::template::MessageTemplates;

use super::{AttemptOutcome, Context};

/// How long the portal may take to say titles and names before the notification goes without them.
const ASK_FOR_NAMES: Duration = Duration::from_secs(5);

/// Tells one person by mail; without a mail server, the log.
pub(super) async fn mail(
    context: &Context<'_>,
    action: &Action,
    to: Option<&str>,
    words: &MessageTemplates,
) -> Result<AttemptOutcome, StoreError> {
    let (Some(mailer), Some(to)) = (&context.channels.mailer, to) else {
        notify::log(context.portal.host(), action, to);
        return Ok(AttemptOutcome::Done(ActionResult::default()));
    };
    let letter = notification(context, action)
        .await?
        .letter_in(words, id(context, action, to));
    Ok(ended(mailer.send(&letter, to, context.clock.now()).await))
}

/// Tells the chat.
pub(super) async fn chat(
    context: &Context<'_>,
    action: &Action,
    words: &MessageTemplates,
) -> Result<AttemptOutcome, StoreError> {
    let Some(chat) = &context.channels.chat else {
        return Ok(not_configured("NOTIFY_WEBHOOK_URL"));
    };
    let line = notification(context, action).await?.line_in(words);
    Ok(ended(chat.say(&line, context.clock.now()).await))
}

/// Hands the file to the pipeline of the environment.
pub(super) async fn call(
    context: &Context<'_>,
    action: &Action,
) -> Result<AttemptOutcome, StoreError> {
    match &context.channels.pipeline {
        Some(pipeline) => hand_over(context, action, pipeline).await,
        None => Ok(not_configured("PIPELINE_URL")),
    }
}

/// Hands the file to a pipeline of the rules file.
pub(super) async fn call_to(
    context: &Context<'_>,
    action: &Action,
    key: &str,
) -> Result<AttemptOutcome, StoreError> {
    match context.channels.pipelines.get(key) {
        Some(pipeline) => hand_over(context, action, &pipeline).await,
        None => Ok(not_configured("the pipeline in RULES_FILE")),
    }
}

async fn hand_over(
    context: &Context<'_>,
    action: &Action,
    pipeline: &Pipeline,
) -> Result<AttemptOutcome, StoreError> {
    let Known { event, result } = known(context, action).await?;
    let portal = context.portal.host();
    let entry = event.entry.as_ref();
    let file = result
        .as_ref()
        .and_then(|(_, outcome)| outcome.file.clone());
    let document = Document {
        event: EventPart {
            id: action.event,
            docspace_id: event.id.map(|id| id.0),
            webhook_id: event.webhook.0,
            trigger: event
                .trigger
                .as_ref()
                .map(|trigger| trigger.as_str().to_owned()),
            happened_at: event.happened_at.unwrap_or_default().to_string(),
            actor: event.actor.clone(),
        },
        rule: action.rule.clone(),
        file: FilePart {
            id: action.file.clone(),
            title: action.title.clone(),
            folder_id: entry.and_then(|entry| entry.parent.clone()),
        },
        result: result.map(|(kind, outcome)| ResultPart {
            action: kind,
            file_id: outcome.file,
            folder_id: outcome.folder,
        }),
        links: LinksPart {
            file: link(portal, &event, file.as_ref().unwrap_or(&action.file)),
            portal: portal.to_owned(),
        },
    };
    let id = format!("msg_{}", id(context, action, "pipeline"));
    Ok(ended(
        pipeline.call(&id, &document, context.clock.now()).await,
    ))
}

/// What the store knows about the file of an action.
struct Known {
    event: Event,
    /// The kind and the outcome of the copy or move before it.
    result: Option<(String, ActionResult)>,
}

async fn known(context: &Context<'_>, action: &Action) -> Result<Known, StoreError> {
    let (event, this) = (action.event, action.claim.action);
    let (body, result) = context
        .db
        .read(move |sql| Ok((inbox::body(sql, event)?, outbox::outcome_before(sql, this)?)))
        .await?;
    let (body, happened_at) = body.expect("an action's event is kept for as long as the action");
    let mut event = Event::parse(&body).expect("only events that could be read have actions");
    event.happened_at.get_or_insert(happened_at);
    Ok(Known { event, result })
}

async fn notification(context: &Context<'_>, action: &Action) -> Result<Notification, StoreError> {
    let Known { event, result } = known(context, action).await?;
    let outcome = result.map(|(_, outcome)| outcome).unwrap_or_default();
    let file = outcome.file.as_ref().unwrap_or(&action.file);
    let place = |id: FolderId| Place { id, title: None };
    let link = link(context.portal.host(), &event, file);
    let found_in = event.entry.and_then(|entry| entry.parent);
    let mut notification = Notification {
        rule: action.rule.clone(),
        file: file.clone(),
        title: action.title.clone(),
        room: found_in.clone().map(place),
        folder: found_in.map(place),
        uploader: event.actor,
        uploaded_at: event.happened_at.unwrap_or_default(),
        place: outcome.folder.map(place),
        link,
    };
    // What was told in time stays; the rest keeps its ids.
    let _ = tokio::time::timeout(ASK_FOR_NAMES, add_names(context, &mut notification)).await;
    Ok(notification)
}

/// Asks the portal for the names of the people and the titles of the places.
async fn add_names(context: &Context<'_>, notification: &mut Notification) {
    if let Some(place) = &mut notification.place
        && let Ok(path) = context.portal.files().folder_path(&place.id).await
    {
        place.title = path.last().map(title);
    }
    if let Some(room) = &mut notification.room
        && let Ok(path) = context.portal.files().folder_path(&room.id).await
    {
        if let Some(folder) = &mut notification.folder {
            folder.title = path.last().map(title);
        }
        if let Some(found) = path.iter().find(|folder| folder.room_type.is_some()) {
            *room = Place {
                id: found.id.clone(),
                title: Some(title(found)),
            };
        }
    }
    if let Some(uploader) = &mut notification.uploader
        && let Ok(file) = context.portal.files().file(&notification.file).await
        && let Some(person) = file
            .people
            .into_iter()
            .find(|person| person.id == *uploader)
        && !person.display_name.is_empty()
    {
        *uploader = person.display_name;
    }
}

/// Where a person opens what the event is about.
fn link(host: &str, event: &Event, file: &FileId) -> String {
    match event.entry.as_ref().map(|entry| entry.kind) {
        Some(EntryKind::Folder) => folder_address(host, file.as_str()),
        _ => editor_address(host, file),
    }
}

fn title(folder: &FolderInfo) -> String {
    folder.title.clone()
}

/// The same for every attempt of an action for this recipient, and for nothing else.
fn id(context: &Context<'_>, action: &Action, recipient: &str) -> String {
    const LENGTH: usize = 32;

    let (number, event) = (action.claim.action.to_string(), action.event.to_string());
    let mut hash = Sha256::new();
    for part in [
        context.portal.host(),
        &action.rule,
        action.file.as_str(),
        &event,
        &number,
        recipient,
    ] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut id = hex::encode(hash.finalize());
    id.truncate(LENGTH);
    id
}

fn not_configured(variable: &str) -> AttemptOutcome {
    AttemptOutcome::Dead {
        code: "not_configured",
        reason: format!("{variable} is no longer set"),
    }
}

fn ended(told: Result<(), Failure>) -> AttemptOutcome {
    match told {
        Ok(()) => AttemptOutcome::Done(ActionResult::default()),
        Err(Failure::Passing { reason, wait }) => AttemptOutcome::RetryAfter {
            reason,
            wait: wait.unwrap_or_default(),
        },
        Err(Failure::Lasting { code, reason }) => AttemptOutcome::Dead { code, reason },
    }
}
