//! The texts of a notification whose rule has none of its own.

use std::fmt::Write as _;

use askama::Template as _;
use unicode_width::UnicodeWidthStr as _;

use crate::event::EntryKind;
use crate::text::{clean, without_links};

use super::chat::ChatFormat;
use super::mail::{self, Email};
use super::{INVOICE, Language, NamedFolder, Notification, TITLE_LENGTH};

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

/// The least width of the column with the names of facts.
const MIN_NAME_WIDTH: usize = 12;

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
}
