//! Notify: sends an email to a person or to several, or a message to the chat.

use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::notify;
use crate::outbox::{Action, ActionResult};
use crate::rules::{ActionProperties, ChannelId, KeyScope};
use crate::table_reader::{FieldValue, RuleContext};
use crate::template::MessageTemplates;

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
#[cfg(test)]
use super::kind::Example;
use super::kind::{Kind, PLAIN_DATA};
use super::message::{self, Report};
use super::parse::{LineLimit, email_address, template};

mod audience;
mod contents;
mod mailing;

use audience::Audience;
use contents::notification;

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
    /// Sends an email to each of the people who are found when it is sent.
    #[serde(rename = "notify_people")]
    People {
        /// Who they are.
        audiences: Vec<Audience>,
        /// Addresses that the rule notifies anyway.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        except: Vec<String>,
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
    /// Whether the recipients are looked up among people and groups; the managers of a room are its own.
    fn asks_about_people(&self) -> bool {
        let Self::People { audiences, .. } = self else {
            return false;
        };
        audiences.iter().any(|it| *it != Audience::Managers)
    }

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
            stored: r#"{"notify_people":{"audiences":["actor","managers",{"group":"7c1f"}],"except":["a@x.example"]}}"#,
            described: "notify the person who acted, the managers of the room, group 7c1f",
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

    /// `notify = { email = ["a@x.example", "managers"], group = "7c1f3a52-…", chat = true, subject = "…", text = "…" }`.
    /// Each address is an action of its own, so that each succeeds or fails on its own; the people who are looked up are
    /// one action, so that nobody gets two emails.
    fn parse(value: &FieldValue<'_>, context: RuleContext<'_>) -> Option<Vec<Self>> {
        let mut table = value.table("{ email = \"manager@example.com\" }")?;
        let email = table.field("email");
        let group = table.field("group");
        let chat = table.field("chat");
        let template = |value: Option<FieldValue<'_>>, limit| template(&value?, limit);
        let templates = MessageTemplates {
            subject: template(table.field("subject"), LineLimit::One),
            text: template(table.field("text"), LineLimit::Many),
        };
        table.finish();

        let to_chat = chat.filter(|chat| chat.flag() == Some(true));
        if email.is_none() && group.is_none() && to_chat.is_none() {
            value.report("notifies no one: set email or group, or chat = true");
        }
        let (addresses, mut audiences) = recipients(email.as_ref());
        let groups = group.iter().flat_map(FieldValue::items);
        audiences.extend(groups.filter_map(|item| item.guid().map(Audience::Group)));
        let emails = addresses.iter().map(|address| Self::Email {
            to: Some(address.clone()),
            templates: templates.clone(),
        });
        let mut plans: Vec<Self> = emails.collect();
        if !audiences.is_empty() {
            plans.push(Self::People {
                audiences,
                except: addresses,
                templates: templates.clone(),
            });
        }
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
            Self::Email { templates, .. }
            | Self::People { templates, .. }
            | Self::ChatWith { templates } => templates.results(),
            Self::Chat => Vec::new(),
        };
        let (channel, target_text) = match self {
            Self::Email { to, .. } => (ChannelId::Email, to.clone()),
            Self::People { audiences, .. } => {
                let audiences: Vec<String> = audiences.iter().map(ToString::to_string).collect();
                (ChannelId::Email, Some(audiences.join(", ")))
            }
            Self::Chat | Self::ChatWith { .. } => (ChannelId::Chat, Some("the chat".to_owned())),
        };
        ActionProperties {
            // A bad address must not stop the other notifications or a call.
            is_waited_for: false,
            uses,
            scope: self.asks_about_people().then_some(KeyScope::People),
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
            Self::People {
                audiences,
                except,
                templates,
            } => {
                each(actions, |action| {
                    mailing::mail(context, action, audiences, except, templates)
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

/// The addresses and the audiences that the field `email` names.
fn recipients(email: Option<&FieldValue<'_>>) -> (Vec<String>, Vec<Audience>) {
    let (mut addresses, mut audiences) = (Vec::new(), Vec::new());
    for item in email.into_iter().flat_map(FieldValue::items) {
        let Some(text) = item.text() else { continue };
        match Audience::of_word(text.trim()) {
            Some(audience) => audiences.push(audience),
            None if text.contains('@') => addresses.extend(email_address(&item)),
            None => item.report(&format!(
                "is not a valid email address, \"actor\", \"managers\" or \"members\": {text}"
            )),
        }
    }
    (addresses, audiences)
}

async fn email(
    context: &Context<'_>,
    action: &Action,
    to: Option<&str>,
    templates: &MessageTemplates,
) -> Result<AttemptOutcome, StoreError> {
    let Some(to) = to else {
        return log_instead(
            context,
            action,
            "(MANAGER_EMAIL is not set)",
            "MANAGER_EMAIL",
        )
        .await;
    };
    let Some(mailer) = &context.channels.mailer else {
        return log_instead(context, action, to, "SMTP_URL").await;
    };
    let id = message::message_id(context, action, to);
    let email = notification(context, action)
        .await?
        .email_with(templates, id);
    let send = mailer.send(&email, to, context.clock);
    Ok(message::send(context, action, send).await)
}

/// Writes the notification to the log, because a setting is missing that an email needs.
async fn log_instead(
    context: &Context<'_>,
    action: &Action,
    to: &str,
    missing: &str,
) -> Result<AttemptOutcome, StoreError> {
    let report = Report::load(context, action).await?;
    let link = report.link(context.portal.host(), &action.file);
    notify::log(&link, action, to);
    Ok(AttemptOutcome::Done(ActionResult {
        note: Some(format!(
            "no email was sent, only a line written to the log, because {missing} is not set"
        )),
        ..ActionResult::default()
    }))
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
        .chat_message_with(templates, chat.format());
    let send = chat.post(&text, context.clock);
    Ok(message::send(context, action, send).await)
}
