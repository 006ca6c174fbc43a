//! Templates: texts of a rule's own with fields in braces, for messages and for titles.
//!
//! `{{` and `}}` produce braces. An unknown field is an error when the template is parsed; a missing value is empty.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::results::ResultName;

pub mod api;
mod clean;
pub mod comment;
pub mod folder_path;
pub mod line;
pub mod title;

/// A rule's own message templates; the default text is used for those it does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageTemplates {
    /// The subject of the email; chats have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<MessageTemplate>,
    /// The text of the email or chat message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<MessageTemplate>,
}

impl MessageTemplates {
    /// Whether there are none.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }

    /// The results of earlier actions that they name.
    pub fn results(&self) -> Vec<ResultName> {
        let templates = self.subject.iter().chain(&self.text);
        templates.flat_map(Template::results).collect()
    }
}

/// The fields of a kind of template.
pub trait TemplateField: Copy + Eq + fmt::Debug + 'static {
    /// Each with its name.
    const NAMES: &'static [(&'static str, Self)];

    /// The result of an earlier action that it stands for, if it does.
    fn result(self) -> Option<ResultName> {
        None
    }
}

/// A text with fields. Serialized as its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "String",
    into = "String",
    bound(serialize = "F: TemplateField", deserialize = "F: TemplateField")
)]
pub struct Template<F> {
    source: String,
    parts: Vec<Part<F>>,
}

/// A template of a message.
pub type MessageTemplate = Template<Field>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part<F> {
    Text(String),
    Field(F),
}

/// A field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The file's title when the event was decided.
    Title,
    /// The room: its title, or its id if the title is unknown.
    Room,
    /// The folder the file is in now, or was in when the event was decided.
    Folder,
    /// The address at which a person opens the file.
    Link,
    /// Who acted: a name, or the account's id if the name is unknown.
    Person,
    /// When it happened, in the time zone of the locale.
    Time,
    /// The rule's name.
    Rule,
    /// What an action before this one in the rule has left.
    Result(ResultName),
}

impl TemplateField for Field {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("title", Self::Title),
        ("room", Self::Room),
        ("folder", Self::Folder),
        ("link", Self::Link),
        ("person", Self::Person),
        ("time", Self::Time),
        ("rule", Self::Rule),
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

/// Why a text is not a valid template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It names a field that does not exist.
    #[error("there is no field {{{0}}}")]
    Unknown(String),
    /// A brace is not closed.
    #[error("a brace is not closed; write {{{{ for a literal brace")]
    Open,
    /// A closing brace has no opening brace.
    #[error("a closing brace has no opening brace; write }}}} for a literal brace")]
    Stray,
}

impl<F: TemplateField> Template<F> {
    /// Parses a template.
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
            let (name, remainder) = rest.split_once('}').ok_or(TemplateError::Open)?;
            let field = F::NAMES.iter().find(|(known, _)| *known == name.trim());
            let (_, field) = field.ok_or_else(|| TemplateError::Unknown(name.trim().to_owned()))?;
            parts.extend((!text.is_empty()).then(|| Part::Text(std::mem::take(&mut text))));
            parts.push(Part::Field(*field));
            rest = remainder;
        }
        text.push_str(rest);
        parts.extend((!text.is_empty()).then_some(Part::Text(text)));
        Ok(Self {
            source: source.to_owned(),
            parts,
        })
    }

    /// Whether it has this field.
    pub fn contains(&self, field: F) -> bool {
        self.parts.contains(&Part::Field(field))
    }

    /// The results of earlier actions that it names.
    pub fn results(&self) -> Vec<ResultName> {
        let parts = self.parts.iter();
        let results = parts.filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Field(field) => field.result(),
        });
        results.collect()
    }

    /// The text, if it has no fields.
    pub fn literal(&self) -> Option<String> {
        let is_text = |part: &Part<F>| matches!(part, Part::Text(_));
        let is_literal = self.parts.iter().all(is_text);
        is_literal.then(|| self.render(|_| String::new()))
    }

    /// The field, if it consists of one.
    pub fn only_field(&self) -> Option<F> {
        match &self.parts[..] {
            [Part::Field(field)] => Some(*field),
            _ => None,
        }
    }

    /// Renders the template with these values.
    pub fn render(&self, value: impl Fn(F) -> String) -> String {
        self.render_parts(str::to_owned, value)
    }

    /// The same, with the text between the fields changed.
    fn render_parts(&self, text: impl Fn(&str) -> String, value: impl Fn(F) -> String) -> String {
        let parts = self.parts.iter();
        let parts = parts.map(|part| match part {
            Part::Text(source) => text(source),
            Part::Field(field) => value(*field),
        });
        parts.collect()
    }
}

impl<F> fmt::Display for Template<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.source)
    }
}

impl<F: TemplateField> TryFrom<String> for Template<F> {
    type Error = TemplateError;

    fn try_from(source: String) -> Result<Self, TemplateError> {
        Self::parse(&source)
    }
}

impl<F> From<Template<F>> for String {
    fn from(template: Template<F>) -> Self {
        template.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str) -> String {
        let template =
            MessageTemplate::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"));
        template.render(|field| match field {
            Field::Title => "a {room}.pdf".to_owned(),
            Field::Person => String::new(),
            other => format!("<{other:?}>"),
        })
    }

    #[test]
    fn fields_are_replaced_once() {
        let check = |source: &str, expected: &str| assert_eq!(render(source), expected, "{source}");
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
    fn invalid_templates() {
        let check = |source: &str, expected: TemplateError| {
            assert_eq!(MessageTemplate::parse(source), Err(expected), "{source}");
        };
        check("{titel}", TemplateError::Unknown("titel".to_owned()));
        check("{}", TemplateError::Unknown(String::new()));
        check("{title", TemplateError::Open);
        check("title}", TemplateError::Stray);
    }
}
