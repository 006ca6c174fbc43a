//! Copying and moving: the check inside the request, the work behind it, and the rules by which
//! its outcome can be read (docs/DOCSPACE.md 4). State only; `api::fileops` lets the time pass.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::json::Shown;
use super::world::{NewFile, Person, RoomKind, World};
use crate::ids::{FileId, FolderId};

/// How long a finished operation waits for a reader.
const KEPT_UNREAD: SignedDuration = SignedDuration::from_secs(60);

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Number 0 on the wire.
    Move,
    /// Number 1 on the wire.
    Copy,
}

impl Kind {
    fn number(self) -> u8 {
        match self {
            Self::Move => 0,
            Self::Copy => 1,
        }
    }

    /// The trigger of the event it raises.
    pub(super) fn trigger(self) -> &'static str {
        match self {
            Self::Move => "file.moved",
            Self::Copy => "file.copied",
        }
    }
}

/// What happens when the destination holds a file of the same title.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Conflict {
    /// Nothing, without an error.
    #[default]
    Skip,
    /// The file there gets a new version.
    Overwrite,
    /// A copy gets another title; a moved file keeps its own.
    Duplicate,
}

/// Which files go where.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) kind: Kind,
    pub(super) files: Vec<FileId>,
    pub(super) destination: FolderId,
    pub(super) conflict: Conflict,
}

/// Why an order is refused before it is queued (docs/DOCSPACE.md 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    DestinationMissing,
    LaterFileMissing,
    Denied,
    Explained(&'static str),
}

const NO_FORM: &str =
    "The file cannot be uploaded to this room. Please try to upload the ONLYOFFICE PDF form.";
const EXISTING_LOCKED: &str = "The file is locked and cannot be overwritten";

impl Order {
    /// The portal's check inside the request. No file of the sandbox is a PDF form.
    pub(super) fn check(&self, world: &World) -> Result<(), Refusal> {
        let destination = world
            .folder(&self.destination)
            .ok_or(Refusal::DestinationMissing)?;
        let refuses = destination.forbidden || world.is_without_us(&destination.id);
        if refuses || destination.parent.is_none() {
            return Err(Refusal::Denied);
        }
        for (position, file) in self.files.iter().enumerate() {
            self.check_file(world, file, position)?;
        }
        Ok(())
    }

    fn check_file(&self, world: &World, id: &FileId, position: usize) -> Result<(), Refusal> {
        let Some(file) = world.file(id) else {
            return Err(match position {
                0 => Refusal::Denied,
                _ => Refusal::LaterFileMissing,
            });
        };
        let busy = self.kind == Kind::Move && (file.locked || file.in_editor);
        if file.forbidden || busy || world.is_without_us(&file.folder) {
            return Err(Refusal::Denied);
        }
        let room = world.room_of(&self.destination).and_then(|room| room.room);
        if room == Some(RoomKind::FormFilling) {
            return Err(Refusal::Explained(NO_FORM));
        }
        let existing = world.same_title(&self.destination, &file.title);
        if self.conflict == Conflict::Overwrite && existing.is_some_and(|file| file.locked) {
            return Err(Refusal::Explained(EXISTING_LOCKED));
        }
        Ok(())
    }

    /// Does the work for one file; the resulting file, or `None` when it was skipped.
    fn carry_out(
        &self,
        world: &mut World,
        id: &FileId,
        now: Timestamp,
    ) -> Result<Option<FileId>, &'static str> {
        let file = world
            .file(id)
            .cloned()
            .ok_or("The required file was not found")?;
        if world.folder(&self.destination).is_none() {
            return Err("The required folder was not found");
        }
        let existing = world
            .same_title(&self.destination, &file.title)
            .map(|existing| existing.id.clone());
        match (self.conflict, existing) {
            (Conflict::Skip, Some(_)) => Ok(None),
            (Conflict::Overwrite, Some(existing)) if existing == *id => Ok(None),
            (Conflict::Overwrite, Some(existing)) => {
                if let Some(target) = world.file_mut(&existing) {
                    target.overwrite(file.content, Person::Service, now);
                }
                if self.kind == Kind::Move {
                    world.remove_file(id);
                }
                Ok(Some(existing))
            }
            (Conflict::Duplicate, _) | (_, None) => Ok(Some(self.place(world, id, now))),
        }
    }

    /// Puts the file into the destination where nothing is overwritten.
    fn place(&self, world: &mut World, id: &FileId, now: Timestamp) -> FileId {
        let Some(file) = world.file_mut(id) else {
            return id.clone();
        };
        if self.kind == Kind::Move {
            file.folder = self.destination.clone();
            return id.clone();
        }
        let (title, content) = (file.title.clone(), file.content.clone());
        let new = NewFile {
            folder: self.destination.clone(),
            title: world.free_title(&self.destination, &title),
            content,
            by: Person::Service,
        };
        world.add_file(new, now)
    }
}

/// How far an operation has come; each step is one a reader may see (docs/DOCSPACE.md 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Queued,
    Running,
    /// Everything is done, but `files` still shows the sources.
    Worked,
    /// Finished, but still with the status of a running one.
    Finished,
    /// Finished for good: the next read removes it.
    Completed,
    /// Cancelled before the work began.
    Cancelled,
}

