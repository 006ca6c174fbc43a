//! A copy or move operation of the portal (docs/DOCSPACE.md 4).

use serde::{Deserialize, Serialize};

use super::file::FileInfo;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Creates a new file in the destination.
    Copy,
    /// Puts the same file into the destination.
    Move,
}

impl OperationKind {
    /// The number of its operations.
    pub fn number(self) -> OperationNumber {
        OperationNumber(match self {
            Self::Move => 0,
            Self::Copy => 1,
        })
    }
}

/// The portal's number for a kind of operation: the member `Operation` of its status (docs/DOCSPACE.md 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct OperationNumber(i64);

impl OperationNumber {
    /// Deleting, also to the trash.
    pub const DELETE: Self = Self(2);
    /// Moving a room to the Archive; the same as moving.
    pub const ARCHIVE: Self = Self(0);
}

/// What the portal does if the destination contains a file of the same title (docs/DOCSPACE.md 4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conflict {
    /// A copy gets a number; a moved file keeps its title, so that there are two files of that title. Nothing
    /// is overwritten or left out.
    #[default]
    Duplicate,
    /// The existing file gets a new version; a moved file becomes that version.
    Overwrite,
    /// The file is left out, without an error.
    Skip,
}

impl Conflict {
    /// Whether it is the default.
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Its `conflictResolveType` (docs/DOCSPACE.md 4.1).
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Skip => 0,
            Self::Overwrite => 1,
            Self::Duplicate => 2,
        }
    }
}

/// The portal's id of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct OperationId(String);

impl OperationId {
    /// The id with this text.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An operation on one or more files, as one read shows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "OperationDto")]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// Its kind.
    number: OperationNumber,
    /// Its progress.
    pub state: OperationState,
}

/// The progress of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationState {
    /// Queued or running.
    Pending,
    /// Completed, cancelled or failed.
    Ended(Results),
}

/// What an operation that has ended left behind (docs/DOCSPACE.md 4.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// The resulting files, without those that were not handled: a new file for a copy, the same file for a
    /// move, the existing file where it was overwritten.
    pub files: Vec<FileInfo>,
    /// How many files were handled.
    pub processed: Option<usize>,
    /// The portal's text about the last file that failed, in the language of the key's user. It does not name
    /// the file.
    pub error: Option<String>,
}

impl Operation {
    /// Whether it is of this kind and has not ended.
    pub fn is_pending(&self, kind: OperationNumber) -> bool {
        self.number == kind && self.state == OperationState::Pending
    }
}

#[derive(Deserialize)]
struct OperationDto {
    id: OperationId,
    #[serde(rename = "Operation", alias = "operation")]
    number: OperationNumber,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    processed: Option<String>,
    #[serde(default)]
    finished: bool,
    #[serde(default)]
    files: Vec<FileInfo>,
    #[serde(default)]
    status: i64,
}

impl From<OperationDto> for Operation {
    fn from(dto: OperationDto) -> Self {
        /// Beyond this status an operation is completed, cancelled or failed.
        const RUNNING: i64 = 1;

        let state = if !dto.finished && dto.status <= RUNNING {
            OperationState::Pending
        } else {
            OperationState::Ended(Results {
                files: dto.files,
                processed: dto.processed.and_then(|count| count.trim().parse().ok()),
                error: dto.error.filter(|error| !error.is_empty()),
            })
        };
        Self {
            id: dto.id,
            number: dto.number,
            state,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{FileId, FolderId};

    fn read(name: &str) -> Vec<Operation> {
        let path = format!("{}/tests/data/api/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let mut body: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        serde_json::from_value(body["response"].take()).unwrap()
    }

    #[test]
    fn the_state_of_an_operation_is_read() {
        let pending = |name: &str| {
            assert_eq!(read(name)[0].state, OperationState::Pending, "{name}");
        };
        pending("api.fileops.copy.queued");
        pending("api.fileops.move.queued");
        pending("api.fileops.status.running");
        pending("api.fileops.status.almost");

        let ended = |name: &str| match &read(name)[0].state {
            OperationState::Ended(results) => results.clone(),
            OperationState::Pending => panic!("{name}"),
        };
        let skipped = ended("api.fileops.status.finished.skipped");
        assert_eq!((skipped.files, skipped.processed), (Vec::new(), Some(0)));
        assert_eq!(skipped.error, None);
        let failed = ended("api.fileops.status.finished.error");
        assert_eq!((failed.files, failed.processed), (Vec::new(), Some(0)));
        assert!(failed.error.is_some());

        let done = |name: &str, id: i64, folder: i64| {
            let results = ended(name);
            assert_eq!(
                (results.processed, results.error),
                (Some(1), None),
                "{name}"
            );
            let [file] = &results.files[..] else {
                panic!("{name}");
            };
            assert_eq!(file.id, FileId::from(id), "{name}");
            assert_eq!(file.folder, FolderId::from(folder), "{name}");
            assert_eq!(file.size_bytes, 48_211, "{name}");
        };
        done("api.fileops.status.finished", 1_482_950, 341_029);
        done("api.fileops.move.finished", 1_482_901, 748_239);

        assert_eq!(read("api.fileops.status.gone"), []);
    }
}
