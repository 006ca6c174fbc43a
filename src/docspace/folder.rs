//! A folder or room as the portal describes it, and what is in it (docs/DOCSPACE.md 5.2, 5.3).

use jiff::Timestamp;
use serde::Deserialize;

use crate::ids::FolderId;
use crate::wire::{self, AccessLevel, FolderType, RoomType};

use super::file::FileInfo;

/// A folder. Rooms and sections are folders, too.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FolderInfo {
    /// Its id.
    pub id: FolderId,
    /// Its title.
    #[serde(default)]
    pub title: String,
    /// When it was created, in whole seconds.
    #[serde(default, deserialize_with = "wire::optional_time")]
    pub created: Option<Timestamp>,
    /// When it last changed, in whole seconds.
    #[serde(default, deserialize_with = "wire::optional_time")]
    pub updated: Option<Timestamp>,
    /// The kind of room that it is; `None` if it is not a room.
    pub room_type: Option<RoomType>,
    /// Its tags, if it is a room.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The kind of room that it is in.
    pub parent_room_type: Option<FolderType>,
    /// The section that it is in: for everything in rooms, the Rooms section (docs/DOCSPACE.md 2.2).
    pub root_folder_id: Option<FolderId>,
    /// The kind of that section.
    pub root_folder_type: Option<FolderType>,
    /// The number of folders directly in it.
    pub folders_count: Option<u64>,
    /// Whether the key's user is a member in person, if it is a room and the portal says so.
    pub in_room: Option<bool>,
    /// The access level of the key's user.
    pub access: Option<AccessLevel>,
    /// What the key's user may do with it, if the portal says so.
    pub security: Option<FolderRights>,
}

impl FolderInfo {
    /// Whether it is, or is in, a form-filling room, which accepts only PDF forms.
    pub fn accepts_only_forms(&self) -> bool {
        self.room_type == Some(RoomType::FormFilling)
            || self.parent_room_type == Some(FolderType::FormFillingRoom)
    }

    /// Whether the key's user may create files and folders in it, if the portal says so.
    pub fn may_create_in(&self) -> Option<bool> {
        self.security.and_then(|rights| rights.create)
    }

    /// Whether it is a section, such as Rooms.
    pub fn is_section(&self) -> bool {
        self.root_folder_id.as_ref() == Some(&self.id)
    }
}

/// What the key's user may do with a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FolderRights {
    /// Create something in it.
    pub create: Option<bool>,
    /// Copy something into it.
    pub copy_to: Option<bool>,
    /// Move something into it.
    pub move_to: Option<bool>,
    /// Change it, if it is a room.
    pub edit_room: Option<bool>,
    /// Share it, if it is a room.
    pub edit_access: Option<bool>,
}

/// What is directly in a folder, or a page of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderContent {
    /// Its files.
    pub files: Vec<FileInfo>,
    /// Its folders.
    pub folders: Vec<FolderInfo>,
}
