//! Templates of calls to the portal: the path, and the body.
//!
//! Values are text from outside. In a path they are encoded, so that each stays within its segment or parameter; in a body
//! they are strings, or numbers where the whole string is an id. So no value changes which call is made.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::results::{ResultName, Results};

use super::title::{TitleField, TitleValues};
use super::{Template, TemplateError, TemplateField};

/// What is encoded of a value: all but the unreserved characters of RFC 3986.
const IN_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What is encoded of the path's own text: also not what separates segments and parameters.
const IN_TEXT: &AsciiSet = &IN_VALUE
    .remove(b'/')
    .remove(b'?')
    .remove(b'&')
    .remove(b'=')
    .remove(b'@')
    .remove(b':')
    .remove(b',');

/// A template in a call.
pub type ApiTemplate = Template<ApiField>;

/// A field in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiField {
    /// One that titles have, too.
    OfTitle(TitleField),
    /// When it happened, in UTC.
    Time,
    /// What happened: the trigger.
    Event,
    /// The id of what the event is about: of the file as it is now.
    Id,
    /// The id of the folder that the file was in.
    Folder,
    /// The id of the account that acted.
    Actor,
    /// What an action before this one in the rule has left: the id of a folder, file or room, or the address of a link.
    Result(ResultName),
}

impl TemplateField for ApiField {
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
        ("id", Self::Id),
        ("folder", Self::Folder),
        ("actor", Self::Actor),
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

impl ApiField {
    /// Whether it stands for an id, which the portal's API has as a number if it is one.
    fn is_id(self) -> bool {
        match self {
            Self::Id | Self::Folder => true,
            Self::Result(name) => name != ResultName::Link,
            Self::OfTitle(_) | Self::Time | Self::Event | Self::Actor => false,
        }
    }
}

/// What the fields of a call stand for.
#[derive(Clone, Copy, Debug)]
pub struct ApiValues<'a> {
    /// Those that titles have, too.
    pub title: TitleValues<'a>,
    /// When it happened.
    pub happened_at: Timestamp,
    /// The trigger.
    pub event: &'a str,
    /// The id of what the event is about.
    pub id: &'a str,
    /// The folder that the file was in, if it is one.
    pub folder: &'a str,
    /// The account that acted.
    pub actor: &'a str,
    /// What the actions before this one have left.
    pub results: &'a Results,
}

impl ApiValues<'_> {
    fn value(&self, field: ApiField) -> String {
        match field {
            ApiField::OfTitle(field) => self.title.value(field),
            ApiField::Time => self.happened_at.to_string(),
            ApiField::Event => self.event.to_owned(),
            ApiField::Id => self.id.to_owned(),
            ApiField::Folder => self.folder.to_owned(),
            ApiField::Actor => self.actor.to_owned(),
            ApiField::Result(name) => self.results.get(name).unwrap_or_default().to_owned(),
        }
    }
}

/// The path of a call below `/api/2.0/`, with its query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiPathTemplate(ApiTemplate);

/// Why a text is not a valid path of a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiPathError {
    /// It is not a valid template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// It is not below the API.
    #[error(
        "must be a path below /api/2.0/ without blank segments, such as \"files/rooms/{{result.room}}/pin\""
    )]
    Outside,
}

impl ApiPathTemplate {
    /// Parses a path.
    pub fn parse(source: &str) -> Result<Self, ApiPathError> {
        let path = Self(Template::parse(source)?);
        // What values make of it is checked for each call.
        path.render_with(|_| "x".to_owned())
            .map(|_| path.clone())
            .ok_or(ApiPathError::Outside)
    }

    /// The results of earlier actions that it names.
    pub fn results(&self) -> Vec<ResultName> {
        self.0.results()
    }

    /// The path for these values, encoded; `None` if a segment would be blank or lead out of the API.
    pub fn render(&self, values: &ApiValues<'_>) -> Option<String> {
        self.render_with(|field| values.value(field))
    }

    fn render_with(&self, value: impl Fn(ApiField) -> String) -> Option<String> {
        let path = self.0.render_parts(
            |text| utf8_percent_encode(text, IN_TEXT).to_string(),
            |field| utf8_percent_encode(&value(field), IN_VALUE).to_string(),
        );
        let (segments, _) = path.split_once('?').unwrap_or((&path, ""));
        // A proxy may decode what a value contains before it takes dots for steps.
        let is_inside = |segment: &str| {
            let decoded = percent_decode_str(segment).decode_utf8_lossy();
            let is_step = |part: &str| matches!(part, "." | "..");
            !segment.is_empty() && !decoded.split(['/', '\\']).any(is_step)
        };
        segments.split('/').all(is_inside).then_some(path)
    }
}

impl fmt::Display for ApiPathTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TryFrom<String> for ApiPathTemplate {
    type Error = ApiPathError;

    fn try_from(source: String) -> Result<Self, ApiPathError> {
        Self::parse(&source)
    }
}

