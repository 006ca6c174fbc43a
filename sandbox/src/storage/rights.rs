//! What the service account may do with files, folders and rooms (docs/DOCSPACE.md A1.6).

use super::Storage;
use super::file::File;
use super::folder::{Folder, Section, Subject};
use crate::ids::FolderId;
use crate::level::AccessLevel::{self, ContentCreator, Editing, Full, RoomManager};
use crate::people::{AccountType, Person};
use crate::user::User;

impl Storage {
    /// The level of the service account in a room: its own, or the one that a group of which it is a member has.
    pub(crate) fn room_access(&self, room: &Folder) -> AccessLevel {
        if room.created_by == User::Service {
            return Full;
        }
        let Some(room) = room.room() else {
            return AccessLevel::None;
        };
        let service = User::Service.id();
        let own = room.access(&Subject::Person(service.to_owned()));
        let groups = self.people.groups_of(service);
        let mut levels = std::iter::once(own)
            .chain(groups.map(|group| room.access(&Subject::Group(group.id.clone()))));
        levels
            .find(|level| *level != AccessLevel::None)
            .unwrap_or_default()
    }

    /// The level of the service account in the room or section that contains a folder.
    pub(crate) fn access(&self, folder: &FolderId) -> AccessLevel {
        if let Some(room) = self.room_of(folder) {
            return self.room_access(room);
        }
        let root = self.path(folder).into_iter().next();
        match root {
            Some(root) if root.created_by == User::Service => Full,
            _ => AccessLevel::None,
        }
    }

    /// The section that contains a folder, or is it.
    pub(crate) fn section_of(&self, folder: &FolderId) -> Option<Section> {
        self.path(folder).first()?.section()
    }

    fn is_active(&self, folder: &FolderId) -> bool {
        matches!(
            self.section_of(folder),
            Some(Section::Rooms | Section::Personal)
        )
    }

    /// Whether the service account may read a folder. The sections of the rooms, the Archive and the templates are open
    /// to everybody, and every room to an administrator.
    pub(crate) fn may_read(&self, folder: &FolderId) -> bool {
        let is_shared = matches!(
            self.section_of(folder),
            Some(Section::Rooms | Section::Archive | Section::Templates)
        );
        let is_administrator = self.people.service_type().is_administrator();
        let is_outside_rooms = self.room_of(folder).is_none();
        is_shared && (is_administrator || is_outside_rooms)
            || self.access(folder) != AccessLevel::None
    }

    /// Whether the service account may put a file or folder into a folder.
    pub(crate) fn may_create_in(&self, folder: &Folder) -> bool {
        let level = self.access(&folder.id);
        let is_outside_rooms =
            folder.section().is_some() && folder.section() != Some(Section::Personal);
        !folder.read_only
            && !is_outside_rooms
            && self.is_active(&folder.id)
            && [Full, RoomManager, ContentCreator].contains(&level)
    }

    /// Whether the service account may copy a file: as a member of its room, or out of its own sections.
    pub(crate) fn may_copy(&self, file: &File) -> bool {
        !file.read_only && self.access(&file.folder) != AccessLevel::None
    }

    /// Whether the service account may copy a folder, which is not a room.
    pub(crate) fn may_copy_folder(&self, folder: &Folder) -> bool {
        folder.parent.is_some() && !folder.is_room() && self.access(&folder.id) != AccessLevel::None
    }

    /// Whether the service account may move or delete a file; it may do both with those in its trash.
    pub(crate) fn may_move(&self, file: &File) -> bool {
        let is_archived = self.section_of(&file.folder) == Some(Section::Archive);
        !file.read_only && !is_archived && self.manages(&file.folder, file.created_by)
    }

    /// Whether the service account may rename, lock and share a file.
    pub(crate) fn may_manage_file(&self, file: &File) -> bool {
        self.is_active(&file.folder) && self.may_move(file)
    }

    /// Whether the service account may comment on the versions of a file.
    pub(crate) fn may_comment(&self, file: &File) -> bool {
        let level = self.access(&file.folder);
        !file.read_only
            && self.is_active(&file.folder)
            && [Full, RoomManager, ContentCreator].contains(&level)
    }

    /// Whether the service account may change the content of a file.
    pub(crate) fn may_edit(&self, file: &File) -> bool {
        let level = self.access(&file.folder);
        !file.read_only
            && self.is_active(&file.folder)
            && [Full, RoomManager, ContentCreator, Editing].contains(&level)
    }

    /// Whether the service account may rename, move or delete a folder, which is not a room.
    pub(crate) fn may_manage_folder(&self, folder: &Folder) -> bool {
        folder.parent.is_some()
            && self.is_active(&folder.id)
            && self.manages(&folder.id, folder.created_by)
    }

    /// Whether the service account may delete a folder or room. An active room may only be deleted by its owner, one in the
    /// Archive also by an administrator.
    pub(crate) fn may_delete_folder(&self, folder: &Folder) -> bool {
        let is_archived = self.section_of(&folder.id) == Some(Section::Archive);
        if folder.is_room() {
            return folder.created_by == User::Service || is_archived && self.may_archive(folder);
        }
        folder.parent.is_some()
            && !folder.read_only
            && !is_archived
            && self.manages(&folder.id, folder.created_by)
    }

    /// Whether the service account may change, share and tag a room.
    pub(crate) fn may_manage_room(&self, room: &Folder) -> bool {
        self.is_active(&room.id) && [Full, RoomManager].contains(&self.room_access(room))
    }

    /// Whether the service account may add tags to a room and take them off, which an administrator may, too.
    pub(crate) fn may_tag(&self, room: &Folder) -> bool {
        let is_administrator = self.people.service_type().is_administrator();
        self.may_manage_room(room) || is_administrator && self.is_active(&room.id)
    }

    /// Whether the service account sees an account. A room admin does not see guests with whom it shares no room.
    pub(crate) fn may_see(&self, person: &Person) -> bool {
        let is_foreign_guest = person.account_type == AccountType::Guest
            && !self
                .rooms_of(&person.id)
                .any(|room| self.may_read(&room.id));
        match self.people.service_type() {
            AccountType::Owner | AccountType::Administrator => true,
            AccountType::RoomAdmin => !is_foreign_guest,
            AccountType::User | AccountType::Guest => person.id == User::Service.id(),
        }
    }

    /// The rooms of which a person is a member.
    fn rooms_of(&self, person: &str) -> impl Iterator<Item = &Folder> {
        let subject = Subject::Person(person.to_owned());
        self.folders.values().filter(move |folder| {
            let room = folder.room();
            room.is_some_and(|room| room.access(&subject) != AccessLevel::None)
        })
    }

    /// Whether the service account may archive and restore a room.
    pub(crate) fn may_archive(&self, room: &Folder) -> bool {
        room.created_by == User::Service || self.people.service_type().is_administrator()
    }

    fn manages(&self, folder: &FolderId, created_by: User) -> bool {
        match self.access(folder) {
            Full | RoomManager => true,
            ContentCreator => created_by == User::Service,
            _ => false,
        }
    }
}
