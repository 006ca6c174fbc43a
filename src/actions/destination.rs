//! A folder that a plan names: by its id, or as the result of an action before it in the rule.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::ids::FolderId;
use crate::results::{ResultName, Results};
use crate::rules::PlacedIn;
use crate::table_reader::FieldValue;

use super::attempt::AttemptOutcome;

/// How rules and stored plans name the results. No folder of a portal has such an id.
const RESULT: &str = "{result.folder}";
const NEW_ROOM: &str = "{result.room}";

/// A folder that a plan names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "FolderId")]
pub enum Destination {
    /// This one.
    Folder(FolderId),
    /// The one that an action before it in the rule has left.
    Result,
    /// The room that an action before it in the rule has created.
    NewRoom,
}

impl Destination {
    /// An id, or the name of a result.
    pub(super) fn parse(value: &FieldValue<'_>) -> Option<Self> {
        match value.as_text() {
            Some(RESULT) => Some(Self::Result),
            Some(NEW_ROOM) => Some(Self::NewRoom),
            _ => value.folder_id().map(Self::Folder),
        }
    }

    /// The folder, if the plan says which.
    pub(super) fn folder(&self) -> Option<&FolderId> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Result | Self::NewRoom => None,
        }
    }

    /// Where an action puts something that names it.
    pub(super) fn placed_in(&self) -> PlacedIn {
        match self {
            Self::Folder(folder) => PlacedIn::Folder(folder.clone()),
            Self::Result => PlacedIn::Result,
            Self::NewRoom => PlacedIn::NewRoom,
        }
    }

    /// The results that it names.
    pub(super) fn uses(&self) -> Vec<ResultName> {
        self.result().into_iter().collect()
    }

    fn result(&self) -> Option<ResultName> {
        match self {
            Self::Folder(_) => None,
            Self::Result => Some(ResultName::Folder),
            Self::NewRoom => Some(ResultName::Room),
        }
    }

    /// The folder for an action before which others have left these results.
    pub(super) fn resolve(&self, results: &Results) -> Result<FolderId, AttemptOutcome> {
        let result = self.result().and_then(|name| results.get(name));
        let result = || result.and_then(FolderId::new);
        let folder = self.folder().cloned().or_else(result);
        folder.ok_or_else(|| AttemptOutcome::Dead {
            code: "no_result",
            reason: format!("no action before this one in its rule has left a {self}"),
            intent: None,
        })
    }
}

impl From<FolderId> for Destination {
    fn from(folder: FolderId) -> Self {
        match folder.as_str() {
            RESULT => Self::Result,
            NEW_ROOM => Self::NewRoom,
            _ => Self::Folder(folder),
        }
    }
}

impl Serialize for Destination {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Folder(folder) => folder.serialize(serializer),
            Self::Result => serializer.serialize_str(RESULT),
            Self::NewRoom => serializer.serialize_str(NEW_ROOM),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.fmt(formatter),
            Self::Result => formatter.write_str(RESULT),
            Self::NewRoom => formatter.write_str(NEW_ROOM),
        }
    }
}
