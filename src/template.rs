//! Templates: the words of a rule's own for a notification, with a few fields in braces.
//!
//! `{title} {room} {folder} {link} {person} {time} {rule}`; `{{` and `}}` stand for the braces themselves.
//! An unknown field is found when the template is read; at run time a missing value is empty.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A rule's own words; what it does not give is said as always.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageTemplates {
    /// The subject of a letter; a chat gets none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Template>,
    /// The text of a letter, or the line in the chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Template>,
}

impl MessageTemplates {
    /// Whether the rule leaves everything to be said as always.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// A text with fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(Field),
}

/// What a template may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The file's title when the event was decided.
    Title,
    /// The room: its title or, where that is not known, an id.
    Room,
    /// The folder in which the file is now, or was found.
    Folder,
    /// Where a person opens the file.
    Link,
    /// Who acted: a name or, where that is not known, the account's id.
    Person,
    /// When it happened, UTC.
    Time,
    /// The rule's name.
    Rule,
}

const FIELDS: [(&str, Field); 7] = [
    ("title", Field::Title),
    ("room", Field::Room),
    ("folder", Field::Folder),
    ("link", Field::Link),
    ("person", Field::Person),
    ("time", Field::Time),
    ("rule", Field::Rule),
];

/// The names of all fields.
pub fn field_names() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|(name, _)| *name)
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It names a field that there is not.
    #[error("there is no field {{{0}}}")]
    Unknown(String),
    /// A brace is left open.
    #[error("a brace is not closed; write {{{{ for a brace itself")]
    Open,
    /// A brace is closed that was not opened.
    #[error("a brace is closed that was not opened; write }}}} for a brace itself")]
    Stray,
}

impl Template {
    /// Reads a text.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = source;
        while let Some(position) = rest.find(['{', '}']) {
            text.push_str(&rest[..position]);
            let brace = &rest[position..=position];
            rest = &rest[position + 1..];
            if let Some(doubled) = rest.strip_prefix(brace) {
                text.push_str(brace);
                rest = doubled;
                continue;
            }
            if brace == "}" {
                return Err(TemplateError::Stray);
            }
            let (name, behind) = rest.split_once('}').ok_or(TemplateError::Open)?;
            let field = FIELDS.iter().find(|(known, _)| *known == name.trim());
            let (_, field) = field.ok_or_else(|| TemplateError::Unknown(name.trim().to_owned()))?;
            parts.extend((!text.is_empty()).then(|| Part::Text(std::mem::take(&mut text))));
            parts.push(Part::Field(*field));
            rest = behind;
        }
        text.push_str(rest);
        parts.extend((!text.is_empty()).then_some(Part::Text(text)));
        Ok(Self {
            source: source.to_owned(),
            parts,
        })
    }

    /// The text with its fields filled in.
    pub fn fill(&self, value: impl Fn(Field) -> String) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Field(field) => value(*field),
            })
            .collect()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.source)
    }
}

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(source: String) -> Result<Self, TemplateError> {
        Self::parse(&source)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(source: &str) -> String {
        let template = Template::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"));
        template.fill(|field| match field {
            Field::Title => "a {room}.pdf".to_owned(),
            Field::Person => String::new(),
            other => format!("<{other:?}>"),
        })
    }

    #[test]
    fn fields_are_filled_in_once() {
        let check = |source: &str, expected: &str| assert_eq!(fill(source), expected, "{source}");
        check("", "");
        check("no field", "no field");
        check("{title}", "a {room}.pdf");
        check("New: { title } in {room}!", "New: a {room}.pdf in <Room>!");
        check("by {person}.", "by .");
        check("{{title}} {{{rule}}}", "{title} {<Rule>}");
        check("{link}{time}{folder}", "<Link><Time><Folder>");
        check("Öl {title} 发票", "Öl a {room}.pdf 发票");
    }

    #[test]
    fn what_is_no_template() {
        let check = |source: &str, expected: TemplateError| {
            assert_eq!(Template::parse(source), Err(expected), "{source}");
        };
        check("{titel}", TemplateError::Unknown("titel".to_owned()));
        check("{}", TemplateError::Unknown(String::new()));
        check("{title", TemplateError::Open);
        check("title}", TemplateError::Stray);
    }
}