impl Stage {
    fn status(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Running | Self::Worked | Self::Finished => 1,
            Self::Completed => 2,
            Self::Cancelled => 3,
        }
    }
}

/// What becomes of an operation beside its work.
#[derive(Clone, Debug, Default)]
pub(super) struct Fate {
    /// Whether its outcome can never be read (`deleteAfter`, or a fault).
    pub(super) unreadable: bool,
    /// The error it ends with instead of doing anything.
    pub(super) error: Option<&'static str>,
}

/// A queued, running or finished operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    order: Order,
    fate: Fate,
    stage: Stage,
    results: Vec<FileId>,
    error: String,
    finished: Option<Timestamp>,
}

/// Which operations a read is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Selection<'a> {
    /// The one with this id, if it is of this kind.
    One(&'a str, Option<Kind>),
    /// All; those of another kind are removed when they are finished, but not shown.
    All(Option<Kind>),
}

impl Selection<'_> {
    fn touches(self, operation: &Operation) -> bool {
        match self {
            Self::One(id, _) => operation.id == id,
            Self::All(_) => true,
        }
    }

    fn shows(self, operation: &Operation) -> bool {
        let (Self::One(_, kind) | Self::All(kind)) = self;
        kind.is_none_or(|kind| kind == operation.order.kind)
    }
}

/// All operations of the one user that has an API key.
#[derive(Debug, Default)]
pub(super) struct Operations(Vec<Operation>);

impl Operations {
    /// Queues an order that was checked, and returns the operation's id.
    pub(super) fn queue(&mut self, order: Order, fate: Fate) -> String {
        let id = random_guid();
        self.0.push(Operation {
            id: id.clone(),
            order,
            fate,
            stage: Stage::Queued,
            results: Vec::new(),
            error: String::new(),
            finished: None,
        });
        id
    }

    /// Brings an operation to a stage and does the work on the way; the files that came out of it.
    pub(super) fn advance(
        &mut self,
        id: &str,
        stage: Stage,
        world: &mut World,
        now: Timestamp,
    ) -> Option<(Kind, Vec<FileId>)> {
        let operation = self.0.iter_mut().find(|operation| operation.id == id)?;
        if operation.stage == Stage::Cancelled {
            return None;
        }
        let works = operation.stage < Stage::Worked && stage >= Stage::Worked;
        operation.stage = stage;
        if stage >= Stage::Finished {
            operation.finished = Some(now);
        }
        if !works {
            return None;
        }
        operation.work(world, now);
        Some((operation.order.kind, operation.results.clone()))
    }

    /// Cancels an operation whose work has not begun.
    pub(super) fn cancel(&mut self, id: &str, now: Timestamp) {
        let waiting = self
            .0
            .iter_mut()
            .find(|operation| operation.id == id && operation.stage < Stage::Worked);
        if let Some(operation) = waiting {
            operation.stage = Stage::Cancelled;
            operation.finished = Some(now);
        }
    }

    /// Reads operations by the portal's rules: what is past running is removed by the read.
    pub(super) fn read(
        &mut self,
        selection: Selection<'_>,
        shown: &Shown<'_>,
        now: Timestamp,
    ) -> Vec<Value> {
        self.0.retain(|operation| !operation.is_too_old(now));
        let answer = self
            .0
            .iter()
            .filter(|operation| selection.touches(operation) && selection.shows(operation))
            .filter(|operation| !(operation.fate.unreadable && operation.progress() == 100))
            .map(|operation| operation.to_json(shown))
            .collect();
        self.0
            .retain(|operation| !(selection.touches(operation) && operation.stage.status() > 1));
        answer
    }

    /// Drops every finished result.
    pub(super) fn forget_results(&mut self) {
        self.0.retain(|operation| operation.stage.status() <= 1);
    }
}

impl Operation {
    fn work(&mut self, world: &mut World, now: Timestamp) {
        if let Some(error) = self.fate.error {
            error.clone_into(&mut self.error);
            return;
        }
        for file in &self.order.files {
            match self.order.carry_out(world, file, now) {
                Ok(Some(result)) => self.results.push(result),
                Ok(None) => {}
                Err(error) => error.clone_into(&mut self.error),
            }
        }
    }

    fn is_too_old(&self, now: Timestamp) -> bool {
        self.finished
            .is_some_and(|finished| now.duration_since(finished) > KEPT_UNREAD)
    }

    fn progress(&self) -> u8 {
        if (Stage::Worked..=Stage::Completed).contains(&self.stage) {
            100
        } else {
            0
        }
    }

    fn to_json(&self, shown: &Shown<'_>) -> Value {
        let finished = self.stage >= Stage::Finished;
        let mut answer = json!({
            "id": self.id,
            "Operation": self.order.kind.number(),
            "progress": self.progress(),
            "error": self.error,
            "processed": self.results.len().to_string(),
            "finished": finished,
            "status": self.stage.status(),
        });
        if self.progress() == 100 {
            let files = if finished {
                &self.results
            } else {
                &self.order.files
            };
            let files = shown.files(files);
            if !finished || files.is_empty() {
                answer["folders"] = shown
                    .folders(std::slice::from_ref(&self.order.destination))
                    .into();
            }
            if !files.is_empty() {
                answer["files"] = files.into();
            }
        }
        answer
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
