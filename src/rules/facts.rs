//! Facts: what is known about an event when the rules decide it, and what is missing.

use std::fmt;

use crate::docspace::FileInfo;
use crate::event::Event;
use crate::ids::{FileId, FolderId};

/// What is known about an event when it is decided.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The event itself.
    pub event: &'a Event,
    /// The portal's answer about the file, if it was asked.
    pub file: Option<&'a Lookup<FileInfo>>,
    /// The folders from the topmost one down to the file's own, if the portal was asked.
    pub path: Option<&'a Lookup<Vec<FolderId>>>,
    /// The id of the API key's user, if the portal was asked.
    pub current_user: Option<&'a str>,
    /// The rules whose own actions caused the event: the last one, and those that led to it.
    pub caused_by: &'a [String],
}

impl<'a> Facts<'a> {
    /// What the delivery alone says.
    pub fn of(event: &'a Event) -> Self {
        Self {
            event,
            file: None,
            path: None,
            current_user: None,
            caused_by: &[],
        }
    }
}

/// The portal's answer to a question about an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// The entry exists.
    Found(T),
    /// The entry no longer exists.
    NotFound,
}

/// What the portal must be asked before an event can be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingFact {
    /// The file itself: the delivery does not name its folder, title or time of change.
    File(FileId),
    /// The folders above this one.
    Path(FolderId),
    /// The user of the API key.
    CurrentUser,
}

impl fmt::Display for MissingFact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(formatter, "file {file}"),
            Self::Path(folder) => write!(formatter, "the path of folder {folder}"),
            Self::CurrentUser => formatter.write_str("the user of the API key"),
        }
    }
}
