//! The rooms, folders and files of the portal. Changes here raise no events.

mod activity;
mod file;
mod folder;
mod link;
mod rights;
mod title;

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;

use super::ids::{FileId, FolderId};
use super::level::AccessLevel;
use super::people::People;
use super::user::User;

pub(super) use self::activity::{Action, Activity};
use self::file::UPLOADED;
pub(super) use self::file::{File, NewFile};
pub(super) use self::folder::{Folder, FolderKind, Member, NewFolder, Room, Section, Subject};
pub(super) use self::link::{Link, LinkKind};
pub(super) use self::title::{clean_title, renamed_title, split_extension};

/// The number of the first file.
const FIRST_FILE: i64 = 1_482_901;

/// The number of the first folder that is created later than the portal.
const FIRST_FOLDER: i64 = 760_001;

/// All folders and files.
#[derive(Debug)]
pub(super) struct Storage {
    folders: BTreeMap<FolderId, Folder>,
    files: BTreeMap<FileId, File>,
    pub(super) people: People,
    /// All tags of the portal, in the order of their creation.
    pub(super) tags: Vec<String>,
    next_file: i64,
    next_folder: i64,
    /// What bulk downloads have prepared, by the name of the file or archive.
    pub(super) downloads: BTreeMap<String, Bytes>,
}

impl Storage {
    pub(super) fn new(people: People) -> Self {
        Self {
            folders: BTreeMap::new(),
            files: BTreeMap::new(),
            people,
            tags: Vec::new(),
            next_file: FIRST_FILE,
            next_folder: FIRST_FOLDER,
            downloads: BTreeMap::new(),
        }
    }

    pub(super) fn folder(&self, id: &FolderId) -> Option<&Folder> {
        self.folders.get(id)
    }

    pub(super) fn folder_mut(&mut self, id: &FolderId) -> Option<&mut Folder> {
        self.folders.get_mut(id)
    }

    pub(super) fn file(&self, id: &FileId) -> Option<&File> {
        self.files.get(id)
    }

    pub(super) fn file_mut(&mut self, id: &FileId) -> Option<&mut File> {
        self.files.get_mut(id)
    }

    pub(super) fn put_folder(&mut self, folder: Folder) {
        self.folders.insert(folder.id.clone(), folder);
    }

    /// Adds a folder or room with the next free number.
    pub(super) fn add_folder(&mut self, new: NewFolder<'_>, now: Timestamp) -> FolderId {
        let id = FolderId::from(self.next_folder);
        self.next_folder += 1;
        let action = match new.room {
            Some(_) => Action::RoomCreated,
            None => Action::FolderCreated,
        };
        self.put_folder(Folder {
            id: id.clone(),
            parent: Some(new.parent.clone()),
            trashed_from: None,
            title: clean_title(new.title),
            created: now,
            updated: now,
            created_by: new.by,
            read_only: false,
            kind: new.room.map_or(FolderKind::Plain, FolderKind::Room),
            links: Vec::new(),
            activities: Vec::new(),
        });
        self.log_folder(action, &id, new.by, now);
        id
    }

    /// Adds an entry to the activity log of a folder.
    pub(super) fn log_folder(&mut self, action: Action, id: &FolderId, by: User, now: Timestamp) {
        if let Some(folder) = self.folder_mut(id) {
            let data = json!({ "id": id, "title": folder.title, "parentId": folder.parent });
            folder.activities.push(Activity {
                action,
                by,
                at: now,
                data,
            });
        }
    }

    /// Adds a file with the next free number. A folder may contain several files of one title.
    pub(super) fn add_file(&mut self, new: NewFile, now: Timestamp) -> FileId {
        let id = FileId::from(self.next_file);
        self.next_file += 1;
        let file = File {
            id: id.clone(),
            folder: new.folder,
            trashed_from: None,
            title: clean_title(&new.title),
            content: new.content,
            version: 1,
            created: now,
            updated: now,
            created_by: new.by,
            updated_by: new.by,
            comment: UPLOADED.to_owned(),
            locked_by: None,
            in_editor: false,
            read_only: false,
            password: None,
            links: Vec::new(),
            activities: Vec::new(),
        };
        self.files.insert(id.clone(), file);
        id
    }

    /// Unlocks a file, and every other one that the same user has locked: a fault of DocSpace 3.7.2 (docs/DOCSPACE.md
    /// A9.1).
    pub(super) fn unlock(&mut self, id: &FileId, by: User, now: Timestamp) {
        let Some(file) = self.files.get_mut(id) else {
            return;
        };
        let holder = file.locked_by;
        file.unlock(by, now);
        if holder.is_some() {
            let others = self.files.values_mut();
            for file in others.filter(|file| file.locked_by == holder) {
                file.locked_by = None;
            }
        }
    }

    /// How many rooms the service account has pinned.
    pub(super) fn pinned_rooms(&self) -> usize {
        let rooms = self.folders.values().filter_map(Folder::room);
        rooms.filter(|room| room.pinned).count()
    }

    /// Adds tags to a room, and to the list of the portal's tags if they are new there. `false` if it is not a room.
    pub(super) fn add_tags(&mut self, room: &FolderId, tags: &[String]) -> bool {
        let Some(room) = self.folders.get_mut(room).and_then(Folder::room_mut) else {
            return false;
        };
        for tag in tags {
            if !room.tags.contains(tag) {
                room.tags.push(tag.clone());
            }
            if !self.tags.contains(tag) {
                self.tags.push(tag.clone());
            }
        }
        true
    }

    /// Deletes an account, which leaves its rooms.
    pub(super) fn remove_person(&mut self, id: &str) {
        let subject = Subject::Person(id.to_owned());
        for room in self.folders.values_mut().filter_map(Folder::room_mut) {
            room.set_access(&subject, AccessLevel::None);
        }
        self.people.remove(id);
    }

