//! The ids of files, folders, webhooks and events.
//!
//! DocSpace numbers the entries of its own storage and uses strings for those of connected third-party storage,
//! so a file or folder id is kept as text here. A request may quote a number (docs/DOCSPACE.md 2.3).

use std::fmt;

use serde::{Deserialize, Serialize};

/// The id of a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "JsonId", into = "JsonId")]
pub struct FileId(String);

/// The id of a folder. A room is a folder, and so is the Rooms section that holds the rooms.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "JsonId", into = "JsonId")]
pub struct FolderId(String);

/// The number of a webhook (`webhook.id`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WebhookId(pub i64);

/// The number of a row of the delivery log (`event.id`): the same in all attempts of one delivery, different for
/// each webhook and after a manual retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventId(pub i64);

impl FileId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FolderId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<i64> for FileId {
    fn from(number: i64) -> Self {
        Self(number.to_string())
    }
}

impl From<i64> for FolderId {
    fn from(number: i64) -> Self {
        Self(number.to_string())
    }
}

impl From<&str> for FileId {
    fn from(text: &str) -> Self {
        Self(text.trim().to_owned())
    }
}

impl From<&str> for FolderId {
    fn from(text: &str) -> Self {
        Self(text.trim().to_owned())
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for FolderId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A file or folder id as JSON carries it: a number wherever the text is one.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum JsonId {
    Number(i64),
    Text(String),
}

impl From<&str> for JsonId {
    fn from(id: &str) -> Self {
        id.parse()
            .map_or_else(|_| Self::Text(id.to_owned()), Self::Number)
    }
}

impl From<FileId> for JsonId {
    fn from(id: FileId) -> Self {
        Self::from(id.as_str())
    }
}

impl From<FolderId> for JsonId {
    fn from(id: FolderId) -> Self {
        Self::from(id.as_str())
    }
}

impl From<JsonId> for FileId {
    fn from(id: JsonId) -> Self {
        match id {
            JsonId::Number(number) => Self::from(number),
            JsonId::Text(text) => Self::from(text.as_str()),
        }
    }
}

impl From<JsonId> for FolderId {
    fn from(id: JsonId) -> Self {
        match id {
            JsonId::Number(number) => Self::from(number),
            JsonId::Text(text) => Self::from(text.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_keep_their_kind_in_json() {
        let check = |read: &str, text: &str, written: &str| {
            let id: FileId = serde_json::from_str(read).unwrap();
            assert_eq!(id, FileId::from(text));
            assert_eq!(serde_json::to_string(&id).unwrap(), written);
        };
        check("1482901", "1482901", "1482901");
        check(r#"" 1482901 ""#, "1482901", "1482901");
        check(
            r#""drive-12-|1Zk3""#,
            "drive-12-|1Zk3",
            r#""drive-12-|1Zk3""#,
        );
    }
}
