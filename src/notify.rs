//! Notify: what people are told about a file, and the ways to tell them.
//!
//! A [`Notification`] holds the facts and writes itself as mail, as a line in a chat, or as a line of the
//! log. Deciding when, and to whom, is the rules' business. Titles and names are foreign text: each form
//! escapes them in its own way.

use std::fmt::Write as _;

use askama::Template as _;
use jiff::Timestamp;
use tracing::info;

use crate::docspace::editor_address;
use crate::ids::{FileId, FolderId};
use crate::outbox::Action;
use crate::pipeline::{Pipeline, Pipelines};

pub mod chat;
pub mod mail;

use crate::template::{Field, MessageTemplates};
use chat::{Chat, quoted};
use mail::{Email, Mailer};

/// The ways to people and programs that the configuration opens.
#[derive(Debug, Default)]
pub struct Channels {
    /// Mail; without it a notification is a line of the log.
    pub mailer: Option<Mailer>,
    /// The chat.
    pub chat: Option<Chat>,
    /// The external pipeline.
    pub pipeline: Option<Pipeline>,
    /// Those of the rules file.
    pub pipelines: Pipelines,
}

/// What is told about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The rule that wants it told.
    pub rule: String,
    /// The file.
    pub file: FileId,
    /// Its title when the event was decided.
    pub title: String,
    /// The room it was uploaded to, or, where that is not known, the folder.
    pub room: Option<Place>,
    /// The folder in which the event found it.
    pub folder: Option<Place>,
    /// Who uploaded it: a name, or the account's id.
    pub uploader: Option<String>,
    /// When.
    pub uploaded_at: Timestamp,
    /// Where it is now.
    pub place: Option<Place>,
    /// Where a person opens it.
    pub link: String,
}

/// A folder or a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub id: FolderId,
    /// Its title, where the portal told it.
    pub title: Option<String>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.title {
            Some(title) => write!(formatter, "{title} (id {})", self.id),
            None => write!(formatter, "id {}", self.id),
        }
    }
}

/// The HTML form of a letter.
#[derive(askama::Template)]
#[template(path = "notification.html")]
struct Page<'a> {
    heading: &'a str,
    facts: &'a [(&'static str, String)],
    link: &'a str,
    rule: &'a str,
}

/// The longest title in a letter, in characters.
const TITLE_LENGTH: usize = 400;

impl Notification {
    /// The subject of a letter: what it is, and the title.
    pub fn subject(&self) -> String {
        format!("{}: {}", self.heading(), self.title)
    }

    /// A letter about it.
    pub fn letter(&self, id: String) -> Email {
        Email {
            id,
            subject: self.subject(),
            text: self.text(),
            html: Some(self.html()),
        }
    }

    /// A letter about it in the words of the rule, where it has any.
    pub fn letter_in(&self, words: &MessageTemplates, id: String) -> Email {
        let mut letter = self.letter(id);
        let clean = |text: &str| mail::one_line(text, TITLE_LENGTH);
        if let Some(subject) = &words.subject {
            letter.subject = self.filled(subject, clean);
        }
        if let Some(text) = &words.text {
            letter.text = self.filled(text, clean).replace('\n', "\r\n");
            letter.html = None;
        }
        letter
    }

    /// A line for the chat in the words of the rule, where it has any.
    pub fn line_in(&self, words: &MessageTemplates) -> String {
        let text = words.text.as_ref();
        text.map_or_else(|| self.line(), |text| self.filled(text, quoted))
    }

    /// A template with its fields filled in; the values are foreign, and made harmless first.
    fn filled(
        &self,
        template: &crate::template::Template,
        harmless: impl Fn(&str) -> String,
    ) -> String {
        let place = |place: &Option<Place>| {
            place.as_ref().map(|place| {
                let title = place.title.clone();
                title.unwrap_or_else(|| place.id.to_string())
            })
        };
        template.fill(|field| {
            let value = match field {
                Field::Title => Some(self.title.clone()),
                Field::Room => place(&self.room),
                Field::Folder => place(&self.place).or_else(|| place(&self.folder)),
                // Made of the configuration and an id, and no good when anything in it is changed.
                Field::Link => return self.link.clone(),
                Field::Person => self.uploader.clone(),
                Field::Time => Some(self.uploaded_at.strftime("%Y-%m-%d %H:%M UTC").to_string()),
                Field::Rule => Some(self.rule.clone()),
            };
            harmless(&value.unwrap_or_default())
        })
    }

    fn heading(&self) -> String {
        format!("New {}", self.rule)
    }

