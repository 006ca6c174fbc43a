//! Operations of all kinds: their execution, and the rules by which results can be read (docs/DOCSPACE.md 4). `api::fileops` advances an operation from stage to stage.

mod result;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::archiving::Archiving;
use super::bulk_download::BulkDownload;
use super::deletion::Deletion;
use super::event::Raised;
use super::guid::random_guid;
use super::json::Renderer;
use super::storage::Storage;
use super::transfer::{Transfer, TransferRequest, Transferred};

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
    /// Number 3.
    Download,
    /// Number 7.
    Duplicate,
}

impl Kind {
    /// The kinds with DocSpace's numbers and names.
    const ALL: [(Self, u8, &str); 5] = [
        (Self::Move, 0, "move"),
        (Self::Copy, 1, "copy"),
        (Self::Delete, 2, "delete"),
        (Self::Download, 3, "download"),
        (Self::Duplicate, 7, "duplicate"),
    ];

    fn number(self) -> u8 {
        let known = Self::ALL.into_iter().find(|known| known.0 == self);
        known.map_or(0, |known| known.1)
    }

    /// The kind with a number or name.
    pub(super) fn named(text: &str) -> Option<Self> {
        let is_named = |(_, number, name): &(Self, u8, &str)| {
            text.eq_ignore_ascii_case(name) || text == number.to_string()
        };
        Self::ALL.into_iter().find(is_named).map(|known| known.0)
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
    Transfer(TransferRequest),
    Delete(Deletion),
    Archive(Archiving),
    /// Copies of files and folders beside them.
    Duplicate(Vec<TransferRequest>),
    Download(BulkDownload),
}

impl Task {
    fn kind(&self) -> Kind {
        match self {
            Self::Transfer(request) => match request.transfer {
                Transfer::Copy => Kind::Copy,
                Transfer::Move => Kind::Move,
            },
            Self::Delete(_) => Kind::Delete,
            Self::Duplicate(_) => Kind::Duplicate,
            Self::Download(_) => Kind::Download,
            // The portal numbers archiving like a move.
            Self::Archive(_) => Kind::Move,
        }
    }
}

/// A queued, running or finished operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    task: Task,
    options: OperationOptions,
    stage: Stage,
    /// The files and folders that a transfer resulted in.
    results: Transferred,
    /// The file or archive that a bulk download resulted in.
    download: Option<String>,
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
            results: Transferred::default(),
            download: None,
            processed: 0,
            error: String::new(),
            finished: None,
        });
        id
    }

    /// Advances an operation to a stage. Returns the events of what it does on the way.
    pub(super) fn advance(
        &mut self,
        id: &str,
        stage: Stage,
        storage: &mut Storage,
        now: Timestamp,
    ) -> Vec<Raised> {
        let operation = self.0.iter_mut().find(|operation| operation.id == id);
        let Some(operation) = operation.filter(|known| known.stage != Stage::Cancelled) else {
            return Vec::new();
        };
        let executes = operation.stage < Stage::Processed && stage >= Stage::Processed;
        operation.stage = stage;
        if stage >= Stage::Finished {
            operation.finished = Some(now);
        }
        if !executes {
            return Vec::new();
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
    fn execute(&mut self, storage: &mut Storage, now: Timestamp) -> Vec<Raised> {
        if let Some(error) = self.options.error {
            error.clone_into(&mut self.error);
            return Vec::new();
        }
        let keep_title = self.options.keep_title;
        let events = match self.task.clone() {
            Task::Transfer(request) => {
                let done = request.execute(storage, keep_title, now);
                return self.finish_transfer(done);
            }
            Task::Duplicate(requests) => {
                let mut events = Vec::new();
                for request in requests {
                    let done = request.execute(storage, keep_title, now);
                    events.extend(self.finish_transfer(done));
                }
                return events;
            }
            Task::Download(download) => {
                self.processed = download.files.len() + download.folders.len();
                self.download = Some(download.execute(storage, now));
                return Vec::new();
            }
            Task::Delete(deletion) => {
                let deleted = deletion.execute(storage, now);
                self.fail(deleted.error);
                deleted.events
            }
            Task::Archive(archiving) => match archiving.execute(storage, now) {
                Ok(event) => event.into_iter().collect(),
                Err(error) => {
                    self.fail(Some(error));
                    Vec::new()
                }
            },
        };
        self.processed = events.len();
        events
    }

    /// Keeps the results of a transfer and returns its events.
    fn finish_transfer(&mut self, done: Transferred) -> Vec<Raised> {
        self.processed += done.files.len() + done.folders.len();
        self.results.files.extend(done.files);
        self.results.folders.extend(done.folders);
        self.fail(done.error);
        done.events
    }

    fn fail(&mut self, error: Option<&'static str>) {
        if let Some(error) = error {
            error.clone_into(&mut self.error);
        }
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
}
