//! What users do with files and folders: the client uploads, the owner arranges rooms and rights.

use bytes::Bytes;

use super::Portal;
use crate::event::UploadEvents;
use crate::ids::{FileId, FolderId};
use crate::level::AccessLevel;
use crate::people::AccountType;
use crate::room_kind::RoomKind;
use crate::storage::{Action, File, Folder, NewFile, NewFolder, Subject, clean_title};
use crate::user::User;

/// The present state of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileView {
    /// Its id.
    pub id: FileId,
    /// Its title, with the extension.
    pub title: String,
    /// The content of its newest version.
    pub content: Vec<u8>,
    /// The number of its newest version, from 1.
    pub version: u32,
    /// The folder that contains it.
    pub folder: FolderId,
    /// The comment of its newest version.
    pub comment: String,
    /// Whether somebody has locked it.
    pub locked: bool,
    /// The GUID of the account that has locked it.
    pub locked_by: Option<String>,
}

impl From<&File> for FileView {
    fn from(file: &File) -> Self {
        Self {
            id: file.id.clone(),
            title: file.title.clone(),
            content: file.content.to_vec(),
            version: file.version,
            folder: file.folder.clone(),
            locked: file.locked_by.is_some(),
            locked_by: file.locked_by.map(|user| user.id().to_owned()),
            comment: file.comment.clone(),
        }
    }
}

/// Files.
impl Portal {
    /// The client uploads a file. The portal replaces characters it does not allow in the title. A second file
    /// of the same title is a separate file.
    pub fn upload(
        &self,
        folder: &FolderId,
        title: &str,
        content: &[u8],
        events: UploadEvents,
    ) -> FileId {
        self.add_file_by(User::Client, folder, (title, content), events.triggers())
    }

