//! Values that deliveries and API responses have in common: dates, and the numbers of DocSpace's
//! enumerations.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer};

/// Reads a date of DocSpace: with `Z`, with the portal's offset, or without a zone, which counts as UTC
/// (docs/DOCSPACE.md 1.1, 5.1). Fractions are cut off: only some server versions and databases have them, and
/// the effect key must not depend on that.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let time = text.parse::<Timestamp>().ok().or_else(|| {
        let without_zone: DateTime = text.parse().ok()?;
        Some(without_zone.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })?;
    Timestamp::from_second(time.as_second()).ok()
}

/// Deserializes a date that may be absent, null or unreadable; all three give `None`.
pub(crate) fn optional_time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.as_deref().and_then(parse_time))
}

/// The kind of a room: `roomType` (docs/DOCSPACE.md 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "i64")]
pub enum RoomType {
    /// For filling in forms. Takes only PDF forms.
    FormFilling,
    /// For working on documents together.
    Collaboration,
    /// With access settings of its own.
    Custom,
    /// Open to anyone who has the link.
    Public,
    /// For confidential documents.
    DataRoom,
    /// With an AI agent.
    Ai,
    /// A type that this program does not know.
    Other,
}

impl RoomType {
    /// The types that rules can name.
    pub const NAMED: [Self; 6] = [
        Self::FormFilling,
        Self::Collaboration,
        Self::Custom,
        Self::Public,
        Self::DataRoom,
        Self::Ai,
    ];

    /// The type in a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Self::FormFilling => "form filling",
            Self::Collaboration => "collaboration",
            Self::Custom => "custom",
            Self::Public => "public",
            Self::DataRoom => "data room",
            Self::Ai => "AI",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for RoomType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl From<i64> for RoomType {
    fn from(number: i64) -> Self {
        match number {
            1 => Self::FormFilling,
            2 => Self::Collaboration,
            5 => Self::Custom,
            6 => Self::Public,
            8 => Self::DataRoom,
            9 => Self::Ai,
            _ => Self::Other,
        }
    }
}

/// The kind of a folder, as `rootFolderType` gives it for the section and `parentRoomType` for the room
/// (docs/DOCSPACE.md 2.1, 5.2). Its numbers are not those of [`RoomType`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "i64")]
pub enum FolderType {
    /// The trash of an account.
    Trash,
    /// The private documents of an account.
    MyDocuments,
    /// The section that contains all rooms.
    Rooms,
    /// A room for filling in forms.
    FormFillingRoom,
    /// The section of archived rooms, where nothing can be changed.
    Archive,
    /// Any other kind.
    Other,
}

impl From<i64> for FolderType {
    fn from(number: i64) -> Self {
        match number {
            3 => Self::Trash,
            5 => Self::MyDocuments,
            14 => Self::Rooms,
            15 => Self::FormFillingRoom,
            20 => Self::Archive,
            _ => Self::Other,
        }
    }
}

/// The access level of an account in a room: `access` (docs/DOCSPACE.md 2.1, A1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "i64")]
pub enum AccessLevel {
    /// No share: the room's owner, or an account that is not a member (docs/DOCSPACE.md 5.2).
    None,
    /// Manages the room, and may move files of other people (docs/DOCSPACE.md 1.9).
    RoomManager,
    /// May add files, and manage its own (docs/DOCSPACE.md A1.6).
    ContentCreator,
    /// Any other level.
    Other,
}

impl From<i64> for AccessLevel {
    fn from(number: i64) -> Self {
        match number {
            0 => Self::None,
            9 => Self::RoomManager,
            11 => Self::ContentCreator,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_and_without_zone() {
        let expected: Timestamp = "2026-03-02T09:14:31Z".parse().unwrap();
        for text in [
            "2026-03-02T09:14:31Z",
            "2026-03-02T11:14:31.0000000+02:00",
            "2026-03-02T09:14:31",
            "2026-03-02T09:14:31.9999999Z",
        ] {
            assert_eq!(parse_time(text), Some(expected), "{text}");
        }
        assert_eq!(parse_time("yesterday"), None);
    }

    #[test]
    fn numbers_become_enums() {
        let room = |json: &str| serde_json::from_str::<RoomType>(json).unwrap();
        assert_eq!(room("1"), RoomType::FormFilling);
        assert_eq!(room("8"), RoomType::DataRoom);
        assert_eq!(room("99"), RoomType::Other);
        let folder = |json: &str| serde_json::from_str::<FolderType>(json).unwrap();
        assert_eq!(folder("3"), FolderType::Trash);
        assert_eq!(folder("15"), FolderType::FormFillingRoom);
        assert_eq!(folder("34"), FolderType::Other);
    }
}
