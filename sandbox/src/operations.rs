//! Copies and moves: the check inside the request. Operations of all kinds: their execution, and the rules by which
//! results can be read (docs/DOCSPACE.md 4). `api::fileops` advances an operation from stage to stage.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::deletion::{Deleted, Deletion};
use super::ids::{FileId, FolderId};
use super::json::Renderer;
use super::refusal::Refusal;
use super::storage::{NewFile, RoomKind, Storage};
use super::user::User;

/// How long the result of a finished operation is kept if it is not read.
const UNREAD_RETENTION: SignedDuration = SignedDuration::from_secs(60);

/// A kind of operation; DocSpace numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Number 0.
    Move,
    /// Number 1.
    Copy,
    /// Number 2.
    Delete,
}

impl Kind {
    fn number(self) -> u8 {
        match self {
            Self::Move => 0,
            Self::Copy => 1,
            Self::Delete => 2,
        }
    }
}

/// What happens if the destination contains a file of the same title.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Conflict {
    /// Nothing, without an error.
    #[default]
    Skip,
    /// The existing file gets a new version.
    Overwrite,
    /// A copy gets another title; a moved file keeps its title.
    Duplicate,
}

/// Whether files are copied or moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transfer {
    Copy,
    Move,
}

/// A request to copy or move files.
#[derive(Clone, Debug)]
pub(super) struct FileRequest {
    pub(super) transfer: Transfer,
    pub(super) files: Vec<FileId>,
    pub(super) destination: FolderId,
    pub(super) conflict: Conflict,
}

const NOT_A_FORM: &str =
    "The file cannot be uploaded to this room. Please try to upload the ONLYOFFICE PDF form.";
const EXISTING_FILE_LOCKED: &str = "The file is locked and cannot be overwritten";

impl FileRequest {
    /// The check inside the request. No file of the sandbox is a PDF form.
    pub(super) fn check(&self, storage: &Storage) -> Result<(), Refusal> {
        let destination = storage
            .folder(&self.destination)
            .ok_or(Refusal::DestinationMissing)?;
        if storage.is_read_only(destination) || destination.parent.is_none() {
            return Err(Refusal::Denied);
        }
        for (position, file) in self.files.iter().enumerate() {
            self.check_file(storage, file, position)?;
        }
        Ok(())
    }

    fn check_file(&self, storage: &Storage, id: &FileId, position: usize) -> Result<(), Refusal> {
        let Some(file) = storage.file(id) else {
            return Err(match position {
                0 => Refusal::Denied,
                _ => Refusal::LaterFileMissing,
            });
        };
        let in_use = self.transfer == Transfer::Move && (file.locked || file.in_editor);
        if in_use || storage.is_file_read_only(file) {
            return Err(Refusal::Denied);
        }
        let room = storage
            .room_of(&self.destination)
            .and_then(|room| room.room);
        if room == Some(RoomKind::FormFilling) {
            return Err(Refusal::DeniedBecause(NOT_A_FORM));
        }
        let existing = storage.same_title(&self.destination, &file.title);
        if let (Conflict::Overwrite, Some(existing)) = (self.conflict, existing) {
            if existing.locked {
                return Err(Refusal::DeniedBecause(EXISTING_FILE_LOCKED));
            }
            if existing.in_editor {
                return Err(Refusal::Denied);
            }
        }
        Ok(())
    }

