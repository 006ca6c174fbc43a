//! Notifications about a file, and the channels they are sent through.
//!
//! A [`Notification`] contains the facts and renders itself as an email, a chat message or a log line. Rules
//! decide when to notify and whom. Titles and names are untrusted text, which each form escapes in its way.

use std::fmt::Write as _;

use askama::Template as _;
use jiff::Timestamp;
use tracing::info;

use crate::event::EntryKind;
use crate::ids::{FileId, FolderId};
use crate::outbox::Action;
use crate::results::Results;
use crate::text::{clean, without_links};

mod channels;
pub mod chat;
pub mod mail;

pub use channels::{ChannelStatus, Channels};

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
}

/// A folder or room with its title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFolder {
    /// Its id.
    pub id: FolderId,
    /// Its title, if the portal returned it.
    pub title: Option<String>,
}

impl std::fmt::Display for NamedFolder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.title {
            Some(title) => write!(formatter, "{title} (id {})", self.id),
            None => write!(formatter, "id {}", self.id),
        }
    }
}

/// The HTML body of an email.
#[derive(askama::Template)]
#[template(path = "notification.html")]
struct EmailPage<'a> {
    heading: &'a str,
    facts: &'a [(&'static str, String)],
    link: &'a str,
    rule: &'a str,
}

/// The name of the rule for invoices.
const INVOICE: &str = "invoice";

/// The longest value in an email, in characters.
const TITLE_LENGTH: usize = 400;

impl Notification {
    /// The subject of the email: what it is about, and the title.
    pub fn subject(&self) -> String {
        format!("{}: {}", self.heading(), self.title)
    }