impl From<ApiPathTemplate> for String {
    fn from(path: ApiPathTemplate) -> Self {
        path.0.into()
    }
}

/// The body of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ApiBody {
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Number(Number),
    /// A string with fields.
    Text(ApiTemplate),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Object(BTreeMap<String, Self>),
}

impl ApiBody {
    /// The results of earlier actions that it names.
    pub fn results(&self) -> Vec<ResultName> {
        match self {
            Self::Flag(_) | Self::Number(_) => Vec::new(),
            Self::Text(template) => template.results(),
            Self::List(items) => items.iter().flat_map(Self::results).collect(),
            Self::Object(members) => members.values().flat_map(Self::results).collect(),
        }
    }

    /// The body for these values.
    pub fn render(&self, values: &ApiValues<'_>) -> Value {
        match self {
            Self::Flag(flag) => Value::Bool(*flag),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(template) => {
                let text = template.render(|field| values.value(field));
                let is_id = template.only_field().is_some_and(ApiField::is_id);
                match text.parse::<i64>() {
                    Ok(number) if is_id => Value::from(number),
                    _ => Value::String(text),
                }
            }
            Self::List(items) => items.iter().map(|item| item.render(values)).collect(),
            Self::Object(members) => {
                let members = members.iter();
                let rendered = members.map(|(name, item)| (name.clone(), item.render(values)));
                Value::Object(rendered.collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with_values<T>(title: &str, test: impl Fn(&ApiValues<'_>) -> T) -> T {
        let happened_at = "2026-03-02T23:30:00Z".parse().unwrap();
        test(&ApiValues {
            title: TitleValues {
                title,
                happened_at,
                rule: "pin",
            },
            happened_at,
            event: "file.uploaded",
            id: "9001",
            folder: "drive-1|2",
            actor: "c4f0",
            results: &Results::one(ResultName::Room, "77"),
        })
    }

    #[test]
    fn values_stay_within_their_part_of_the_path() {
        let check = |path: &str, title: &str, expected: Option<&str>| {
            let template = ApiPathTemplate::parse(path).unwrap();
            let rendered = with_values(title, |values| template.render(values));
            assert_eq!(rendered.as_deref(), expected, "{path} {title}");
        };
        check("files/file/{id}", "", Some("files/file/9001"));
        check(
            "files/rooms/{result.room}/pin",
            "",
            Some("files/rooms/77/pin"),
        );
        check("files/{folder}", "", Some("files/drive-1%7C2"));
        let in_query = "people/filter?filterValue={title}&count=1";
        check(
            in_query,
            "a&b=c#d?e",
            Some("people/filter?filterValue=a%26b%3Dc%23d%3Fe&count=1"),
        );
        check("files/{title}", "../../x", None);
        check("files/{title}", "a/../x", None);
        check("files/{title}", "a/b..c", Some("files/a%2Fb..c"));
        check("files/{title}/y", "..", None);
        check("files/{title}/y", ".", None);
        check("files/.{title}/y", ".", None);
        check("files/{title}/y", "", None);
        check("files/{title}", "%2e%2e", Some("files/%252e%252e"));
        check("files/{title}", "\\..\\x", None);
        check(
            "files/rooms?tags=[\"{name}\"]",
            "ü.pdf",
            Some("files/rooms?tags=%5B%22%C3%BC%22%5D"),
        );
    }

    #[test]
    fn a_path_outside_of_the_api_is_refused() {
        for path in [
            "",
            "/files",
            "//evil.example/x",
            "https://evil.example/x",
            "files/../../x",
            "./files",
            "files//x",
            "files/",
            "?x=1",
        ] {
            let parsed = ApiPathTemplate::parse(path);
            assert_eq!(parsed, Err(ApiPathError::Outside), "{path}");
        }
        // What reads like an encoded dot is text.
        let encoded = ApiPathTemplate::parse("files/%2e%2e/x").unwrap();
        let rendered = with_values("", |values| encoded.render(values));
        assert_eq!(rendered.as_deref(), Some("files/%252e%252e/x"));
    }

    #[test]
    fn a_body_has_values_as_strings_and_ids_as_numbers() {
        let stored =
            r#"{"a":["{title}","{id}","{folder}","no {id}",true,1.5],"b":{"c":"{result.room}"}}"#;
        let body: ApiBody = serde_json::from_str(stored).unwrap();
        assert_eq!(serde_json::to_string(&body).unwrap(), stored);
        assert_eq!(body.results(), [ResultName::Room]);
        let title = "\"}, {\"a\": \"{id}\"";
        let rendered = with_values(title, |values| body.render(values));
        let expected = json!({
            "a": [title, 9001, "drive-1|2", "no 9001", true, 1.5],
            "b": { "c": 77 },
        });
        assert_eq!(rendered, expected);
        let number = with_values("12", |values| {
            ApiBody::Text(ApiTemplate::parse("{title}").unwrap()).render(values)
        });
        assert_eq!(number, json!("12"), "a title is a string");
    }
}