    /// A user adds a file, which raises these events.
    pub(crate) fn add_file_by(
        &self,
        by: User,
        folder: &FolderId,
        (title, content): (&str, &[u8]),
        triggers: &[&'static str],
    ) -> FileId {
        let new = NewFile {
            folder: folder.clone(),
            title: title.to_owned(),
            content: Bytes::copy_from_slice(content),
            by,
        };
        let action = match triggers {
            ["file.created"] => Action::Created,
            _ => Action::Uploaded,
        };
        self.update(|state, now| {
            let file = state.storage.add_file(new, now);
            if let Some(added) = state.storage.file_mut(&file) {
                added.log(action, by, now);
            }
            for trigger in triggers {
                state.publish_file(trigger, &file, by, now);
            }
            file
        })
    }

    /// The client uploads a new version, which is at least a second newer than the previous one.
    pub fn overwrite(&self, file: &FileId, content: &[u8], events: UploadEvents) {
        self.add_version(file, content, events.triggers());
    }

    /// The client renames a file: its time of the last change moves, and `file.updated` is raised.
    pub fn rename(&self, file: &FileId, title: &str) {
        self.update(|state, now| {
            if let Some(existing) = state.storage.file_mut(file) {
                existing.rename(clean_title(title), User::Client, now);
            }
            state.publish_file("file.updated", file, User::Client, now);
        });
    }

    /// The client changes a file in the editor: a new version, and `file.updated`.
    pub fn edit(&self, file: &FileId, content: &[u8]) {
        self.add_version(file, content, &["file.updated"]);
    }

    fn add_version(&self, file: &FileId, content: &[u8], triggers: &[&'static str]) {
        self.overwrite_by(User::Client, file, content, triggers);
    }

    pub(crate) fn overwrite_by(
        &self,
        by: User,
        file: &FileId,
        content: &[u8],
        triggers: &[&'static str],
    ) {
        self.update(|state, now| {
            if let Some(existing) = state.storage.file_mut(file) {
                existing.overwrite(Bytes::copy_from_slice(content), by, now);
                existing.log(Action::Updated, by, now);
            }
            for trigger in triggers {
                state.publish_file(trigger, file, by, now);
            }
        });
    }

    /// The file that an upload of the service account with this title overwrites. One that is locked, open or
    /// read-only stays, and the upload becomes a second file of that title.
    pub(crate) fn overwritable(&self, folder: &FolderId, title: &str) -> Option<FileId> {
        let state = self.state();
        let existing = state.storage.same_title(folder, title)?;
        let in_use = existing.is_locked_for(User::Service) || existing.in_editor;
        let is_free = !in_use && state.storage.may_edit(existing);
        is_free.then(|| existing.id.clone())
    }

    /// The client deletes a file permanently.
    pub fn delete(&self, file: &FileId) {
        self.update(|state, now| {
            state.publish_file("file.deleted", file, User::Client, now);
            state.storage.remove_file(file);
        });
    }

    /// The client moves a file to their trash, which the service account cannot read.
    pub fn trash(&self, file: &FileId) {
        self.update(|state, now| {
            state.publish_file("file.trashed", file, User::Client, now);
            state.storage.trash_file(file, User::Client, now);
        });
    }

    /// The client locks or unlocks a file.
    pub fn lock(&self, file: &FileId, locked: bool) {
        self.update(|state, now| {
            if let Some(existing) = state.storage.file_mut(file) {
                existing.locked_by = locked.then_some(User::Client);
            }
            state.publish_file("file.updated", file, User::Client, now);
        });
    }

    /// The client opens a file in the editor or closes it.
    pub fn open_in_editor(&self, file: &FileId, open: bool) {
        if let Some(existing) = self.state().storage.file_mut(file) {
            existing.in_editor = open;
        }
    }

    /// Protects the document in a file with a password, without which it cannot be converted.
    pub fn protect(&self, file: &FileId, password: &str) {
        if let Some(existing) = self.state().storage.file_mut(file) {
            existing.password = Some(password.to_owned());
        }
    }

    /// Leaves the service account only the right to read a file.
    pub fn make_file_read_only(&self, file: &FileId) {
        if let Some(existing) = self.state().storage.file_mut(file) {
            existing.read_only = true;
        }
    }

    /// The files directly in a folder.
    pub fn files_in(&self, folder: &FolderId) -> Vec<FileView> {
        let state = self.state();
        state.storage.files_in(folder).map(FileView::from).collect()
    }

    /// How many files are directly in a folder.
    pub fn file_count(&self, folder: &FolderId) -> usize {
        self.state().storage.files_in(folder).count()
    }

    /// A file, if it exists.
    pub fn file(&self, file: &FileId) -> Option<FileView> {
        self.state().storage.file(file).map(FileView::from)
    }
}

/// Folders and rooms.
impl Portal {
    /// The client creates a folder.
    pub fn create_folder(&self, parent: &FolderId, title: &str) -> FolderId {
        self.update(|state, now| {
            let new = NewFolder {
                parent,
                title,
                room: None,
                by: User::Client,
            };
            let folder = state.storage.add_folder(new, now);
            state.publish_folder("folder.created", &folder, User::Client, now);
            folder
        })
    }

    /// The client renames a folder.
    pub fn rename_folder(&self, folder: &FolderId, title: &str) {
        self.update(|state, now| {
            state.rename_folder(folder, title, User::Client, now);
        });
    }

    /// The client moves a folder into another one.
    pub fn move_folder(&self, folder: &FolderId, new_parent: &FolderId) {
        self.update(|state, now| {
            if let Some(existing) = state.storage.folder_mut(folder) {
                existing.parent = Some(new_parent.clone());
            }
            state.publish_folder("folder.moved", folder, User::Client, now);
        });
    }

    /// The client deletes a folder and everything below it permanently.
    pub fn delete_folder(&self, folder: &FolderId) {
        self.update(|state, now| {
            state.publish_folder("folder.deleted", folder, User::Client, now);
            state.storage.remove_folder(folder);
        });
    }

    /// The rooms, by id.
    pub fn rooms(&self) -> Vec<FolderId> {
        let section = &self.seed().rooms_section;
        self.folders_in(section)
    }

    /// The folders directly in a folder, by id.
    pub fn folders_in(&self, parent: &FolderId) -> Vec<FolderId> {
        let state = self.state();
        let folders = state.storage.folders_in(parent);
        folders.map(|folder| folder.id.clone()).collect()
    }

    /// Takes the right to put anything into a folder from the service account.
    pub fn make_folder_read_only(&self, folder: &FolderId) {
        self.configure_folder(folder, |folder| folder.read_only = true);
    }

    /// Removes the service account from the members of a room, and makes it an administrator. As such it can still read everything
    /// in it, but copies and moves from or into the room are denied (docs/DOCSPACE.md 1.9).
    pub fn remove_service_account(&self, room: &FolderId) {
        self.set_service_type(AccountType::Administrator);
        let mut state = self.state();
        if let Some(room) = state.storage.folder_mut(room).and_then(Folder::room_mut) {
            let service = Subject::Person(User::Service.id().to_owned());
            room.set_access(&service, AccessLevel::None);
        }
    }

    /// Turns a room into a form filling room, which accepts only PDF forms. No file of the sandbox is one.
    pub fn make_form_room(&self, room: &FolderId) {
        self.configure_folder(room, |room| {
            if let Some(room) = room.room_mut() {
                room.kind = RoomKind::FormFilling;
            }
        });
    }

    fn configure_folder(&self, id: &FolderId, change: impl FnOnce(&mut Folder)) {
        if let Some(folder) = self.state().storage.folder_mut(id) {
            change(folder);
        }
    }
}
