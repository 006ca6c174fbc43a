//! The rooms, folders and files of the portal. Changes here raise no events.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;

use super::ids::{FileId, FolderId};
use super::user::User;

/// The longest title the portal keeps, in UTF-16 units.
const LONGEST_TITLE: usize = 170;

/// The number of the first file.
const FIRST_FILE: i64 = 1_482_901;

/// The number of the first folder that is created later than the portal.
const FIRST_FOLDER: i64 = 760_001;

/// The kind of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoomKind {
    Collaboration,
    Custom,
    Data,
    FormFilling,
    Public,
}

/// A folder. A room is a folder with a kind; the section that holds the rooms is a folder without a parent.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) id: FolderId,
    pub(super) parent: Option<FolderId>,
    pub(super) title: String,
    pub(super) room: Option<RoomKind>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) created_by: User,
    /// Whether the service account has no right to put anything into it.
    pub(super) read_only: bool,
    /// For a room: whether the service account is a member. If not, it sees the room only as an administrator.
    pub(super) service_is_member: bool,
}

/// The comment of an uploaded version.
const UPLOADED: &str = "Uploaded";

/// An entry of a file's activity log.
#[derive(Clone, Debug)]
pub(super) struct Activity {
    pub(super) action: Action,
    pub(super) by: User,
    pub(super) at: Timestamp,
    /// The titles before and after it, if it changed the title.
    pub(super) titles: Option<[String; 2]>,
}

impl Activity {
    /// Whether another entry is folded into this one: the same action of the same person in the same minute.
    pub(super) fn is_folded_with(&self, other: &Self) -> bool {
        self.action == other.action
            && self.by == other.by
            && self.at.as_second() / 60 == other.at.as_second() / 60
    }
}

/// What an entry of the activity log says that was done. It calls a save in the editor and an upload that
/// overwrites the file the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Renamed,
    Uploaded,
    Updated,
}

impl Action {
    /// DocSpace's number and name for it.
    pub(super) fn id_and_key(self) -> (u16, &'static str) {
        match self {
            Self::Renamed => (5001, "FileRenamed"),
            Self::Uploaded => (5011, "FileUploaded"),
            Self::Updated => (5034, "UserFileUpdated"),
        }
    }
}

/// A file with its newest content.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) id: FileId,
    pub(super) folder: FolderId,
    pub(super) title: String,
    pub(super) content: Bytes,
    pub(super) version: u32,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) created_by: User,
    pub(super) updated_by: User,
    /// The comment of the newest version.
    pub(super) comment: String,
    pub(super) locked: bool,
    pub(super) in_editor: bool,
    /// Whether the service account has only the right to read it.
    pub(super) read_only: bool,
    /// Its activity log, oldest entry first.
    pub(super) activities: Vec<Activity>,
}

impl File {
    /// Adds an entry to the activity log.
    pub(super) fn log(&mut self, action: Action, by: User, at: Timestamp) {
        self.activities.push(Activity {
            action,
            by,
            at,
            titles: None,
        });
    }

    /// Changes the title, which counts as a change of the file at least a second after the previous one.
    pub(super) fn rename(&mut self, title: &str, by: User, now: Timestamp) {
        let old_title = std::mem::replace(&mut self.title, clean_title(title));
        self.updated_by = by;
        self.updated = now.max(self.updated + jiff::SignedDuration::from_secs(1));
        self.activities.push(Activity {
            action: Action::Renamed,
            by,
            at: now,
            titles: Some([old_title, self.title.clone()]),
        });
    }

    /// Adds a version. It is at least a second newer than the previous one, so that their times differ.
    pub(super) fn overwrite(&mut self, content: Bytes, by: User, now: Timestamp) {
        self.content = content;
        self.version += 1;
        UPLOADED.clone_into(&mut self.comment);
        self.updated_by = by;
        self.updated = now.max(self.updated + jiff::SignedDuration::from_secs(1));
    }
}

/// A file to add.
#[derive(Debug)]
pub(super) struct NewFile {
    pub(super) folder: FolderId,
    pub(super) title: String,
    pub(super) content: Bytes,
    pub(super) by: User,
}

/// A folder or room to add.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewFolder<'a> {
    pub(super) parent: &'a FolderId,
    pub(super) title: &'a str,
    pub(super) room: Option<RoomKind>,
    pub(super) by: User,
}

/// All folders and files.
#[derive(Debug)]
pub(super) struct Storage {
    folders: BTreeMap<FolderId, Folder>,
    files: BTreeMap<FileId, File>,
    next_file: i64,
    next_folder: i64,
}

