//! Deleting files, folders and rooms: the check inside the request, and what is deleted or moved to the trash
//! (docs/DOCSPACE.md A6).

use jiff::Timestamp;
use serde_json::json;

use super::event::{Event, Payload, Raised};
use super::ids::{FileId, FolderId};
use super::refusal::Refusal;
use super::storage::{Action, Activity, Folder, Section, Storage};
use super::user::User;

/// The error of a folder that cannot go to the trash because of a file in it.
const FILE_IN_USE: &str = "The file is being edited";

/// A request to delete files and folders; a room is deleted by a call of its own.
#[derive(Clone, Debug)]
pub(super) struct Deletion {
    pub(super) files: Vec<FileId>,
    pub(super) folders: Vec<FolderId>,
    /// Whether they are deleted for good, and not moved to the trash. What is in the trash is deleted in any case.
    pub(super) immediately: bool,
}

/// What a deletion did.
#[derive(Debug, Default)]
pub(super) struct Deleted {
    pub(super) events: Vec<Raised>,
    pub(super) error: Option<&'static str>,
}

impl Deletion {
    /// The check inside the request.
    pub(super) fn check(&self, storage: &Storage) -> Result<(), Refusal> {
        for id in &self.files {
            let file = storage.file(id).ok_or(Refusal::LaterFileMissing)?;
            let in_use = file.is_locked_for(User::Service) || file.in_editor;
            if in_use || !storage.may_move(file) {
                return Err(Refusal::Denied);
            }
        }
        for id in &self.folders {
            let folder = storage.folder(id).ok_or(Refusal::DestinationMissing)?;
            if !storage.may_delete_folder(folder) {
                return Err(Refusal::Denied);
            }
        }
        Ok(())
    }

    /// Deletes what still exists. Only the listed entries raise events, which show them as they were.
    pub(super) fn execute(&self, storage: &mut Storage, now: Timestamp) -> Deleted {
        let mut deleted = Deleted::default();
        for id in &self.files {
            deleted.events.extend(self.delete_file(storage, id, now));
        }
        for id in &self.folders {
            match self.delete_folder(storage, id) {
                Ok(event) => deleted.events.extend(event),
                Err(error) => deleted.error = Some(error),
            }
        }
        deleted
    }

    fn delete_file(&self, storage: &mut Storage, id: &FileId, now: Timestamp) -> Option<Raised> {
        let payload = Payload::of_file_in(storage, id)?;
        let file = storage.file(id)?;
        let (title, parent) = (file.title.clone(), file.folder.clone());
        let destroys = self.immediately || storage.section_of(&parent) == Some(Section::Trash);
        let (trigger, action) = if destroys {
            storage.remove_file(id);
            ("file.deleted", Action::Deleted)
        } else {
            storage.trash_file(id, User::Service, now);
            ("file.trashed", Action::Trashed)
        };
        if let Some(folder) = storage.folder_mut(&parent) {
            folder.activities.push(Activity {
                action,
                by: User::Service,
                at: now,
                data: json!({ "id": id, "title": title }),
            });
        }
        Some((trigger, payload))
    }

    /// Deletes a folder, or moves it to the trash as a whole if nothing in it is in use.
    fn delete_folder(
        &self,
        storage: &mut Storage,
        id: &FolderId,
    ) -> Result<Option<Raised>, &'static str> {
        let Some(payload) = Payload::of_folder_in(storage, id) else {
            return Ok(None);
        };
        let is_room = storage.folder(id).is_some_and(Folder::is_room);
        let is_trashed = storage.section_of(id) == Some(Section::Trash);
        if self.immediately || is_room || is_trashed {
            let event = storage.folder(id).map(Event::of_deleting);
            storage.remove_folder(id);
            return Ok(event.map(|trigger| (trigger, payload)));
        }
        if storage.is_in_use(id) {
            return Err(FILE_IN_USE);
        }
        storage.trash_folder(id, User::Service);
        Ok(Some(("folder.trashed", payload)))
    }
}
