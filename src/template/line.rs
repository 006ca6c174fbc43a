//! Templates of lines in files, as text or as the fields of a CSV row.
//!
//! A line contains a mark, by which an attempt sees that an earlier one has written it. Values are text from outside: they
//! start no new line, change no text direction, and never become a formula, whichever character separates the columns
//! for the program that opens the file.

use jiff::Timestamp;

use crate::results::{ResultName, Results};
use crate::text::is_invisible;

use super::title::{TitleField, TitleValues};
use super::{Template, TemplateField};

/// The most characters of a text or field.
const MAX_LENGTH: usize = 1_000;

/// What begins a formula, also in full-width letters.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// What may separate the columns of a file.
const SEPARATORS: [char; 4] = [',', ';', '|', '\t'];

/// A template of a line, or of a field of a row.
pub type LineTemplate = Template<LineField>;

/// A field of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineField {
    /// One that titles have, too.
    OfTitle(TitleField),
    /// When it happened, in UTC.
    Time,
    /// What happened: the trigger.
    Event,
    /// Who acted: a name, or the account's id if the name is unknown.
    Person,
    /// What an action before this one in the rule has left.
    Result(ResultName),
}

impl TemplateField for LineField {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("title", Self::OfTitle(TitleField::Title)),
        ("name", Self::OfTitle(TitleField::Name)),
        ("date", Self::OfTitle(TitleField::Date)),
        ("year", Self::OfTitle(TitleField::Year)),
        ("month", Self::OfTitle(TitleField::Month)),
        ("day", Self::OfTitle(TitleField::Day)),
        ("rule", Self::OfTitle(TitleField::Rule)),
        ("time", Self::Time),
        ("event", Self::Event),
        ("person", Self::Person),
        ("result.folder", Self::Result(ResultName::Folder)),
        ("result.file", Self::Result(ResultName::File)),
        ("result.link", Self::Result(ResultName::Link)),
        ("result.room", Self::Result(ResultName::Room)),
    ];

    fn result(self) -> Option<ResultName> {
        match self {
            Self::Result(name) => Some(name),
            _ => None,
        }
    }
}

/// What the fields of a line stand for.
#[derive(Clone, Copy, Debug)]
pub struct LineValues<'a> {
    /// Those that titles have, too.
    pub title: TitleValues<'a>,
    /// When it happened.
    pub happened_at: Timestamp,
    /// The trigger.
    pub event: &'a str,
    /// Who acted.
    pub person: &'a str,
    /// What the actions before this one have left, as people read it.
    pub results: &'a Results,
}

impl LineValues<'_> {
    /// The value of a field.
    fn value(&self, field: LineField) -> String {
        match field {
            LineField::OfTitle(field) => self.title.value(field),
            LineField::Time => self.happened_at.to_string(),
            LineField::Event => self.event.to_owned(),
            LineField::Person => self.person.to_owned(),
            LineField::Result(name) => self.results.get(name).unwrap_or_default().to_owned(),
        }
    }

    /// A line of text with a mark at its end.
    pub fn line(&self, template: &LineTemplate, mark: &str) -> String {
        let text = one_line(&template.render(|field| self.value(field)));
        format!("{text} [{mark}]\n")
    }

    /// A row with these fields and a mark in the last one.
    pub fn row(&self, fields: &[LineTemplate], mark: &str) -> String {
        let fields = fields.iter().map(|template| {
            let text = one_line(&template.render(|field| self.value(field)));
            without_formulas(&text).replace('"', "\"\"")
        });
        let columns: Vec<String> = fields.chain([mark.to_owned()]).collect();
        format!("\"{}\"\r\n", columns.join("\",\""))
    }
}

/// The text in one line, without invisible characters, and cut.
fn one_line(text: &str) -> String {
    let visible = text.chars().filter_map(|character| {
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            Some(' ')
        } else {
            (!is_invisible(character)).then_some(character)
        }
    });
    let text: String = visible.take(MAX_LENGTH).collect();
    text.trim().to_owned()
}

/// The text with an apostrophe before everything that would be the beginning of a formula in a column of its own.
fn without_formulas(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut begins_cell = true;
    for character in text.chars() {
        if begins_cell && FORMULA.contains(&character) {
            safe.push('\'');
        }
        begins_cell = SEPARATORS.contains(&character)
            || (begins_cell && (character.is_whitespace() || character == '"'));
        safe.push(character);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: &str = "0123456789abcdef";

    fn check(title: &str, text: &str, row: &str) {
        let happened_at = "2026-03-02T23:30:00Z".parse().unwrap();
        let values = LineValues {
            title: TitleValues {
                title,
                happened_at,
                rule: "log",
            },
            happened_at,
            event: "file.deleted",
            person: "Anna",
            results: &Results::default(),
        };
        let template = |text| LineTemplate::parse(text).unwrap();
        let line = values.line(&template("{time} {event}: {title} by {person}"), MARK);
        let start = "2026-03-02T23:30:00Z file.deleted: ";
        assert_eq!(line, format!("{start}{text} by Anna [{MARK}]\n"));
        let fields = ["{date}", "{title}", "{person}"].map(template);
        let expected = format!("\"2026-03-02\",\"{row}\",\"Anna\",\"{MARK}\"\r\n");
        assert_eq!(values.row(&fields, MARK), expected);
    }

    #[test]
    fn values_stay_in_their_line_and_column() {
        check("plan.docx", "plan.docx", "plan.docx");
        check("a\r\nb\tc\u{2028}d", "a  b c d", "a  b c d");
        check("\u{202e}a\u{200b}b", "ab", "ab");
        check("say \"hi\", you", "say \"hi\", you", "say \"\"hi\"\", you");
        assert_eq!(one_line(&"ü".repeat(2_000)), "ü".repeat(MAX_LENGTH));
    }

    #[test]
    fn no_value_becomes_a_formula() {
        let check = |title: &str, row: &str| check(title, title, row);
        check("=1+1", "'=1+1");
        check("@SUM(A1)", "'@SUM(A1)");
        check("-2+3|cmd", "'-2+3|cmd");
        check("＝1", "'＝1");
        check("1-2=x", "1-2=x");
        // A program that separates columns at another character sees more cells.
        check("a;=1+1", "a;'=1+1");
        check("a\";=1+1;\"", "a\"\";'=1+1;\"\"");
        check("a; \"+1", "a; \"\"'+1");
        check("\"=1", "\"\"'=1");
    }
}
