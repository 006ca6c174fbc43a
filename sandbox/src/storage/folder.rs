//! Folders, rooms and sections.

use jiff::Timestamp;

use super::activity::Activity;
use super::link::Link;
use crate::ids::FolderId;
use crate::level::AccessLevel;
use crate::room_kind::RoomKind;
use crate::user::User;

/// A folder. A room is a folder with members, and a section is a folder without a parent.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub(crate) id: FolderId,
    pub(crate) parent: Option<FolderId>,
    /// The folder from which it was moved to the trash, if it is there.
    pub(crate) trashed_from: Option<FolderId>,
    pub(crate) title: String,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) created_by: User,
    /// Whether the service account has no right to put anything into it.
    pub(crate) read_only: bool,
    pub(crate) kind: FolderKind,
    pub(crate) links: Vec<Link>,
    /// Its own activity log, oldest entry first.
    pub(crate) activities: Vec<Activity>,
}

/// What a folder is.
#[derive(Clone, Debug)]
pub(crate) enum FolderKind {
    Section(Section),
    Room(Room),
    Plain,
}

/// A section: a folder without a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// My documents of the account that created the folder.
    Personal,
    /// The trash of the account that created the folder.
    Trash,
    Rooms,
    Archive,
    Templates,
}

impl Section {
    /// DocSpace's number for it, in `rootFolderType`.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Personal => 5,
            Self::Trash => 3,
            Self::Rooms => 14,
            Self::Archive => 20,
            Self::Templates => 30,
        }
    }
}

/// What a room has beyond a folder.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) kind: RoomKind,
    pub(crate) tags: Vec<String>,
    /// The colour of its logo, six hexadecimal digits.
    pub(crate) color: String,
    /// Whether the service account has pinned it.
    pub(crate) pinned: bool,
    /// Its members, without the owner, who created it.
    pub(crate) members: Vec<Member>,
}

/// The colour of the logo of a room for which no other was chosen.
const DEFAULT_COLOR: &str = "FF6680";

impl Room {
    /// A room without tags and members.
    pub(crate) fn new(kind: RoomKind) -> Self {
        Self {
            kind,
            tags: Vec::new(),
            color: DEFAULT_COLOR.to_owned(),
            pinned: false,
            members: Vec::new(),
        }
    }

    /// Gives a member another access level, adds a member, or removes one for whom the level is none.
    pub(crate) fn set_access(&mut self, subject: &Subject, level: AccessLevel) {
        let known = self
            .members
            .iter_mut()
            .find(|member| member.subject == *subject);
        match known {
            Some(member) => member.level = level,
            None => self.members.push(Member {
                subject: subject.clone(),
                level,
            }),
        }
        self.members
            .retain(|member| member.level != AccessLevel::None);
    }

    /// The level of a member; none for others.
    pub(crate) fn access(&self, subject: &Subject) -> AccessLevel {
        let member = self
            .members
            .iter()
            .find(|member| member.subject == *subject);
        member.map_or(AccessLevel::None, |member| member.level)
    }
}

/// A member of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) subject: Subject,
    pub(crate) level: AccessLevel,
}

/// Whom a room is shared with, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Person(String),
    Group(String),
}

impl Folder {
    /// What it has beyond a folder, if it is a room.
    pub(crate) fn room(&self) -> Option<&Room> {
        match &self.kind {
            FolderKind::Room(room) => Some(room),
            FolderKind::Section(_) | FolderKind::Plain => None,
        }
    }

    /// The same, to change it.
    pub(crate) fn room_mut(&mut self) -> Option<&mut Room> {
        match &mut self.kind {
            FolderKind::Room(room) => Some(room),
            FolderKind::Section(_) | FolderKind::Plain => None,
        }
    }

    pub(crate) fn is_room(&self) -> bool {
        self.room().is_some()
    }

    pub(crate) fn room_kind(&self) -> Option<RoomKind> {
        self.room().map(|room| room.kind)
    }

    /// Which section it is; `None` for a room or a plain folder.
    pub(crate) fn section(&self) -> Option<Section> {
        match self.kind {
            FolderKind::Section(section) => Some(section),
            FolderKind::Room(_) | FolderKind::Plain => None,
        }
    }
}

/// A folder or room to add.
#[derive(Clone, Debug)]
pub(crate) struct NewFolder<'a> {
    pub(crate) parent: &'a FolderId,
    pub(crate) title: &'a str,
    pub(crate) room: Option<Room>,
    pub(crate) by: User,
}