    /// What there is to say, each with its name.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let uploaded = self.uploaded_at.strftime("%-d %B %Y, %H:%M UTC");
        let by = self.uploader.as_deref().unwrap_or("somebody unknown");
        let mut facts = vec![
            ("File", self.title.clone()),
            ("Uploaded by", by.to_owned()),
            ("Uploaded on", uploaded.to_string()),
        ];
        let place =
            |name, place: &Option<Place>| place.as_ref().map(|place| (name, place.to_string()));
        facts.extend(place("To room", &self.room));
        facts.extend(place("Now in", &self.place));
        for (_, value) in &mut facts {
            *value = mail::one_line(value, TITLE_LENGTH);
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
        let page = Page {
            heading: &self.heading(),
            facts: &self.facts(),
            link: &self.link,
            rule: &self.rule,
        };
        page.render().expect("the template only writes text")
    }

    /// A line for the chat.
    pub fn line(&self) -> String {
        let by = self.uploader.as_deref().unwrap_or("somebody unknown");
        let mut line = format!(
            "{}: {} – uploaded by {}",
            quoted(&self.heading()),
            quoted(&self.title),
            quoted(by)
        );
        if let Some(room) = &self.room {
            let _ = write!(line, " to {}", quoted(&room.to_string()));
        }
        if let Some(place) = &self.place {
            let _ = write!(line, ", now in {}", quoted(&place.to_string()));
        }
        format!("{line}: {}", self.link)
    }
}

/// Writes the notification as a log line: the manager's address, the title, the file's id and a link.
///
/// A crash between this line and the mark that it was written repeats it: told twice is better than
/// never, and the action's number in the line shows that it is the same notification.
pub fn log(portal: &str, action: &Action, to: Option<&str>) {
    let what = match action.rule.as_str() {
        "invoice" => "invoice received",
        _ => "a rule has something to tell",
    };
    info!(
        target: "notification",
        to = to.unwrap_or("(MANAGER_EMAIL is not set)"),
        title = action.title,
        file.id = action.file.as_str(),
        link = editor_address(portal, &action.file),
        "{what}",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notification(title: &str) -> Notification {
        Notification {
            rule: "invoice".to_owned(),
            file: FileId::from(7),
            title: title.to_owned(),
            room: Some(Place {
                id: FolderId::from(100),
                title: Some("Acme & Sons".to_owned()),
            }),
            folder: None,
            uploader: Some("Chris Client".to_owned()),
            uploaded_at: "2026-03-02T09:14:31Z".parse().unwrap(),
            place: Some(Place {
                id: FolderId::from(300),
                title: None,
            }),
            link: "https://portal.example/doceditor?fileid=7".to_owned(),
        }
    }

    #[test]
    fn a_letter_says_what_a_manager_needs() {
        let text = notification("Invoice 1.pdf").letter(String::new()).text;
        assert_eq!(
            text.replace('\r', ""),
            "New invoice\n\n  \
             File         Invoice 1.pdf\n  \
             Uploaded by  Chris Client\n  \
             Uploaded on  2 March 2026, 09:14 UTC\n  \
             To room      Acme & Sons (id 100)\n  \
             Now in       id 300\n\n\
             Open it: https://portal.example/doceditor?fileid=7\n\n-- \n\
             Sent by docspace-courier, rule invoice\n"
        );
    }

    #[test]
    fn the_words_of_a_rule_are_filled_in_and_stay_one_subject() {
        let template = |text: &str| Some(crate::template::Template::parse(text).unwrap());
        let words = MessageTemplates {
            subject: template("{rule}: {title}"),
            text: template("{title} by {person}\nin {room}, now {folder}: {link}\n{time}"),
        };
        let hostile = "a.pdf\r\nBcc: everybody@x.example <b>";
        let letter = notification(hostile).letter_in(&words, String::new());
        assert_eq!(letter.html, None);
        assert_eq!(
            letter.subject,
            "invoice: a.pdf  Bcc: everybody@x.example <b>"
        );
        assert_eq!(
            letter.text,
            "a.pdf  Bcc: everybody@x.example <b> by Chris Client\r\nin Acme & Sons, now 300: \
             https://portal.example/doceditor?fileid=7\r\n2026-03-02 09:14 UTC"
        );
        let line = notification("<!channel> @all.pdf").line_in(&words);
        assert!(
            !line.contains("<!channel>") && !line.contains("@all"),
            "{line}"
        );

        let nothing_known = Notification {
            room: None,
            place: None,
            uploader: None,
            ..notification("a.pdf")
        };
        assert!(
            nothing_known
                .letter_in(&words, String::new())
                .text
                .starts_with("a.pdf by \r\nin , now : https://"),
        );
    }

    #[test]
    fn foreign_text_is_escaped_in_every_form() {
        let hostile = "Invoice <b onclick=\"x\">\r\nNow in: nowhere @all.pdf";
        let letter = notification(hostile).letter(String::new());
        let html = letter.html.unwrap();
        assert!(!html.contains("<b onclick"), "{html}");
        assert!(html.contains("Acme &#38; Sons"), "{html}");
        assert!(
            !letter.text.contains("\nNow in: nowhere"),
            "{}",
            letter.text
        );
        let line = notification(hostile).line();
        assert!(!line.contains("<b") && !line.contains("@all"), "{line}");
        assert!(!line.contains('\n'), "{line}");
    }
}
