//! Replaces ids, names and other data of the portal in evidence. Only what is known to be harmless is kept; the same
//! value gets the same replacement, so that the evidence can still be followed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::wire::parse_time;

/// Members whose numbers are kept: counts, states and DocSpace's own numbers.
const KEPT_NUMBERS: [&str; 26] = [
    "access",
    "activationStatus",
    "count",
    "documentServer",
    "fileEntryType",
    "fileStatus",
    "fileType",
    "filesCount",
    "foldersCount",
    "folderType",
    "groupStatus",
    "hresult",
    "Operation",
    "parentRoomType",
    "progress",
    "pureContentLength",
    "retryCount",
    "roomType",
    "rootFolderType",
    "startIndex",
    "status",
    "statusCode",
    "total",
    "trigger",
    "triggerId",
    "version",
];

/// Members whose texts are kept: DocSpace's own words.
const KEPT_TEXTS: [&str; 7] = [
    "contentLength",
    "docSpace",
    "documentServer",
    "fileExst",
    "processed",
    "trigger",
    "comment",
];

/// The most elements of a list that are shown.
const SHOWN_ELEMENTS: usize = 5;

/// The longest text of the rehearsal's own that is kept, in bytes.
const LONGEST_OWN_TEXT: usize = 80;

/// Replaces values, each with the same replacement wherever it occurs.
#[derive(Debug)]
pub(super) struct Redaction {
    /// Occurs in every title that the rehearsal gives.
    token: String,
    ids: BTreeMap<String, usize>,
    texts: BTreeMap<String, usize>,
}

impl Redaction {
    pub(super) fn new(token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ids: BTreeMap::new(),
            texts: BTreeMap::new(),
        }
    }

    /// A copy of a JSON value in which data of the portal are replaced.
    pub(super) fn value(&mut self, value: &Value) -> Value {
        self.member("", value)
    }

    fn member(&mut self, key: &str, value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let redacted = members.iter().map(|(name, member)| {
                    let shown = if is_name(name) { name } else { "‹key›" };
                    (shown.to_owned(), self.member(name, member))
                });
                Value::Object(redacted.collect::<Map<_, _>>())
            }
            Value::Array(elements) => {
                let shown = elements.iter().take(SHOWN_ELEMENTS);
                let mut redacted: Vec<_> = shown.map(|it| self.member(key, it)).collect();
                if elements.len() > SHOWN_ELEMENTS {
                    let more = elements.len() - SHOWN_ELEMENTS;
                    redacted.push(format!("… {more} more").into());
                }
                redacted.into()
            }
            Value::Number(_) if !KEPT_NUMBERS.contains(&key) => self.id(&value.to_string()).into(),
            Value::String(text) => self.text(key, text).into(),
            other => other.clone(),
        }
    }

    fn text(&mut self, key: &str, text: &str) -> String {
        // The delivery log has bodies and headers as text.
        if let Ok(nested @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
            return self.value(&nested).to_string();
        }
        let is_date = text.len() >= "2026-01-01T00:00:00".len() && parse_time(text).is_some();
        if text.is_empty() || is_date || KEPT_TEXTS.contains(&key) && text.len() < 40 {
            return text.to_owned();
        }
        if self.is_own(text) {
            return text.to_owned();
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.id(text);
        }
        let number = number_of(&mut self.texts, text);
        format!("‹text {number}›")
    }

    /// Whether it is a title that the rehearsal gave, or one that the portal made of it.
    fn is_own(&self, text: &str) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b" ().-".contains(&byte);
        text.contains(&self.token) && text.len() <= LONGEST_OWN_TEXT && text.bytes().all(is_plain)
    }

    fn id(&mut self, text: &str) -> String {
        let number = number_of(&mut self.ids, text);
        format!("‹id {number}›")
    }

    /// A path in which ids and values of the query are replaced.
    pub(super) fn path(&mut self, path: &str) -> String {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let segments: Vec<_> = path
            .split('/')
            .map(|segment| self.segment(segment))
            .collect();
        let mut redacted = segments.join("/");
        for (position, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = match name {
                "count" | "startIndex" => value.to_owned(),
                _ => self.segment(value),
            };
            redacted.push(if position == 0 { '?' } else { '&' });
            // Writing to a string cannot fail.
            let _ = write!(redacted, "{name}={value}");
        }
        redacted
    }

    fn segment(&mut self, segment: &str) -> String {
        let is_word = |byte: u8| byte.is_ascii_alphabetic() || byte == b'@';
        if segment.bytes().all(is_word) {
            segment.to_owned()
        } else {
            self.text("", segment)
        }
    }
}

/// Whether a key is the name of a member. In some objects keys are ids.
fn is_name(key: &str) -> bool {
    key.len() <= 40
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
}

fn number_of(numbers: &mut BTreeMap<String, usize>, text: &str) -> usize {
    let next = numbers.len() + 1;
    *numbers.entry(text.to_owned()).or_insert(next)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_known_to_be_harmless_is_replaced() {
        let mut redaction = Redaction::new("1a2b3c4d");
        let body = json!({
            "id": 539_564, "folderId": 539_564, "rootId": "86193", "status": 2,
            "title": "rehearsal-1a2b3c4d (1).txt", "other": "Salary 1a2b3c4d/of Müller",
            "createdBy": { "displayName": "Olga Owner", "email": "olga@example.com" },
            "updated": "2026-03-02T11:14:31.0000000+02:00", "trigger": "file.moved",
            "securityByUsers": { "3e7a4f10-6c1d-4f1e-bb1d-0d8f4f9a2c33": true },
            "requestPayload": r#"{"payload":{"id":539564,"createBy":"Olga Owner"}}"#,
        });
        assert_eq!(
            redaction.value(&body),
            json!({
                "id": "‹id 1›", "folderId": "‹id 1›", "rootId": "‹id 2›", "status": 2,
                "title": "rehearsal-1a2b3c4d (1).txt", "other": "‹text 3›",
                "createdBy": { "displayName": "‹text 1›", "email": "‹text 2›" },
                "updated": "2026-03-02T11:14:31.0000000+02:00", "trigger": "file.moved",
                "securityByUsers": { "‹key›": true },
                "requestPayload": r#"{"payload":{"createBy":"‹text 1›","id":"‹id 1›"}}"#,
            })
        );
        assert_eq!(
            redaction.path("files/folder/539564/path?count=100&id=ab-12"),
            "files/folder/‹id 1›/path?count=100&id=‹text 4›"
        );
    }

    #[test]
    fn long_lists_are_cut() {
        let mut redaction = Redaction::new("1a2b3c4d");
        let list = json!(vec![true; 7]);
        assert_eq!(
            redaction.value(&list),
            json!([true, true, true, true, true, "… 2 more"])
        );
    }
}