    /// Copies or moves one file; the resulting file, or `None` if the file was skipped.
    fn execute(
        &self,
        storage: &mut Storage,
        id: &FileId,
        keep_title: bool,
        now: Timestamp,
    ) -> Result<Option<FileId>, &'static str> {
        let file = storage
            .file(id)
            .cloned()
            .ok_or("The required file was not found")?;
        if storage.folder(&self.destination).is_none() {
            return Err("The required folder was not found");
        }
        let existing = storage
            .same_title(&self.destination, &file.title)
            .map(|existing| existing.id.clone());
        match (self.conflict, existing) {
            (Conflict::Skip, Some(_)) => Ok(None),
            (Conflict::Overwrite, Some(existing)) if existing == *id => Ok(None),
            (Conflict::Overwrite, Some(existing)) => {
                if let Some(target) = storage.file_mut(&existing) {
                    target.overwrite(file.content, User::Service, now);
                }
                if self.transfer == Transfer::Move {
                    storage.remove_file(id);
                }
                Ok(Some(existing))
            }
            (Conflict::Duplicate, _) | (_, None) => {
                Ok(Some(self.put(storage, id, keep_title, now)))
            }
        }
    }

    /// Puts the file into the destination without overwriting anything.
    fn put(&self, storage: &mut Storage, id: &FileId, keep_title: bool, now: Timestamp) -> FileId {
        let Some(file) = storage.file_mut(id) else {
            return id.clone();
        };
        if self.transfer == Transfer::Move {
            file.folder = self.destination.clone();
            return id.clone();
        }
        let (title, content) = (file.title.clone(), file.content.clone());
        let new = NewFile {
            folder: self.destination.clone(),
            title: if keep_title {
                title
            } else {
                storage.free_title(&self.destination, &title)
            },
            content,
            by: User::Service,
        };
        storage.add_file(new, now)
    }
}

/// The stages of an operation, each of which a reader may see (docs/DOCSPACE.md 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Queued,
    Running,
    /// The files are copied or moved, but `files` still shows the sources.
    Processed,
    /// `finished` is true, but the status is still that of a running operation.
    Finished,
    /// The status is final, and the next read removes the operation.
    Completed,
    /// Cancelled before a file was copied or moved.
    Cancelled,
}

impl Stage {
    fn status(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Running | Self::Processed | Self::Finished => 1,
            Self::Completed => 2,
            Self::Cancelled => 3,
        }
    }
}

/// How an operation differs from an ordinary one.
#[derive(Clone, Debug, Default)]
pub(super) struct OperationOptions {
    /// Whether its result can never be read (`deleteAfter`, or a fault).
    pub(super) hide_result: bool,
    /// The error it finishes with instead of doing anything.
    pub(super) error: Option<&'static str>,
    /// Whether a copy keeps its title, whatever is in the destination.
    pub(super) keep_title: bool,
}

/// What an operation does.
#[derive(Clone, Debug)]
pub(super) enum Task {
    Transfer(FileRequest),
    Delete(Deletion),
}

impl Task {
    fn kind(&self) -> Kind {
        match self {
            Self::Transfer(request) => match request.transfer {
                Transfer::Copy => Kind::Copy,
                Transfer::Move => Kind::Move,
            },
            Self::Delete(_) => Kind::Delete,
        }
    }
}

/// What an operation did, for its events.
#[derive(Debug)]
pub(super) enum Effect {
    Transferred(Transfer, Vec<FileId>),
    Deleted(Vec<Deleted>),
}

/// A queued, running or finished operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    task: Task,
    options: OperationOptions,
    stage: Stage,
    results: Vec<FileId>,
    processed: usize,
    error: String,
    finished: Option<Timestamp>,
}

/// Which operations a read selects.
#[derive(Clone, Copy, Debug)]
pub(super) enum Selection<'a> {
    /// The one with this id; shown only if it is of this kind.
    One(&'a str, Option<Kind>),
    /// All; only those of this kind are shown.
    All(Option<Kind>),
}

impl Selection<'_> {
    /// Whether the read covers the operation, and so removes it once it is completed or cancelled.
    fn covers(self, operation: &Operation) -> bool {
        match self {
            Self::One(id, _) => operation.id == id,
            Self::All(_) => true,
        }
    }

    fn shows(self, operation: &Operation) -> bool {
        let (Self::One(_, kind) | Self::All(kind)) = self;
        kind.is_none_or(|kind| kind == operation.task.kind())
    }
}

/// All operations of the one user that has an API key.
#[derive(Debug, Default)]
pub(super) struct Operations(Vec<Operation>);

impl Operations {
    /// Queues a request that was checked, and returns the operation's id.
    pub(super) fn queue(&mut self, task: Task, options: OperationOptions) -> String {
        let id = random_guid();
        self.0.push(Operation {
            id: id.clone(),
            task,
            options,
            stage: Stage::Queued,
            results: Vec::new(),
            processed: 0,
            error: String::new(),
            finished: None,
        });
        id
    }

