//! What people do in the portal: the client uploads, the owner arranges.

use bytes::Bytes;

use super::Portal;
use super::world::{File, NewFile, Person, RoomKind};
use crate::ids::{FileId, FolderId};

/// Which events an upload raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// As the web interface does: `file.uploaded` only.
    Uploaded,
    /// As a plain upload through the API does: `file.created` and `file.uploaded`.
    CreatedAndUploaded,
    /// None, as for changes made at a third-party provider.
    Silently,
}

impl Announced {
    fn triggers(self) -> &'static [&'static str] {
        match self {
            Self::Uploaded => &["file.uploaded"],
            Self::CreatedAndUploaded => &["file.created", "file.uploaded"],
            Self::Silently => &[],
        }
    }
}

/// A file as it is at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileView {
    /// Its number.
    pub id: FileId,
    /// Its title, with the extension.
    pub title: String,
    /// Its newest content.
    pub content: Vec<u8>,
    /// The number of its newest version, from 1.
    pub version: u32,
    /// The folder it lies in.
    pub folder: FolderId,
    /// The comment of its newest version.
    pub comment: String,
}

impl FileView {
    fn of(file: &File) -> Self {
        Self {
            id: file.id.clone(),
            title: file.title.clone(),
            content: file.content.to_vec(),
            version: file.version,
            folder: file.folder.clone(),
            comment: file.comment.clone(),
        }
    }
}

impl Portal {
    /// The client makes a folder.
    pub fn create_folder(&self, parent: &FolderId, title: &str) -> FolderId {
        self.change(|state, now| {
            let folder = state.world.add_folder(parent, title, Person::Client, now);
            state.publish_folder("folder.created", &folder, now);
            folder
        })
    }

    /// The client uploads a file. The title is cleaned as the portal does; a title that is taken
    /// makes another file of the same title.
    pub fn upload(
        &self,
        folder: &FolderId,
        title: &str,
        content: &[u8],
        announced: Announced,
    ) -> FileId {
        self.upload_by(Person::Client, folder, title, content, announced)
    }

    pub(super) fn upload_by(
        &self,
        by: Person,
        folder: &FolderId,
        title: &str,
        content: &[u8],
        announced: Announced,
    ) -> FileId {
        let new = NewFile {
            folder: folder.clone(),
            title: title.to_owned(),
            content: Bytes::copy_from_slice(content),
            by,
        };
        self.change(|state, now| {
            let file = state.world.add_file(new, now);
            for trigger in announced.triggers() {
                state.publish_file(trigger, &file, by, now);
            }
            file
        })
    }

    /// The client uploads a new version; its time is at least a second after the last one's.
    pub fn overwrite(&self, file: &FileId, content: &[u8], announced: Announced) {
        self.change(|state, now| {
            if let Some(existing) = state.world.file_mut(file) {
                existing.overwrite(Bytes::copy_from_slice(content), Person::Client, now);
            }
            for trigger in announced.triggers() {
                state.publish_file(trigger, file, Person::Client, now);
            }
        });
    }

    /// The client changes a file in the editor: a new version, told as `file.updated`.
    pub fn edit(&self, file: &FileId, content: &[u8]) {
        self.change(|state, now| {
            if let Some(existing) = state.world.file_mut(file) {
                existing.overwrite(Bytes::copy_from_slice(content), Person::Client, now);
            }
            state.publish_file("file.updated", file, Person::Client, now);
        });
    }

    /// The client gives a folder another title.
    pub fn rename_folder(&self, folder: &FolderId, title: &str) {
        self.change(|state, now| {
            if let Some(existing) = state.world.folder_mut(folder) {
                title.clone_into(&mut existing.title);
            }
            state.publish_folder("folder.updated", folder, now);
        });
    }

    /// The client deletes a file for good.
    pub fn delete(&self, file: &FileId) {
        self.change(|state, now| {
            state.publish_file("file.deleted", file, Person::Client, now);
            state.world.remove_file(file);
        });
    }

    /// The client locks or unlocks a file.
    pub fn lock(&self, file: &FileId, locked: bool) {
        self.change(|state, now| {
            if let Some(existing) = state.world.file_mut(file) {
                existing.locked = locked;
            }
            state.publish_file("file.updated", file, Person::Client, now);
        });
    }

    /// The client opens a file in an editor or closes it.
    pub fn open_in_editor(&self, file: &FileId, open: bool) {
        if let Some(existing) = self.state().world.file_mut(file) {
            existing.in_editor = open;
        }
    }

    /// Leaves the service account only the right to read a file.
    pub fn forbid(&self, file: &FileId) {
        if let Some(existing) = self.state().world.file_mut(file) {
            existing.forbidden = true;
        }
    }

    /// Takes the right to put anything into a folder from the service account.
    pub fn forbid_destination(&self, folder: &FolderId) {
        if let Some(existing) = self.state().world.folder_mut(folder) {
            existing.forbidden = true;
        }
    }

    /// Takes the service account out of a room. As an administrator it still reads everything in it,
    /// and may copy, move or put nothing (docs/DOCSPACE.md 1.9).
    pub fn leave_room(&self, room: &FolderId) {
        if let Some(existing) = self.state().world.folder_mut(room) {
            existing.without_us = true;
        }
    }

    /// Deletes a folder with everything below it.
    pub fn delete_folder(&self, folder: &FolderId) {
        self.change(|state, now| {
            state.publish_folder("folder.deleted", folder, now);
            state.world.remove_folder(folder);
        });
    }

    /// Moves a folder into another one.
    pub fn move_folder(&self, folder: &FolderId, new_parent: &FolderId) {
        self.change(|state, now| {
            if let Some(existing) = state.world.folder_mut(folder) {
                existing.parent = Some(new_parent.clone());
            }
            state.publish_folder("folder.moved", folder, now);
        });
    }

    /// Makes a room one for filling in forms: it refuses every file that is no PDF form, and no
    /// file of the sandbox is one.
    pub fn make_form_room(&self, room: &FolderId) {
        if let Some(existing) = self.state().world.folder_mut(room) {
            existing.room = Some(RoomKind::FormFilling);
        }
    }

    /// The files directly in a folder.
    pub fn files_in(&self, folder: &FolderId) -> Vec<FileView> {
        let state = self.state();
        state.world.files_in(folder).map(FileView::of).collect()
    }

    /// A file, if it exists.
    pub fn file(&self, file: &FileId) -> Option<FileView> {
        self.state().world.file(file).map(FileView::of)
    }
}
