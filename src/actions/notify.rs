//! Notify: sends an email to one person, or a message to the chat.
//!
//! The delivery and the outbox contain enough for a notification. Titles and names are looked up only while the
//! portal is available, and only for a short time; without them the notification shows ids.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::docspace::FolderInfo;
use crate::event::EntryKind;
use crate::ids::{FileId, FolderId};
use crate::notify::{self, NamedFolder, Notification};
use crate::outbox::{Action, ActionResult};
use crate::rules::{ActionProperties, ChannelId};
use crate::table_reader::{FieldValue, RuleContext};
use crate::template::MessageTemplates;

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
#[cfg(test)]
use super::kind::Example;
use super::kind::{Kind, PLAIN_DATA};
use super::message::{self, Report};
use super::parse::{LineLimit, email_addresses, template};
use super::transfer::CopyTo;

/// How long looking up titles and names may take.
const NAMES_TIMEOUT: Duration = Duration::from_secs(5);

/// Notifies a person or the chat.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notify {
    /// Sends an email to one person.
    #[serde(rename = "notify")]
    Email {
        /// The address; without one, or without a mail server, a line is written to the log.
        to: Option<String>,
        /// The rule's own message templates.
        #[serde(
            default,
            skip_serializing_if = "MessageTemplates::are_none",
            rename = "words"
        )]
        templates: MessageTemplates,
    },
    /// Posts to the chat.
    Chat,
    /// Posts to the chat with the rule's own message template.
    #[serde(rename = "say")]
    ChatWith {
        /// The message templates.
        #[serde(rename = "words")]
        templates: MessageTemplates,
    },
}

impl Notify {
    /// An email with the built-in text.
    pub fn email(to: Option<String>) -> Self {
        Self::Email {
            to,
            templates: MessageTemplates::default(),
        }
    }
}

impl Kind for Notify {
    const NAME: &'static str = "notify";

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[
        Example {
            stored: r#"{"notify":{"to":"a@x.example"}}"#,
            described: "notify a@x.example",
        },
        Example {
            stored: r#"{"notify":{"to":null}}"#,
            described: "notify",
        },
        Example {
            stored: r#"{"say":{"words":{"text":"a"}}}"#,
            described: "notify the chat",
        },
        Example {
            stored: r#""chat""#,
            described: "notify the chat",
        },
    ];

    /// `notify = { email = ["a@x.example"], chat = true, subject = "…", text = "…" }`. Each address is an action of
    /// its own, so that each succeeds or fails on its own.
    fn parse(value: &FieldValue<'_>, context: RuleContext<'_>) -> Option<Vec<Self>> {
        let mut table = value.table("{ email = \"manager@example.com\" }")?;
        let email = table.field("email");
        let chat = table.field("chat");
        let template = |value: Option<FieldValue<'_>>, limit| template(&value?, limit);
        let templates = MessageTemplates {
            subject: template(table.field("subject"), LineLimit::One),
            text: template(table.field("text"), LineLimit::Many),
        };
        table.finish();

        let addresses = email.as_ref().map(email_addresses);
        let to_chat = chat.filter(|chat| chat.flag() == Some(true));
        if addresses.is_none() && to_chat.is_none() {
            value.report("notifies no one: set email, or chat = true");
        }
        let emails = addresses.into_iter().flatten().map(|address| Self::Email {
            to: Some(address),
            templates: templates.clone(),
        });
        let mut plans: Vec<Self> = emails.collect();
        if let Some(chat) = to_chat {
            if !context.is_set("NOTIFY_WEBHOOK_URL") {
                chat.report("needs NOTIFY_WEBHOOK_URL, which is not set");
            }
            plans.push(if templates.text.is_none() {
                Self::Chat
            } else {
                Self::ChatWith { templates }
            });
        }
        Some(plans)
    }

    fn properties(&self) -> ActionProperties {
        let uses = match self {
            Self::Email { templates, .. } | Self::ChatWith { templates } => templates.results(),
            Self::Chat => Vec::new(),
        };
        let (channel, target_text) = match self {
            Self::Email { to, .. } => (ChannelId::Email, to.clone()),
            Self::Chat | Self::ChatWith { .. } => (ChannelId::Chat, Some("the chat".to_owned())),
        };
        ActionProperties {
            // A bad address must not stop the other notifications or a call.
            is_waited_for: false,
            uses,
            channel: Some(channel),
            target_text,
            ..ActionProperties::external()
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        let none = MessageTemplates::default();
        match self {
            Self::Email { to, templates } => {
                each(actions, |action| {
                    email(context, action, to.as_deref(), templates)
                })
                .await
            }
            Self::Chat => each(actions, |action| chat(context, action, &none)).await,
            Self::ChatWith { templates } => {
                each(actions, |action| chat(context, action, templates)).await
            }
        }
    }

    fn to_stored(&self) -> String {
        serde_json::to_string(self).expect(PLAIN_DATA)
    }

    fn from_stored(stored: &str) -> Option<Self> {
        serde_json::from_str(stored).ok()
    }
}

async fn email(
    context: &Context<'_>,
    action: &Action,
    to: Option<&str>,
    templates: &MessageTemplates,
) -> Result<AttemptOutcome, StoreError> {
    let (Some(mailer), Some(to)) = (&context.channels.mailer, to) else {
        let report = Report::load(context, action).await?;
        let link = report.link(context.portal.host(), &action.file);
        notify::log(&link, action, to);
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
