//! Facts: what is known about an event when the rules decide it, and what is missing.

use std::fmt;

use crate::docspace::{FileInfo, FolderInfo, GroupInfo, Profile};
use crate::event::Event;
use crate::ids::{FileId, FolderId};

/// What is known about an event when it is decided.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The event itself.
    pub event: &'a Event,
    /// The body of the delivery, for conditions on its members.
    pub body: Option<&'a [u8]>,
    /// The rules whose own actions caused the event: the last one, and those that led to it.
    pub caused_by: &'a [String],
    /// The file in the portal, if it was looked up.
    pub file: Option<Lookup<FileInfo>>,
    /// The folders from the topmost one down to the file's own, if they were looked up.
    pub path: Option<Lookup<Vec<FolderId>>>,
    /// The room, if it was looked up; `Some(Found(None))` if the folder is in none.
    pub room: Option<Lookup<Option<FolderInfo>>>,
    /// The id of the API key's user, if it was looked up.
    pub current_user: Option<String>,
    /// The account that acted, if it was looked up.
    pub actor: Option<Lookup<Profile>>,
    /// The groups of the account that acted, if they were looked up.
    pub actor_groups: Option<Lookup<Vec<GroupInfo>>>,
    /// What was looked up in the portal, in order; not what was in a cache.
    pub lookups: Vec<MissingFact>,
}

impl<'a> Facts<'a> {
    /// What the delivery alone says, except for members of it that only conditions name.
    pub fn of(event: &'a Event) -> Self {
        Self {
            event,
            body: None,
            caused_by: &[],
            file: None,
            path: None,
            room: None,
            current_user: None,
            actor: None,
            actor_groups: None,
            lookups: Vec::new(),
        }
    }

    /// What a delivery with this body alone says.
    pub fn delivered(event: &'a Event, body: &'a [u8]) -> Self {
        Self {
            body: Some(body),
            ..Self::of(event)
        }
    }

    /// The same about a file that a listing described.
    pub fn listed(event: &'a Event, file: FileInfo) -> Self {
        Self {
            file: Some(Lookup::Found(file)),
            ..Self::of(event)
        }
    }
}

/// The result of looking up an entry in the portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// The entry exists.
    Found(T),
    /// The entry no longer exists.
    NotFound,
}

/// What must be looked up in the portal before an event can be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingFact {
    /// The file itself: the delivery does not name its folder, title or time of change.
    File(FileId),
    /// The folders above this one.
    Path(FolderId),
    /// The room of this folder.
    Room(FolderId),
    /// The user of the API key.
    CurrentUser,
    /// The account with this id.
    Account(String),
    /// The groups of the account with this id.
    Groups(String),
}

impl fmt::Display for MissingFact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(formatter, "file {file}"),
            Self::Path(folder) => write!(formatter, "the path of folder {folder}"),
            Self::Room(folder) => write!(formatter, "the room of folder {folder}"),
            Self::CurrentUser => formatter.write_str("the user of the API key"),
            Self::Account(id) => write!(formatter, "the account {id}"),
            Self::Groups(id) => write!(formatter, "the groups of the account {id}"),
        }
    }
}