    pub(super) fn remove_file(&mut self, id: &FileId) {
        self.files.remove(id);
    }

    /// Removes a folder and everything below it.
    pub(super) fn remove_folder(&mut self, id: &FolderId) {
        let below: Vec<FolderId> = self
            .folders_in(id)
            .map(|folder| folder.id.clone())
            .collect();
        for folder in below {
            self.remove_folder(&folder);
        }
        self.files.retain(|_, file| file.folder != *id);
        self.folders.remove(id);
    }

    /// The section of this kind that belongs to a user.
    pub(super) fn section_of_user(&self, section: Section, user: User) -> Option<FolderId> {
        let mut folders = self.folders.values();
        let found =
            folders.find(|folder| folder.section() == Some(section) && folder.created_by == user);
        found.map(|folder| folder.id.clone())
    }

    /// Moves a file to the trash of a user.
    pub(super) fn trash_file(&mut self, id: &FileId, by: User, now: Timestamp) {
        if let Some(trash) = self.section_of_user(Section::Trash, by)
            && let Some(file) = self.files.get_mut(id)
        {
            file.log(Action::Trashed, by, now);
            file.trashed_from = Some(std::mem::replace(&mut file.folder, trash));
            file.updated = now;
            file.updated_by = by;
        }
    }

    /// Moves a folder with everything in it to the trash of a user.
    pub(super) fn trash_folder(&mut self, id: &FolderId, by: User) {
        if let Some(trash) = self.section_of_user(Section::Trash, by)
            && let Some(folder) = self.folders.get_mut(id)
        {
            folder.trashed_from = folder.parent.replace(trash);
        }
    }

    /// Whether a file in a folder or below it is open in an editor.
    pub(super) fn has_open_file(&self, folder: &FolderId) -> bool {
        self.files_below(folder).any(|file| file.in_editor)
    }

    /// Whether a file in a folder or below it is open in an editor, or locked by somebody else than the service account.
    pub(super) fn is_in_use(&self, folder: &FolderId) -> bool {
        self.files_below(folder)
            .any(|file| file.in_editor || file.is_locked_for(User::Service))
    }

    fn files_below(&self, folder: &FolderId) -> impl Iterator<Item = &File> {
        let tree = self.tree(folder);
        self.files
            .values()
            .filter(move |file| tree.contains(&file.folder))
    }

    /// The files directly in a folder, by id.
    pub(super) fn files_in(&self, folder: &FolderId) -> impl Iterator<Item = &File> {
        self.files
            .values()
            .filter(move |file| file.folder == *folder)
    }

    /// The folders directly in a folder, by id.
    pub(super) fn folders_in(&self, parent: &FolderId) -> impl Iterator<Item = &Folder> {
        self.folders
            .values()
            .filter(move |folder| folder.parent.as_ref() == Some(parent))
    }

    /// The folder and all folders below it.
    pub(super) fn tree(&self, id: &FolderId) -> Vec<FolderId> {
        let mut tree = vec![id.clone()];
        let mut unread = 0;
        while let Some(folder) = tree.get(unread).cloned() {
            tree.extend(self.folders_in(&folder).map(|below| below.id.clone()));
            unread += 1;
        }
        tree
    }

    /// The folders from the topmost ancestor down to the folder itself.
    pub(super) fn path(&self, id: &FolderId) -> Vec<&Folder> {
        let upwards = std::iter::successors(self.folder(id), |folder| {
            folder
                .parent
                .as_ref()
                .and_then(|parent| self.folder(parent))
        });
        let mut path: Vec<_> = upwards.take(self.folders.len()).collect();
        path.reverse();
        path
    }

    /// The room that contains a folder, or the folder itself if it is a room.
    pub(super) fn room_of(&self, id: &FolderId) -> Option<&Folder> {
        self.path(id).into_iter().find(|folder| folder.is_room())
    }

    /// A file of this title directly in the folder.
    pub(super) fn same_title(&self, folder: &FolderId, title: &str) -> Option<&File> {
        self.files_in(folder).find(|file| file.title == title)
    }

    /// A folder of this title directly in the folder.
    pub(super) fn same_folder_title(&self, parent: &FolderId, title: &str) -> Option<&Folder> {
        self.folders_in(parent).find(|folder| folder.title == title)
    }

    /// The title itself, or the first of `name (1).ext`, `name (2).ext` … that is free.
    pub(super) fn free_title(&self, folder: &FolderId, title: &str) -> String {
        title::first_free(split_extension(title), |candidate| {
            self.same_title(folder, candidate).is_none()
        })
    }

    /// The same for a folder, whose title has no extension.
    pub(super) fn free_folder_title(&self, parent: &FolderId, title: &str) -> String {
        title::first_free((title, ""), |candidate| {
            self.same_folder_title(parent, candidate).is_none()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_title_is_found() {
        let mut storage = Storage::new(People::default());
        let folder = FolderId::from(1);
        let mut add = |title: &str| {
            let title = storage.free_title(&folder, title);
            let new = NewFile {
                folder: folder.clone(),
                title: title.clone(),
                content: Bytes::new(),
                by: User::Client,
            };
            storage.add_file(new, Timestamp::UNIX_EPOCH);
            title
        };
        assert_eq!(add("a.b.pdf"), "a.b.pdf");
        assert_eq!(add("a.b.pdf"), "a.b (1).pdf");
        assert_eq!(add("a.b.pdf"), "a.b (2).pdf");
        assert_eq!(add("README"), "README");
        assert_eq!(add("README"), "README (1)");
    }
}