impl Storage {
    pub(super) fn new() -> Self {
        Self {
            folders: BTreeMap::new(),
            files: BTreeMap::new(),
            next_file: FIRST_FILE,
            next_folder: FIRST_FOLDER,
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

    /// Adds a folder with the next free number; it is a room if it has a kind.
    pub(super) fn add_folder(&mut self, new: NewFolder<'_>, now: Timestamp) -> FolderId {
        let id = FolderId::from(self.next_folder);
        self.next_folder += 1;
        self.put_folder(Folder {
            id: id.clone(),
            parent: Some(new.parent.clone()),
            title: clean_title(new.title),
            room: new.room,
            created: now,
            updated: now,
            created_by: new.by,
            read_only: false,
            service_is_member: true,
        });
        id
    }

    /// Adds a file with the next free number. A folder may contain several files of one title.
    pub(super) fn add_file(&mut self, new: NewFile, now: Timestamp) -> FileId {
        let id = FileId::from(self.next_file);
        self.next_file += 1;
        let file = File {
            id: id.clone(),
            folder: new.folder,
            title: clean_title(&new.title),
            content: new.content,
            version: 1,
            created: now,
            updated: now,
            created_by: new.by,
            updated_by: new.by,
            comment: UPLOADED.to_owned(),
            locked: false,
            in_editor: false,
            read_only: false,
            activities: Vec::new(),
        };
        self.files.insert(id.clone(), file);
        id
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
        self.path(id)
            .into_iter()
            .find(|folder| folder.room.is_some())
    }

    /// Whether the service account has no right to put anything into a folder.
    pub(super) fn is_read_only(&self, folder: &Folder) -> bool {
        folder.read_only || self.is_in_foreign_room(&folder.id)
    }

    /// Whether the service account has only the right to read a file.
    pub(super) fn is_file_read_only(&self, file: &File) -> bool {
        file.read_only || self.is_in_foreign_room(&file.folder)
    }

    /// Whether a folder is in a room that does not have the service account as a member.
    fn is_in_foreign_room(&self, folder: &FolderId) -> bool {
        self.room_of(folder)
            .is_some_and(|room| !room.service_is_member)
    }

    /// Whether the service account sees rooms of which it is not a member, as only administrators do.
    pub(super) fn is_service_administrator(&self) -> bool {
        let mut rooms = self.folders.values().filter(|folder| folder.room.is_some());
        rooms.any(|room| !room.service_is_member)
    }

    /// A file of this title directly in the folder.
    pub(super) fn same_title(&self, folder: &FolderId, title: &str) -> Option<&File> {
        self.files_in(folder).find(|file| file.title == title)
    }

    /// The title itself, or the first of `name (1).ext`, `name (2).ext` … that is free.
    pub(super) fn free_title(&self, folder: &FolderId, title: &str) -> String {
        if self.same_title(folder, title).is_none() {
            return title.to_owned();
        }
        let (name, extension) = split_extension(title);
        (1..=u32::MAX)
            .map(|number| format!("{name} ({number}){extension}"))
            .find(|candidate| self.same_title(folder, candidate).is_none())
            .expect("a folder contains fewer files than there are numbers")
    }
}

/// The name, and the extension with its dot or an empty extension.
pub(super) fn split_extension(title: &str) -> (&str, &str) {
    title.split_at(title.rfind('.').unwrap_or(title.len()))
}

/// The title the portal stores for a requested one (docs/DOCSPACE.md 2.1).
fn clean_title(title: &str) -> String {
    let replaced: String = title
        .chars()
        .map(|character| match character {
            '\t' | '*' | '+' | ':' | '"' | '<' | '>' | '?' | '|' | '\\' | '/' | '\u{10000}'.. => {
                '_'
            }
            _ => character,
        })
        .collect();
    let (name, extension) = split_extension(&replaced);
    let room = LONGEST_TITLE.saturating_sub(extension.chars().count());
    if name.chars().count() <= room {
        return replaced;
    }
    let shortened: String = name.chars().take(room).collect();
    let whole = shortened + extension;
    whole.chars().take(LONGEST_TITLE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_cleaned() {
        let check = |given: &str, kept: &str| assert_eq!(clean_title(given), kept);
        check(
            "Рахунок №42 — Müller & Söhne's.pdf",
            "Рахунок №42 — Müller & Söhne's.pdf",
        );
        check("a\tb*c+d:e\"f<g>h?i|j\\k/l", "a_b_c_d_e_f_g_h_i_j_k_l");
        check("party 🎉.pdf", "party _.pdf");
        let long = clean_title(&format!("{}.pdf", "x".repeat(300)));
        assert_eq!(long.len(), 170);
        assert!(long.ends_with("x.pdf"));
    }

    #[test]
    fn a_free_title_is_found() {
        let mut storage = Storage::new();
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