    /// Advances an operation to a stage. If it does its work on the way, returns what it did.
    pub(super) fn advance(
        &mut self,
        id: &str,
        stage: Stage,
        storage: &mut Storage,
        now: Timestamp,
    ) -> Option<Effect> {
        let operation = self.0.iter_mut().find(|operation| operation.id == id)?;
        if operation.stage == Stage::Cancelled {
            return None;
        }
        let executes = operation.stage < Stage::Processed && stage >= Stage::Processed;
        operation.stage = stage;
        if stage >= Stage::Finished {
            operation.finished = Some(now);
        }
        if !executes {
            return None;
        }
        operation.execute(storage, now)
    }

    /// Cancels an operation that has not copied or moved its files yet.
    pub(super) fn cancel(&mut self, id: &str, now: Timestamp) {
        let cancellable = self
            .0
            .iter_mut()
            .find(|operation| operation.id == id && operation.stage < Stage::Processed);
        if let Some(operation) = cancellable {
            operation.stage = Stage::Cancelled;
            operation.finished = Some(now);
        }
    }

    /// Reads operations. As in the real portal, the read removes those that are completed or cancelled, unless they
    /// are to be kept.
    pub(super) fn read(
        &mut self,
        selection: Selection<'_>,
        renderer: &Renderer<'_>,
        keep: bool,
        now: Timestamp,
    ) -> Vec<Value> {
        self.0.retain(|operation| !operation.is_too_old(now));
        let operations = self
            .0
            .iter()
            .filter(|operation| selection.covers(operation) && selection.shows(operation))
            .filter(|operation| !(operation.options.hide_result && operation.progress() == 100))
            .map(|operation| operation.to_json(renderer))
            .collect();
        self.0.retain(|operation| {
            keep || !(selection.covers(operation) && operation.stage.status() > 1)
        });
        operations
    }

    /// Removes all operations.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Removes the operations that are completed or cancelled.
    pub(super) fn forget_results(&mut self) {
        self.0.retain(|operation| operation.stage.status() <= 1);
    }
}

impl Operation {
    fn execute(&mut self, storage: &mut Storage, now: Timestamp) -> Option<Effect> {
        if let Some(error) = self.options.error {
            error.clone_into(&mut self.error);
            return None;
        }
        let request = match &self.task {
            Task::Transfer(request) => request,
            Task::Delete(deletion) => {
                let deleted = deletion.execute(storage);
                self.processed = deleted.len();
                return Some(Effect::Deleted(deleted));
            }
        };
        for file in &request.files {
            match request.execute(storage, file, self.options.keep_title, now) {
                Ok(Some(result)) => self.results.push(result),
                Ok(None) => {}
                Err(error) => error.clone_into(&mut self.error),
            }
        }
        self.processed = self.results.len();
        Some(Effect::Transferred(request.transfer, self.results.clone()))
    }

    fn is_too_old(&self, now: Timestamp) -> bool {
        self.finished
            .is_some_and(|finished| now.duration_since(finished) > UNREAD_RETENTION)
    }

    fn progress(&self) -> u8 {
        if (Stage::Processed..=Stage::Completed).contains(&self.stage) {
            100
        } else {
            0
        }
    }

    fn to_json(&self, renderer: &Renderer<'_>) -> Value {
        let finished = self.stage >= Stage::Finished;
        let mut object = json!({
            "id": self.id,
            "Operation": self.task.kind().number(),
            "progress": self.progress(),
            "error": self.error,
            "processed": self.processed.to_string(),
            "finished": finished,
            "status": self.stage.status(),
        });
        if let Task::Transfer(request) = &self.task
            && self.progress() == 100
        {
            let files = if finished {
                &self.results
            } else {
                &request.files
            };
            let files = renderer.files(files);
            if !finished || files.is_empty() {
                object["folders"] = renderer
                    .folders(std::slice::from_ref(&request.destination))
                    .into();
            }
            if !files.is_empty() {
                object["files"] = files.into();
            }
        }
        object
    }
}

/// A random GUID of version 4.
fn random_guid() -> String {
    let hex = format!("{:032x}", fastrand::u128(..));
    format!(
        "{}-{}-4{}-a{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..]
    )
}
