//! What the portal holds: people, rooms, folders and files. State only; nothing is sent from here.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;

use crate::ids::{FileId, FolderId};

/// The longest title the portal keeps, in UTF-16 units.
const LONGEST_TITLE: usize = 170;

/// The first number given to a file.
const FIRST_FILE: i64 = 1_482_901;

/// The first number given to a folder made later.
const FIRST_FOLDER: i64 = 760_001;

/// The people of the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Person {
    /// The one who uploads.
    Client,
    /// The portal's owner, who made the rooms.
    Owner,
    /// The account the API key belongs to.
    Service,
}

impl Person {
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Client => "5f1d0c52-7a1e-4d1b-9c3b-2f6f0d6a1b11",
            Self::Owner => "9b0c9c5e-2f0b-4c5e-8a57-6f2d6d1f7a01",
            Self::Service => "3e7a4f10-6c1d-4f1e-bb1d-0d8f4f9a2c33",
        }
    }

    pub(super) fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Client => ("Chris", "Client"),
            Self::Owner => ("Olga", "Owner"),
            Self::Service => ("Docflow", "Bot"),
        }
    }
}

/// The kinds of room the portal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoomKind {
    Custom,
    FormFilling,
}

/// A folder; a room is a folder with a kind, and so is the section that holds the rooms, without.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) id: FolderId,
    pub(super) parent: Option<FolderId>,
    pub(super) title: String,
    pub(super) room: Option<RoomKind>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) created_by: Person,
    /// Whether the service account may put nothing in here.
    pub(super) forbidden: bool,
    /// Whether the service account is no member of this room, and sees it only as an administrator.
    pub(super) without_us: bool,
}

/// The comment that a version gets by being uploaded.
const UPLOADED: &str = "Uploaded";

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
    pub(super) created_by: Person,
    pub(super) updated_by: Person,
    /// The comment of the newest version.
    pub(super) comment: String,
    pub(super) locked: bool,
    pub(super) in_editor: bool,
    /// Whether the service account may only read it.
    pub(super) forbidden: bool,
}

impl File {
    /// Takes new content; the time moves by a second at least, so that every version differs.
    pub(super) fn overwrite(&mut self, content: Bytes, by: Person, now: Timestamp) {
        self.content = content;
        self.version += 1;
        UPLOADED.clone_into(&mut self.comment);
        self.updated_by = by;
        self.updated = now.max(self.updated + jiff::SignedDuration::from_secs(1));
    }
}

/// What a new file is made of.
#[derive(Debug)]
pub(super) struct NewFile {
    pub(super) folder: FolderId,
    pub(super) title: String,
    pub(super) content: Bytes,
    pub(super) by: Person,
}

/// All folders and files.
#[derive(Debug)]
pub(super) struct World {
    folders: BTreeMap<FolderId, Folder>,
    files: BTreeMap<FileId, File>,
    next_file: i64,
    next_folder: i64,
}

impl World {
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

    /// Makes a folder with the next free number.
    pub(super) fn add_folder(
        &mut self,
        parent: &FolderId,
        title: &str,
        by: Person,
        now: Timestamp,
    ) -> FolderId {
        let id = FolderId::from(self.next_folder);
        self.next_folder += 1;
        self.put_folder(Folder {
            id: id.clone(),
            parent: Some(parent.clone()),
            title: clean_title(title),
            room: None,
            created: now,
            updated: now,
            created_by: by,
            forbidden: false,
            without_us: false,
        });
        id
    }

    /// Makes a file with the next free number; several files of one title may lie in a folder.
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
            forbidden: false,
        };
        self.files.insert(id.clone(), file);
        id
    }

    pub(super) fn remove_file(&mut self, id: &FileId) -> Option<File> {
        self.files.remove(id)
    }

    /// Removes a folder with everything below it.
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

    /// The files directly in a folder, by their number.
    pub(super) fn files_in(&self, folder: &FolderId) -> impl Iterator<Item = &File> {
        self.files
            .values()
            .filter(move |file| file.folder == *folder)
    }

    /// The folders directly in a folder, by their number.
    pub(super) fn folders_in(&self, parent: &FolderId) -> impl Iterator<Item = &Folder> {
        self.folders
            .values()
            .filter(move |folder| folder.parent.as_ref() == Some(parent))
    }

    /// The chain from the topmost ancestor down to the folder itself.
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

    /// The room a folder is in, or is.
    pub(super) fn room_of(&self, id: &FolderId) -> Option<&Folder> {
        self.path(id)
            .into_iter()
            .find(|folder| folder.room.is_some())
    }

    /// Whether a folder lies in a room of which the service account is no member.
    pub(super) fn is_without_us(&self, id: &FolderId) -> bool {
        self.room_of(id).is_some_and(|room| room.without_us)
    }

    /// A file of this title directly in the folder.
    pub(super) fn same_title(&self, folder: &FolderId, title: &str) -> Option<&File> {
        self.files_in(folder).find(|file| file.title == title)
    }

    /// The title itself, or `name (1).ext`, `name (2).ext`, whichever is free first.
    pub(super) fn free_title(&self, folder: &FolderId, title: &str) -> String {
        if self.same_title(folder, title).is_none() {
            return title.to_owned();
        }
        let (name, extension) = split_extension(title);
        (1..=u32::MAX)
            .map(|number| format!("{name} ({number}){extension}"))
            .find(|candidate| self.same_title(folder, candidate).is_none())
            .expect("a folder holds fewer files than there are numbers")
    }
}

/// The name and the extension with its dot; the extension is empty when there is none.
pub(super) fn split_extension(title: &str) -> (&str, &str) {
    title.split_at(title.rfind('.').unwrap_or(title.len()))
}

/// What the portal makes of a title it is given (docs/DOCSPACE.md 2.1).
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
        let mut world = World::new();
        let folder = FolderId::from(1);
        let mut add = |title: &str| {
            let title = world.free_title(&folder, title);
            let new = NewFile {
                folder: folder.clone(),
                title: title.clone(),
                content: Bytes::new(),
                by: Person::Client,
            };
            world.add_file(new, Timestamp::UNIX_EPOCH);
            title
        };
        assert_eq!(add("a.b.pdf"), "a.b.pdf");
        assert_eq!(add("a.b.pdf"), "a.b (1).pdf");
        assert_eq!(add("a.b.pdf"), "a.b (2).pdf");
        assert_eq!(add("README"), "README");
        assert_eq!(add("README"), "README (1)");
    }
}
