//! Copy and move: asynchronous operations, and how to read what became of them (docs/DOCSPACE.md 4).

use std::sync::PoisonError;

use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::ids::{FileId, FolderId};

use super::files::FileInfo;
use super::{ApiResponse, Client, Error, path_segment};

/// Finished results of others that are remembered; more than ever wait at a time.
const FOUND_RESULTS: usize = 256;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Makes a new file in the destination.
    Copy,
    /// Puts the same file into the destination.
    Move,
}

impl OperationKind {
    fn path(self) -> &'static str {
        match self {
            Self::Copy => "files/fileops/copy",
            Self::Move => "files/fileops/move",
        }
    }

    /// The `Operation` member of its status (docs/DOCSPACE.md 4.4).
    fn number(self) -> i64 {
        match self {
            Self::Move => 0,
            Self::Copy => 1,
        }
    }
}

/// What the portal does when the destination holds a file of the same title (docs/DOCSPACE.md 4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conflict {
    /// A copy gets a number, a moved file stands beside the other; nothing is overwritten or left out.
    #[default]
    Duplicate,
    /// The file that is there gets a new version; a moved file becomes that version.
    Overwrite,
    /// Nothing is done, and that is no error.
    Skip,
}

impl Conflict {
    /// Whether it is what is done when nothing else is asked for.
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde asks with a reference"
    )]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Its `conflictResolveType` (docs/DOCSPACE.md 4.1).
    fn number(self) -> u8 {
        match self {
            Self::Skip => 0,
            Self::Overwrite => 1,
            Self::Duplicate => 2,
        }
    }
}

/// An operation's id in the portal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct OperationId(String);

impl OperationId {
    /// Takes the portal's text.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The portal's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Files in one call at the most; the portal names no bound, and its log and ours stay readable so.
pub const FILES_IN_ONE_CALL: usize = 100;

/// An operation on one or more files, as one read of it shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// The portal's number for what it does.
    number: i64,
    /// How far it is.
    pub state: OperationState,
}

/// How far an operation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationState {
    /// Queued or running.
    Pending,
    /// Finished, cancelled or failed.
    Ended(Results),
}

/// What an operation that has ended left behind (docs/DOCSPACE.md 4.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// The resulting files in the order of the call, without those that were not handled: a new one for a
    /// copy, the same one for a move, the one that was there where it was overwritten.
    pub files: Vec<FileInfo>,
    /// How many files were handled.
    pub processed: Option<usize>,
    /// The portal's words about the last file that failed, in its user's language; it does not say which
    /// file that was.
    pub error: Option<String>,
}

impl Operation {
    /// Whether it is of this kind and has not ended.
    pub fn is_pending(&self, kind: OperationKind) -> bool {
        self.number == kind.number() && self.state == OperationState::Pending
    }
}

impl Client {
    /// Asks the portal to copy or move files; `None` when it accepted but did not name the operation,
    /// which portals before 3.2.1 leave to guessing. One bad file refuses all of them (docs/DOCSPACE.md 4.3).
    pub async fn start(
        &self,
        kind: OperationKind,
        files: &[&FileId],
        to: &FolderId,
        conflict: Conflict,
    ) -> Result<Option<Operation>, Error> {
        let request = Request {
            file_ids: files,
            folder_ids: [],
            dest_folder_id: to,
            conflict_resolve_type: conflict.number(),
            delete_after: false,
            content: false,
            return_single_operation: true,
        };
        let answer: ApiResponse<Vec<OperationDto>> =
            self.send(Method::PUT, kind.path(), Some(&request)).await?;
        let mut operations: Vec<Operation> =
            answer.response.into_iter().map(Operation::from).collect();
        if operations.len() > 1 {
            operations.retain(|operation| operation.is_pending(kind));
        }
        Ok(if operations.len() == 1 {
            operations.pop()
        } else {
            None
        })
    }

    /// How far an operation is; `None` when the portal shows nothing, which proves neither success
    /// nor failure. A result is shown once (docs/DOCSPACE.md 4.4).
    pub async fn operation(&self, id: &OperationId) -> Result<Option<Operation>, Error> {
        if let Some(operation) = self.take_found(id) {
            return Ok(Some(operation));
        }
        let path = format!("files/fileops?id={}", path_segment(id.as_str()));
        let answer: ApiResponse<Vec<OperationDto>> = self.get(&path).await?;
        Ok(answer
            .response
            .into_iter()
            .map(Operation::from)
            .find(|operation| operation.id == *id))
    }

    /// All operations of the key's user that have not ended.
    ///
    /// This read takes the results of ended ones away from whoever waits for them (docs/DOCSPACE.md 4.4 rule
    /// 4), so they are kept for [`Client::operation`].
    pub async fn pending_operations(&self) -> Result<Vec<Operation>, Error> {
        let answer: ApiResponse<Vec<OperationDto>> = self.get("files/fileops").await?;
        let (pending, ended): (Vec<_>, Vec<_>) = answer
            .response
            .into_iter()
            .map(Operation::from)
            .partition(|operation| operation.state == OperationState::Pending);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.extend(ended);
        let surplus = found.len().saturating_sub(FOUND_RESULTS);
        found.drain(..surplus);
        Ok(pending)
    }

    fn take_found(&self, id: &OperationId) -> Option<Operation> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let position = found.iter().position(|operation| operation.id == *id)?;
        Some(found.swap_remove(position))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    file_ids: &'a [&'a FileId],
    folder_ids: [&'a FolderId; 0],
    dest_folder_id: &'a FolderId,
    conflict_resolve_type: u8,
    /// Not what it is called: `false` holds the result until it is read (docs/DOCSPACE.md 4.1).
    delete_after: bool,
    content: bool,
    /// Without it the call takes away the results of all our other operations (docs/DOCSPACE.md 4.4).
    return_single_operation: bool,
}

#[derive(Deserialize)]
struct OperationDto {
    id: OperationId,
    #[serde(rename = "Operation", alias = "operation")]
    number: i64,
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
        /// Beyond this status an operation has ended: completed, cancelled or failed.
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

    fn read(name: &str) -> Vec<Operation> {
        let path = format!("{}/tests/data/api/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let answer: ApiResponse<Vec<OperationDto>> =
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        answer.response.into_iter().map(Operation::from).collect()
    }

    #[test]
    fn an_operation_tells_what_it_handled() {
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
