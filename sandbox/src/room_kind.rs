//! The kinds of rooms and DocSpace's numbers for them (docs/DOCSPACE.md 5.3).

use serde_json::Value;

/// The kind of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoomKind {
    Collaboration,
    Custom,
    Data,
    FormFilling,
    Public,
}

impl RoomKind {
    /// The kind with this number or name, both of which .NET accepts.
    pub(super) fn requested(given: &Value) -> Option<Self> {
        let text = given
            .as_str()
            .map_or_else(|| given.to_string(), str::to_lowercase);
        match text.as_str() {
            "1" | "fillingformsroom" => Some(Self::FormFilling),
            "2" | "editingroom" => Some(Self::Collaboration),
            "5" | "customroom" => Some(Self::Custom),
            "6" | "publicroom" => Some(Self::Public),
            "8" | "virtualdataroom" => Some(Self::Data),
            _ => None,
        }
    }

    /// DocSpace's number for it in `roomType`.
    pub(super) fn room_type(self) -> u8 {
        match self {
            Self::FormFilling => 1,
            Self::Collaboration => 2,
            Self::Custom => 5,
            Self::Public => 6,
            Self::Data => 8,
        }
    }

    /// DocSpace's number for it in `parentRoomType` and `folderType`.
    pub(super) fn folder_type(self) -> u8 {
        match self {
            Self::FormFilling => 15,
            Self::Collaboration => 16,
            Self::Custom => 19,
            Self::Public => 22,
            Self::Data => 29,
        }
    }
}
