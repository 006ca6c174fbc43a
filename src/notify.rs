//! Notifications about a file, and the channels they are sent through.
//!
//! A [`Notification`] contains the facts and renders itself as an email, a chat message or a log line. Rules
//! decide when to notify and whom. Titles and names are untrusted text, which each form escapes in its way.

use std::fmt::Write as _;

use askama::Template as _;
use jiff::{Timestamp, Zoned};
use tracing::info;
use unicode_width::UnicodeWidthStr as _;

use crate::event::EntryKind;
use crate::ids::{FileId, FolderId};
use crate::outbox::Action;
use crate::results::Results;
use crate::text::{clean, without_links};

mod channels;
pub mod chat;
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

/// The HTML body of an email.
#[derive(askama::Template)]
#[template(path = "notification.html")]
struct EmailPage<'a> {
    language: Language,
    heading: &'a str,
    facts: &'a [(String, String)],
    link: &'a str,
    open: &'a str,
    sent_by: &'a str,
}

/// The name of the rule for invoices.
const INVOICE: &str = "invoice";

/// The longest value in an email, in characters.
const TITLE_LENGTH: usize = 400;

/// The least width of the column with the names of facts.
const MIN_NAME_WIDTH: usize = 12;

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

    fn heading(&self) -> String {
        let language = self.locale.language;
        match &self.trigger {
            None if self.rule == INVOICE => language.text("heading-invoice"),
            None => language.text_with("heading-rule", [("rule", &self.rule)]),
            Some(trigger) => {
                let values = [("rule", self.rule.as_str()), ("trigger", &clean(trigger))];
                language.text_with("heading-event", values)
            }
        }
    }

    fn local_time(&self) -> Zoned {
        self.happened_at.to_zoned(self.locale.zone.clone())
    }

    /// Who did it, in words if that is not known.
    fn actor_text(&self) -> String {
        let actor = self.actor.clone();
        actor.unwrap_or_else(|| self.locale.language.text("unknown-user"))
    }

    /// The facts with their names.
    fn facts(&self) -> Vec<(String, String)> {
        let language = self.locale.language;
        let (by_whom, when) = match self.trigger {
            None => ("fact-uploaded-by", "fact-uploaded-on"),
            Some(_) => ("fact-by", "fact-on"),
        };
        let what = match self.kind {
            EntryKind::File => "fact-file",
            EntryKind::Folder => "fact-folder",
            EntryKind::Account => "fact-name",
        };
        let placed = if self.is_copy {
            "fact-copied-to"
        } else {
            "fact-moved-to"
        };
        let place = |folder: &NamedFolder| folder.text(language);
        let untrusted = |value: String| without_links(&mail::one_line(&value, TITLE_LENGTH));
        let facts = [
            (what, Some(untrusted(self.title.clone()))),
            (by_whom, Some(untrusted(self.actor_text()))),
            (when, Some(language.date_time(&self.local_time()))),
            ("fact-room", self.room.as_ref().map(place).map(untrusted)),
            (
                placed,
                self.current_folder.as_ref().map(place).map(untrusted),
            ),
        ];
        let facts = facts.into_iter();
        facts
            .filter_map(|(name, value)| Some((language.text(name), value?)))
            .collect()
    }

    fn text(&self) -> String {
        let facts = self.facts();
        let widths = facts.iter().map(|(name, _)| name.width());
        let width = (widths.max().unwrap_or_default() + 1).max(MIN_NAME_WIDTH);
        let mut text = format!("{}\r\n\r\n", self.heading());
        // Writing to a string cannot fail, here and below.
        for (name, value) in &facts {
            let padding = " ".repeat(width - name.width());
            let _ = write!(text, "  {name}{padding} {value}\r\n");
        }
        let language = self.locale.language;
        let open = language.text_with("open-address", [("address", &self.link)]);
        let _ = write!(text, "\r\n{open}\r\n\r\n-- \r\n{}\r\n", self.sent_by());
        text
    }

    fn sent_by(&self) -> String {
        let language = self.locale.language;
        language.text_with("sent-by", [("rule", &self.rule)])
    }

    fn html(&self) -> String {
        let language = self.locale.language;
        let page = EmailPage {
            language,
            heading: &self.heading(),
            facts: &self.facts(),
            link: &self.link,
            open: &language.text("open"),
            sent_by: &self.sent_by(),
        };
        page.render().expect("the template only writes text")
    }

    /// A chat message with the default text.
    pub fn chat_message(&self, format: ChatFormat) -> String {
        let language = self.locale.language;
        let untrusted = |text: &str| format.untrusted(text);
        let person = untrusted(&self.actor_text());
        let (by_whom, in_room) = match self.trigger {
            None => ("chat-uploaded-by", "chat-to-room"),
            Some(_) => ("chat-by", "chat-in-room"),
        };
        let mut line = format!(
            "{}: {} – {}",
            format.literal(&self.heading()),
            untrusted(&self.title),
            language.text_with(by_whom, [("person", &person)])
        );
        if let Some(room) = &self.room {
            let room = untrusted(&room.text(language));
            let _ = write!(line, " {}", language.text_with(in_room, [("room", &room)]));
        }
        if let Some(folder) = &self.current_folder {
            let folder = untrusted(&folder.text(language));
            let placed = if self.is_copy {
                "chat-copied-to"
            } else {
                "chat-now-in"
            };
            let placed = language.text_with(placed, [("folder", &folder)]);
            let _ = write!(line, ", {placed}");
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
            locale: Locale::default(),
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
    fn the_default_texts_in_another_language_and_time_zone() {
        let german = Notification {
            locale: Locale {
                language: Language::De,
                zone: jiff::tz::TimeZone::get("Europe/Berlin").unwrap(),
            },
            ..notification("Rechnung 1.pdf")
        };
        let email = german.email(String::new());
        assert_eq!(email.subject, "Neue Rechnung: Rechnung 1.pdf");
        assert_eq!(
            shown(&email.text).replace('\r', ""),
            "Neue Rechnung\n\n  \
             Datei            Rechnung 1.pdf\n  \
             Hochgeladen von  Chris Client\n  \
             Hochgeladen am   2. März 2026, 10:14 CET\n  \
             Raum             Acme & Sons (ID 100)\n  \
             Verschoben nach  ID 300\n\n\
             Öffnen: https://portal.example/doceditor?fileid=7\n\n-- \n\
             Gesendet von docspace-courier, Regel invoice\n"
        );
        let html = email.html.unwrap();
        assert!(html.contains("<html lang=\"de\">"), "{html}");
        assert!(html.contains(">Öffnen</a>"), "{html}");
        assert_eq!(
            shown(&german.chat_message(ChatFormat::Slack)),
            "Neue Rechnung: Rechnung 1.pdf – hochgeladen von Chris Client in Acme &amp; Sons (ID 100), \
             jetzt in ID 300: https://portal.example/doceditor?fileid=7"
        );
        let templates = MessageTemplates {
            text: Some(MessageTemplate::parse("{time}").unwrap()),
            subject: None,
        };
        let email = german.email_with(&templates, String::new());
        assert_eq!(email.text, "2026-03-02 10:14 CET");
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
