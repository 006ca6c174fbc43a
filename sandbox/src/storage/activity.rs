//! The activity log: what was done to a file or folder, and by whom (docs/DOCSPACE.md A1.7).

use jiff::Timestamp;
use serde_json::Value;

use crate::user::User;

/// An entry of the activity log of a file or folder.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    pub(crate) action: Action,
    pub(crate) by: User,
    pub(crate) at: Timestamp,
    /// What the entry says of it, such as the titles before and after it.
    pub(crate) data: Value,
}

impl Activity {
    /// Whether another entry is folded into this one: the same action of the same person in the same minute.
    pub(crate) fn is_folded_with(&self, other: &Self) -> bool {
        self.action == other.action
            && self.by == other.by
            && self.at.as_second() / 60 == other.at.as_second() / 60
    }
}

/// What was done. The log calls a save in the editor and an upload that overwrites the file the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Created,
    Renamed,
    Locked,
    Unlocked,
    Uploaded,
    Copied,
    Moved,
    Trashed,
    Deleted,
    FolderCreated,
    FolderRenamed,
    Updated,
    Converted,
    RoomCreated,
    RoomRenamed,
    RoomArchived,
    RoomAccessChanged,
    TagsAdded,
    MemberRemoved,
    MemberAdded,
    LinkCreated,
    GroupAdded,
}

impl Action {
    /// DocSpace's number and name for it.
    pub(crate) fn id_and_key(self) -> (u16, &'static str) {
        match self {
            Self::Created => (5000, "FileCreated"),
            Self::Renamed => (5001, "FileRenamed"),
            Self::Locked => (5006, "FileLocked"),
            Self::Unlocked => (5007, "FileUnlocked"),
            Self::Uploaded => (5011, "FileUploaded"),
            Self::Copied => (5013, "FileCopied"),
            Self::Moved => (5015, "FileMoved"),
            Self::Trashed => (5017, "FileMovedToTrash"),
            Self::Deleted => (5018, "FileDeleted"),
            Self::FolderCreated => (5019, "FolderCreated"),
            Self::FolderRenamed => (5020, "FolderRenamed"),
            Self::Updated => (5034, "UserFileUpdated"),
            Self::Converted => (5035, "FileConverted"),
            Self::RoomCreated => (5070, "RoomCreated"),
            Self::RoomRenamed => (5071, "RoomRenamed"),
            Self::RoomArchived => (5072, "RoomArchived"),
            Self::RoomAccessChanged => (5075, "RoomUpdateAccessForUser"),
            Self::TagsAdded => (5078, "AddedRoomTags"),
            Self::MemberRemoved => (5084, "RoomRemoveUser"),
            Self::MemberAdded => (5085, "RoomCreateUser"),
            Self::LinkCreated => (5088, "RoomExternalLinkCreated"),
            Self::GroupAdded => (5094, "RoomGroupAdded"),
        }
    }
}
