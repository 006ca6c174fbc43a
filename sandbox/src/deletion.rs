//! Deleting files, folders and rooms: the check inside the request, and what is deleted (docs/DOCSPACE.md A6). The
//! portal has no trash, so everything is deleted for good.

use super::event::{Event, Payload};
use super::ids::{FileId, FolderId};
use super::refusal::Refusal;
use super::storage::Storage;
use super::user::User;

/// A request to delete files and folders; a room is deleted by a call of its own.
#[derive(Clone, Debug)]
pub(super) struct Deletion {
    pub(super) files: Vec<FileId>,
    pub(super) folders: Vec<FolderId>,
}

/// The event of a deleted entry: its trigger, and the entry as it was.
pub(super) type Deleted = (&'static str, Payload);

impl Deletion {
    /// The check inside the request.
    pub(super) fn check(&self, storage: &Storage) -> Result<(), Refusal> {
        for id in &self.files {
            let file = storage.file(id).ok_or(Refusal::LaterFileMissing)?;
            if file.locked || file.in_editor || storage.is_file_read_only(file) {
                return Err(Refusal::Denied);
            }
        }
        for id in &self.folders {
            let folder = storage.folder(id).ok_or(Refusal::DestinationMissing)?;
            let is_foreign_room = folder.room.is_some() && folder.created_by != User::Service;
            if folder.parent.is_none() || is_foreign_room || storage.is_read_only(folder) {
                return Err(Refusal::Denied);
            }
        }
        Ok(())
    }

    /// Deletes what still exists. Only the listed entries raise events.
    pub(super) fn execute(&self, storage: &mut Storage) -> Vec<Deleted> {
        let mut deleted = Vec::new();
        for id in &self.files {
            let event = storage.file(id).and_then(|file| {
                let path = storage.path(&file.folder);
                Some(("file.deleted", Payload::of_file(file, path.first()?)))
            });
            storage.remove_file(id);
            deleted.extend(event);
        }
        for id in &self.folders {
            let path = storage.path(id);
            let event = path.first().zip(path.last());
            let event = event.map(|(root, folder)| {
                (Event::of_deleting(folder), Payload::of_folder(folder, root))
            });
            storage.remove_folder(id);
            deleted.extend(event);
        }
        deleted
    }
}
