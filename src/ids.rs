//! The ids that DocSpace assigns to files, folders, webhooks and events, and our own.
//!
//! Files in the portal's own storage have numeric ids, files of connected third-party storage have
//! strings such as `drive-12-|1Zk3Qp`; both occur on the same portal (docs/DOCSPACE.md 2.3). Both are kept
//! in text form, and written to JSON in their original form.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Maximum length of an id; PostgreSQL cannot index texts of any length. Ids of third-party storage have some
/// tens of bytes.
const MAX_ID_BYTES: usize = 1000;

/// A number or a string, as DocSpace uses them for files and folders.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct EntryId(String);

impl EntryId {
    fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (1..=MAX_ID_BYTES)
            .contains(&text.len())
            .then(|| Self(text.to_owned()))
    }
}

impl Serialize for EntryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.parse::<i64>() {
            Ok(number) => serializer.serialize_i64(number),
            Err(_) => serializer.serialize_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for EntryId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrText;

        impl de::Visitor<'_> for NumberOrText {
            type Value = EntryId;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an id: an integer or a non-empty string")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<EntryId, E> {
                Ok(EntryId(number.to_string()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<EntryId, E> {
                Ok(EntryId(number.to_string()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<EntryId, E> {
                EntryId::new(text).ok_or_else(|| E::custom("the id is empty or too long"))
            }
        }

        deserializer.deserialize_any(NumberOrText)
    }
}

/// Types of their own for the ids of files and folders, which must not be mistaken for each other.
macro_rules! entry_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(EntryId);

        impl $name {
            /// An id from its text form; `None` for a blank text.
            pub fn new(text: &str) -> Option<Self> {
                EntryId::new(text).map(Self)
            }

            /// The id in its text form.
            pub fn as_str(&self) -> &str {
                &self.0.0
            }
        }

        impl From<i64> for $name {
            fn from(number: i64) -> Self {
                Self(EntryId(number.to_string()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    )*};
}

entry_ids! {
    /// A file of the portal.
    FileId;
    /// A folder of the portal. A room is a folder, and so is the Rooms section that contains the rooms.
    FolderId;
}

impl FileId {
    /// Whether the file is in third-party storage.
    pub fn is_third_party(&self) -> bool {
        self.as_str().parse::<i64>().is_err()
    }
}

/// The kinds of third-party storage, which begin the ids of their folders.
const THIRD_PARTY_KINDS: [&str; 6] = ["sbox", "spoint", "drive", "box", "dropbox", "onedrive"];

/// A text that is not the id of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not the id of a room or folder, which is a whole number, or a text such as drive-12-|1Zk3Qp"
)]
pub struct InvalidId;

/// Parses an id as a person writes it: a whole number without leading zeros, or the id of a folder in third-party
/// storage (docs/DOCSPACE.md 2.3).
impl FromStr for FolderId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let is_number = text
            .parse::<i64>()
            .is_ok_and(|number| number > 0 && number.to_string() == text);
        if is_number || is_third_party(text) {
            Self::new(text).ok_or(InvalidId)
        } else {
            Err(InvalidId)
        }
    }
}

/// Whether a text is `<kind>-<account>` or `<kind>-<account>-|<id at the provider>`.
fn is_third_party(text: &str) -> bool {
    let Some((kind, rest)) = text.split_once('-') else {
        return false;
    };
    let (account, entry) = match rest.split_once("-|") {
        Some((account, entry)) => (account, Some(entry)),
        None => (rest, None),
    };
    THIRD_PARTY_KINDS.contains(&kind)
        && account.parse::<u32>().is_ok()
        && entry.is_none_or(|entry| !entry.is_empty() && !entry.contains(char::is_control))
}

/// A webhook's configuration in the portal (`webhook.id`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WebhookId(pub i64);

/// A row of the portal's delivery log (`event.id`): the same on all automatic attempts of one
/// delivery, different for each webhook and after a manual retry (docs/DOCSPACE.md 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventId(pub i64);

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

/// Our id of an event in the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct InboxId(pub i64);

/// The position of an event in the order of events: by time, then by DocSpace's id, then by ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPosition {
    /// The event.
    pub event: InboxId,
    /// When it happened.
    pub at: Timestamp,
    /// DocSpace's id of it; flat bodies have none.
    pub sequence: Option<EventId>,
}

/// One of the instances that share a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InstanceId(pub i64);

impl fmt::Display for InboxId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_as_it_was_read() {
        let check = |json: &str, text: &str| {
            let id: FileId = serde_json::from_str(json).unwrap();
            assert_eq!(id.as_str(), text);
            assert_eq!(serde_json::to_string(&id).unwrap(), json);
        };
        check("1482901", "1482901");
        check("-3", "-3");
        check(r#""drive-12-|1Zk3QpX7""#, "drive-12-|1Zk3QpX7");
    }

    #[test]
    fn a_number_in_quotes_is_the_same_id() {
        let quoted: FolderId = serde_json::from_str(r#"" 539564 ""#).unwrap();
        assert_eq!(quoted, FolderId::from(539_564));
    }

    #[test]
    fn ids_as_people_write_them() {
        for text in [
            "7",
            "539564",
            "drive-12",
            "drive-12-|1Zk3QpX7",
            "sbox-3-|a b",
        ] {
            let id: FolderId = text.parse().unwrap();
            assert_eq!(id.as_str(), text);
        }
        for text in [
            "",
            " 7",
            "0",
            "-3",
            "+7",
            "007",
            "1.5",
            "539564 # client room",
            "539564,539610",
            "\"539564\"",
            "https://portal.example/rooms/shared/filter?folder=539564",
            "99999999999999999999",
            "room",
            "drive-x-|1",
            "drive-12-|",
            "cloud-12-|1",
        ] {
            assert_eq!(text.parse::<FolderId>(), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn an_invalid_id_is_refused() {
        for json in ["null", "1.5", "true", "[]", "{}", r#""""#, r#""  ""#] {
            assert!(serde_json::from_str::<FileId>(json).is_err(), "{json}");
        }
    }
}