    /// An email with the default texts.
    pub fn email(&self, id: String) -> Email {
        Email {
            id,
            subject: self.subject(),
            text: self.text(),
            html: Some(self.html()),
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
                Field::Time => {
                    return self.happened_at.strftime("%Y-%m-%d %H:%M UTC").to_string();
                }
                Field::Rule => Some(self.rule.clone()),
                // Addresses, which escaping would break.
                Field::Result(name) => {
                    return self.results.get(name).unwrap_or_default().to_owned();
                }
            };
            escape(&value.unwrap_or_default())
        })
    }

    fn heading(&self) -> String {
        match &self.trigger {
            None if self.rule == INVOICE => "New invoice".to_owned(),
            None => format!("Rule {}", self.rule),
            Some(trigger) => format!("{} ({})", self.rule, clean(trigger)),
        }
    }

    /// The facts with their names.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let time = self.happened_at.strftime("%-d %B %Y, %H:%M UTC");
        let (by_whom, when) = match self.trigger {
            None => ("Uploaded by", "Uploaded on"),
            Some(_) => ("By", "On"),
        };
        let by = self.actor.as_deref().unwrap_or("an unknown user");
        let what = match self.kind {
            EntryKind::File => "File",
            EntryKind::Folder => "Folder",
            EntryKind::Account => "Name",
        };
        let mut facts = vec![
            (what, self.title.clone()),
            (by_whom, by.to_owned()),
            (when, time.to_string()),
        ];
        let folder = |name, folder: &Option<NamedFolder>| {
            folder.as_ref().map(|folder| (name, folder.to_string()))
        };
        facts.extend(folder("Room", &self.room));
        let placed = if self.is_copy {
            "Copied to"
        } else {
            "Moved to"
        };
        facts.extend(folder(placed, &self.current_folder));
        let is_time = |name: &str| name == when;
        for (name, value) in &mut facts {
            if !is_time(name) {
                *value = without_links(&mail::one_line(value, TITLE_LENGTH));
            }
        }
        facts
    }

    fn text(&self) -> String {
        let mut text = format!("{}\r\n\r\n", self.heading());
        // Writing to a string cannot fail, here and below.
        for (name, value) in self.facts() {
            let _ = write!(text, "  {name:12} {value}\r\n");
        }
        let _ = write!(
            text,
            "\r\nOpen it: {}\r\n\r\n-- \r\nSent by docspace-courier, rule {}\r\n",
            self.link, self.rule
        );
        text
    }

    fn html(&self) -> String {
        let page = EmailPage {
            heading: &self.heading(),
            facts: &self.facts(),
            link: &self.link,
            rule: &self.rule,
        };
        page.render().expect("the template only writes text")
    }

    /// A chat message with the default text.
    pub fn chat_message(&self, format: ChatFormat) -> String {
        let untrusted = |text: &str| format.untrusted(text);
        let by = self.actor.as_deref().unwrap_or("an unknown user");
        let (verb, place) = match self.trigger {
            None => ("uploaded by", "to"),
            Some(_) => ("by", "in"),
        };
        let mut line = format!(
            "{}: {} – {verb} {}",
            format.literal(&self.heading()),
            untrusted(&self.title),
            untrusted(by)
        );
        if let Some(room) = &self.room {
            let _ = write!(line, " {place} {}", untrusted(&room.to_string()));
        }
        if let Some(folder) = &self.current_folder {
            let placed = if self.is_copy { "copied to" } else { "now in" };
            let _ = write!(line, ", {placed} {}", untrusted(&folder.to_string()));
        }
        format!("{line}: {}", self.link)
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
mod tests {
    use super::*;

    fn notification(title: &str) -> Notification {
        Notification {
            rule: "invoice".to_owned(),
            kind: EntryKind::File,
            file: FileId::from(7),
            title: title.to_owned(),
            room: Some(NamedFolder {
                id: FolderId::from(100),
                title: Some("Acme & Sons".to_owned()),
            }),
            folder: None,
            trigger: None,
            actor: Some("Chris Client".to_owned()),
            happened_at: "2026-03-02T09:14:31Z".parse().unwrap(),
            current_folder: Some(NamedFolder {
                id: FolderId::from(300),
                title: None,
            }),
            is_copy: false,
            link: "https://portal.example/doceditor?fileid=7".to_owned(),
            results: Results::default(),
        }
    }

    /// What a person sees.
    fn shown(text: &str) -> String {
        text.replace('\u{200b}', "")
    }

    #[test]
    fn the_default_email() {
        let text = notification("Invoice 1.pdf").email(String::new()).text;
        assert_eq!(
            shown(&text).replace('\r', ""),
            "New invoice\n\n  \
             File         Invoice 1.pdf\n  \
             Uploaded by  Chris Client\n  \
             Uploaded on  2 March 2026, 09:14 UTC\n  \
             Room         Acme & Sons (id 100)\n  \
             Moved to     id 300\n\n\
             Open it: https://portal.example/doceditor?fileid=7\n\n-- \n\
             Sent by docspace-courier, rule invoice\n"
        );
    }

    #[test]
    fn a_copied_file_was_not_moved() {
        let copied = Notification {
            is_copy: true,
            ..notification("Invoice 1.pdf")
        };
        let text = copied.email(String::new()).text;
        assert!(text.contains("  Copied to    id 300"), "{text}");
        assert!(!text.contains("Moved to"), "{text}");
        let line = copied.chat_message(ChatFormat::Slack);
        assert!(line.contains(", copied to id 300:"), "{line}");
    }

    #[test]
    fn the_default_texts_of_other_events_do_not_speak_of_an_upload() {
        let trashed = Notification {
            rule: "critical files".to_owned(),
            trigger: Some("file.trashed".to_owned()),
            current_folder: None,
            ..notification("Report.pdf")
        };
        assert_eq!(
            trashed.subject(),
            "critical files (file.trashed): Report.pdf"
        );
        assert_eq!(
            shown(&trashed.chat_message(ChatFormat::Slack)),
            "critical files (file.trashed): Report.pdf – by Chris Client in Acme & Sons (id 100): \
             https://portal.example/doceditor?fileid=7"
                .replace('&', "&amp;")
        );
        let text = trashed.email(String::new()).text;
        assert!(text.contains("  By           Chris Client"), "{text}");
        assert!(!text.to_lowercase().contains("upload"), "{text}");
    }

    #[test]
    fn templates_are_rendered_and_the_subject_stays_one_line() {
        let template = |text: &str| Some(crate::template::MessageTemplate::parse(text).unwrap());
        let templates = MessageTemplates {
            subject: template("{rule}: {title}"),
            text: template("{title} by {person}\nin {room}, now {folder}: {link}\n{time}"),
        };
        let hostile = "a.pdf\r\nBcc: everybody@x.example <b>";
        let email = notification(hostile).email_with(&templates, String::new());
        assert_eq!(email.html, None);
        assert_eq!(
            email.subject,
            "invoice: a.pdf  Bcc: everybody@x.example <b>"
        );
        assert_eq!(
            shown(&email.text),
            "a.pdf  Bcc: everybody@x.example <b> by Chris Client\r\nin Acme & Sons, now 300: \
             https://portal.example/doceditor?fileid=7\r\n2026-03-02 09:14 UTC"
        );
        let line =
            notification("<!channel> @all.pdf").chat_message_with(&templates, ChatFormat::Slack);
        assert!(
            !line.contains("<!channel>") && !line.contains("@all"),
            "{line}"
        );

        let unknown = Notification {
            room: None,
            current_folder: None,
            actor: None,
            ..notification("a.pdf")
        };
        let text = unknown.email_with(&templates, String::new()).text;
        assert!(shown(&text).starts_with("a.pdf by \r\nin , now : https://"));
    }

    #[test]
    fn untrusted_text_is_escaped_in_every_form() {
        let hostile = "Invoice <b onclick=\"x\">\r\nNow in: nowhere @all.pdf";
        let email = notification(hostile).email(String::new());
        let html = email.html.unwrap();
        assert!(!html.contains("<b onclick"), "{html}");
        assert!(html.contains("Acme &#38; Sons"), "{html}");
        assert!(!email.text.contains("\nNow in: nowhere"), "{}", email.text);
        let reversed = notification("invoice\u{202e}fdp.exe");
        let email = reversed.email(String::new());
        for text in [
            email.text,
            email.html.unwrap(),
            reversed.chat_message(ChatFormat::Slack),
        ] {
            assert!(shown(&text).contains("invoicefdp.exe"), "{text}");
        }
        let line = notification(hostile).chat_message(ChatFormat::Slack);
        assert!(!line.contains("<b") && !line.contains("@all"), "{line}");
        assert!(!line.contains('\n'), "{line}");
    }
}
