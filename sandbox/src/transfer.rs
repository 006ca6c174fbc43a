//! Copies and moves: the check inside the request, and their execution (docs/DOCSPACE.md 4.2, 4.3).

mod folder;

use jiff::Timestamp;

use super::event::{Payload, Raised};
use super::ids::{FileId, FolderId};
use super::refusal::Refusal;
use super::room_kind::RoomKind;
use super::storage::{Action, Folder, NewFile, Section, Storage};
use super::user::User;

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

/// A request to copy or move files and folders.
#[derive(Clone, Debug)]
pub(super) struct TransferRequest {
    pub(super) transfer: Transfer,
    pub(super) files: Vec<FileId>,
    pub(super) folders: Vec<FolderId>,
    pub(super) destination: FolderId,
    pub(super) conflict: Conflict,
}

/// What a copy or move did.
#[derive(Debug, Default)]
pub(super) struct Transferred {
    pub(super) events: Vec<Raised>,
    /// The resulting files and folders, without those that are in one of the folders.
    pub(super) files: Vec<FileId>,
    pub(super) folders: Vec<FolderId>,
    pub(super) error: Option<&'static str>,
}

const NOT_A_FORM: &str =
    "The file cannot be uploaded to this room. Please try to upload the ONLYOFFICE PDF form.";
const EXISTING_FILE_LOCKED: &str = "The file is locked and cannot be overwritten";

impl TransferRequest {
    /// The check inside the request. No file of the sandbox is a PDF form.
    pub(super) fn check(&self, storage: &Storage) -> Result<(), Refusal> {
        let destination = storage
            .folder(&self.destination)
            .ok_or(Refusal::DestinationMissing)?;
        if !storage.may_create_in(destination) {
            return Err(Refusal::Denied);
        }
        for folder in &self.folders {
            self.check_folder(storage, folder)?;
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
        let is_allowed = match self.transfer {
            Transfer::Copy => storage.may_copy(file),
            Transfer::Move => {
                let in_use = file.is_locked_for(User::Service) || file.in_editor;
                storage.may_move(file) && !in_use
            }
        };
        if !is_allowed {
            return Err(Refusal::Denied);
        }
        let room = storage
            .room_of(&self.destination)
            .and_then(Folder::room_kind);
        if room == Some(RoomKind::FormFilling) {
            return Err(Refusal::DeniedBecause(NOT_A_FORM));
        }
        let existing = storage.same_title(&self.destination, &file.title);
        if let (Conflict::Overwrite, Some(existing)) = (self.conflict, existing) {
            if existing.is_locked_for(User::Service) {
                return Err(Refusal::DeniedBecause(EXISTING_FILE_LOCKED));
            }
            if existing.in_editor {
                return Err(Refusal::Denied);
            }
        }
        Ok(())
    }

    /// Copies or moves everything.
    pub(super) fn execute(
        &self,
        storage: &mut Storage,
        keep_title: bool,
        now: Timestamp,
    ) -> Transferred {
        let mut done = Transferred::default();
        for file in &self.files {
            let trigger = self.trigger(storage, file);
            match self.transfer_file(storage, file, keep_title, now) {
                Ok(Some(result)) => {
                    let payload = Payload::of_file_in(storage, &result);
                    done.events
                        .extend(payload.map(|payload| (trigger, payload)));
                    done.files.push(result);
                }
                Ok(None) => {}
                Err(error) => done.error = Some(error),
            }
        }
        for folder in &self.folders {
            self.transfer_folder(storage, folder, (keep_title, now), &mut done);
        }
        done
    }

    /// Copies or moves one file; the resulting file, or `None` if the file was skipped.
    fn transfer_file(
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
            file.trashed_from = None;
            file.log(Action::Moved, User::Service, now);
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
        let copy = storage.add_file(new, now);
        if let Some(file) = storage.file_mut(&copy) {
            file.log(Action::Copied, User::Service, now);
        }
        copy
    }

    /// The trigger of the event that a transferred file raises.
    fn trigger(&self, storage: &Storage, id: &FileId) -> &'static str {
        let file = storage.file(id);
        let section = file.and_then(|file| storage.section_of(&file.folder));
        match (self.transfer, section) {
            (Transfer::Copy, _) => "file.copied",
            (Transfer::Move, Some(Section::Trash)) => "file.restored",
            (Transfer::Move, _) => "file.moved",
        }
    }
}
