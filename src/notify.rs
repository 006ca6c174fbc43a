//! Notifications about a file, and the channels they are sent through.
//!
//! A [`Notification`] contains the facts and renders itself as an email, a chat message or a log line. Rules
//! decide when to notify and whom. Titles and names are untrusted text, which each form escapes in its way.

use jiff::{Timestamp, Zoned};
use tracing::info;

use crate::event::EntryKind;
use crate::ids::{FileId, FolderId};
use crate::outbox::Action;
use crate::results::Results;
use crate::text::{clean, without_links};

mod channels;
pub mod chat;
mod default_texts;
mod locale;
pub mod mail;
mod texts;

pub use channels::{ChannelStatus, Channels};
pub use locale::{Locale, LocaleSource, PartialLocale};
pub use texts::Language;

use crate::template::{Field, MessageTemplate, MessageTemplates};
use chat::ChatFormat;
use mail::Email;

/// The facts of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The rule.
    pub rule: String,
    /// What the event is about.
    pub kind: EntryKind,
    /// The file, folder or account.
    pub file: FileId,
    /// Its title when the event was decided.
    pub title: String,
    /// The room it was uploaded to, or the folder if the room is unknown.
    pub room: Option<NamedFolder>,
    /// The folder it was in when the event was decided.
    pub folder: Option<NamedFolder>,
    /// The trigger of the event; `None` if the file was uploaded.
    pub trigger: Option<String>,
    /// Who did it: a name, or the account's id.
    pub actor: Option<String>,
    /// When.
    pub happened_at: Timestamp,
    /// The folder it is in now, if an action moved or copied it.
    pub current_folder: Option<NamedFolder>,
    /// Whether it is a copy of the event's file.
    pub is_copy: bool,
    /// The address at which a person opens it.
    pub link: String,
    /// What the actions before the notification in its rule have left, as people read it.
    pub results: Results,
    /// In which language and time zone it is written.
    pub locale: Locale,
}

/// A folder or room with its title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFolder {
    /// Its id.
    pub id: FolderId,
    /// Its title, if the portal returned it.
    pub title: Option<String>,
}

impl NamedFolder {
    fn text(&self, language: Language) -> String {
        let id = self.id.as_str();
        match &self.title {
            Some(title) => language.text_with("place-with-id", [("title", title), ("id", id)]),
            None => language.text_with("place-id", [("id", id)]),
        }
    }
}

/// The name of the rule for invoices.
const INVOICE: &str = "invoice";

/// The longest value in an email, in characters.
const TITLE_LENGTH: usize = 400;

impl Notification {
    /// The same for people who can see where the file or its copy is now, but perhaps not where it came from.
    #[must_use]
    pub fn without_origin(self) -> Self {
        let (room, folder) = match &self.current_folder {
            Some(_) => (None, None),
            None => (self.room, self.folder),
        };
        Self {
            room,
            folder,
            ..self
        }
    }

    /// An email with the rule's templates, where it has any.
    pub fn email_with(&self, templates: &MessageTemplates, id: String) -> Email {
        let mut email = self.email(id);
        let one_line = |text: &str| mail::one_line(text, TITLE_LENGTH);
        if let Some(subject) = &templates.subject {
            email.subject = self.render(subject, one_line);
        }
        if let Some(text) = &templates.text {
            let without_links = |text: &str| without_links(&one_line(text));
            email.text = self.render(text, without_links).replace('\n', "\r\n");
            email.html = None;
        }
        email
    }

    /// A chat message with the rule's template, if it has one.
    pub fn chat_message_with(&self, templates: &MessageTemplates, format: ChatFormat) -> String {
        let text = templates.text.as_ref();
        text.map_or_else(
            || self.chat_message(format),
            |text| self.render(text, |value| format.untrusted(value)),
        )
    }

    /// Renders a template; the values are untrusted and escaped first.
    fn render(&self, template: &MessageTemplate, escape: impl Fn(&str) -> String) -> String {
        let name = |folder: &Option<NamedFolder>| {
            folder.as_ref().map(|folder| {
                let title = folder.title.clone();
                title.unwrap_or_else(|| folder.id.to_string())
            })
        };
        template.render(|field| {
            let value = match field {
                Field::Title => Some(self.title.clone()),
                Field::Room => name(&self.room),
                Field::Folder => name(&self.current_folder).or_else(|| name(&self.folder)),
                // Made of the configured address and an id; escaping would break it.
                Field::Link => return self.link.clone(),
                Field::Person => self.actor.clone(),
                // Ours, too.
                Field::Time => return self.local_time().strftime("%Y-%m-%d %H:%M %Z").to_string(),
                Field::Rule => Some(self.rule.clone()),
                // Addresses, which escaping would break.
                Field::Result(name) => {
                    return self.results.get(name).unwrap_or_default().to_owned();
                }
            };
            escape(&value.unwrap_or_default())
        })
    }

    fn local_time(&self) -> Zoned {
        self.happened_at.to_zoned(self.locale.zone.clone())
    }
}

/// Writes the notification as a log line: the recipients, the title, the file's id and a link.
///
/// A crash before the action is stored as done repeats the line; the action's number in it shows that it is
/// the same notification.
pub fn log(link: &str, action: &Action, to: &str) {
    let what = match action.rule.as_str() {
        INVOICE => "invoice received",
        _ => "notification of a rule",
    };
    info!(
        target: "notification",
        to,
        title = clean(&action.title),
        file.id = action.file.as_str(),
        link,
        "{what}",
    );
}

#[cfg(test)]
mod tests;
