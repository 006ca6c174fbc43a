//! Copies and moves of folders with everything in them, as `FileMoveCopyOperation.cs` and `CopyPermissionsCheck.cs` of
//! DocSpace-server do them.

use super::{Conflict, Transfer, TransferRequest, Transferred};
use crate::event::Payload;
use crate::ids::FolderId;
use crate::refusal::Refusal;
use crate::storage::{NewFolder, Section, Storage};
use crate::user::User;
use jiff::Timestamp;

const INTO_ITSELF: &str = "Can't copy to this folder. It is a child of the source folder";

/// The error of a folder that stays because of a file in it.
const FILE_IN_USE: &str = "The file is being edited";

impl TransferRequest {
    /// The check inside the request. The sandbox neither copies nor moves rooms as folders.
    pub(super) fn check_folder(&self, storage: &Storage, id: &FolderId) -> Result<(), Refusal> {
        let path = storage.path(&self.destination);
        if path.iter().any(|parent| parent.id == *id) {
            return Err(Refusal::DeniedBecause(INTO_ITSELF));
        }
        let folder = storage.folder(id).ok_or(Refusal::DestinationMissing)?;
        let is_allowed = match self.transfer {
            Transfer::Copy => storage.may_copy_folder(folder),
            Transfer::Move => !folder.is_room() && storage.may_delete_folder(folder),
        };
        if is_allowed {
            Ok(())
        } else {
            Err(Refusal::Denied)
        }
    }

    /// Copies or moves one folder. A folder of the same title in the destination takes the content, unless the copy gets
    /// another title.
    pub(super) fn transfer_folder(
        &self,
        storage: &mut Storage,
        id: &FolderId,
        (keep_title, now): (bool, Timestamp),
        done: &mut Transferred,
    ) {
        let Some(folder) = storage.folder(id).cloned() else {
            return;
        };
        let is_there = folder.parent.as_ref() == Some(&self.destination);
        let duplicates = self.conflict == Conflict::Duplicate;
        if is_there && !duplicates {
            return;
        }
        let existing = storage
            .same_folder_title(&self.destination, &folder.title)
            .filter(|_| is_there || !duplicates)
            .map(|existing| existing.id.clone());
        if self.transfer == Transfer::Move && existing.is_none() {
            self.move_folder(storage, id, now, done);
            return;
        }
        let target = existing.filter(|_| !duplicates).unwrap_or_else(|| {
            let title = if is_there {
                storage.free_folder_title(&self.destination, &folder.title)
            } else {
                folder.title
            };
            let new = NewFolder {
                parent: &self.destination,
                title: &title,
                room: None,
                by: User::Service,
            };
            storage.add_folder(new, now)
        });
        let payload = Payload::of_folder_in(storage, &target);
        done.events
            .extend(payload.map(|payload| ("folder.copied", payload)));
        let files = storage.files_in(id).map(|file| file.id.clone());
        let folders = storage.folders_in(id).map(|folder| folder.id.clone());
        let content = Self {
            files: files.collect(),
            folders: folders.filter(|folder| *folder != target).collect(),
            destination: target.clone(),
            ..self.clone()
        };
        let inside = content.execute(storage, keep_title, now);
        done.events.extend(inside.events);
        done.error = inside.error.or(done.error);
        let is_empty = storage.tree(id).len() == 1 && storage.files_in(id).next().is_none();
        if self.transfer == Transfer::Move && is_empty {
            storage.remove_folder(id);
        }
        done.folders.push(target);
    }

    /// Moves a folder as a whole, with one event for everything in it, unless a file in it is in use.
    fn move_folder(
        &self,
        storage: &mut Storage,
        id: &FolderId,
        now: Timestamp,
        done: &mut Transferred,
    ) {
        if storage.is_in_use(id) {
            done.error = Some(FILE_IN_USE);
            return;
        }
        let trigger = match storage.section_of(id) {
            Some(Section::Trash) => "folder.restored",
            _ => "folder.moved",
        };
        if let Some(folder) = storage.folder_mut(id) {
            folder.parent = Some(self.destination.clone());
            folder.trashed_from = None;
            folder.updated = now;
        }
        let payload = Payload::of_folder_in(storage, id);
        done.events
            .extend(payload.map(|payload| (trigger, payload)));
        done.folders.push(id.clone());
    }
}
