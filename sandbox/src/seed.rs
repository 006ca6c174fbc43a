//! The initial content of every portal: the sections, three rooms, their folders and members, and the users.

use jiff::Timestamp;

use super::ids::FolderId;
use super::level::AccessLevel;
use super::people::{GROUP, People};
use super::room_kind::RoomKind;
use super::storage::{Folder, FolderKind, Room, Section, Storage, Subject};
use super::user::User;

/// The rooms, folders and users of a new portal.
#[derive(Clone, Debug)]
pub struct Seed {
    /// The section that holds the rooms: the `rootId` of every file and folder in a room.
    pub rooms_section: FolderId,
    /// The section that holds the archived rooms.
    pub archive: FolderId,
    /// The section that holds the room templates.
    pub templates: FolderId,
    /// The section "My documents" of the service account.
    pub my_documents: FolderId,
    /// The trash of the service account.
    pub trash: FolderId,
    /// The trash of the client, which the service account cannot read.
    pub client_trash: FolderId,
    /// The room "Acme - shared with client".
    pub client_room: FolderId,
    /// The folder "2026 uploads" in that room.
    pub client_subfolder: FolderId,
    /// The room "Beta - shared with client".
    pub other_room: FolderId,
    /// The room "Internal Processing".
    pub internal_room: FolderId,
    /// The folder "Inbox" in that room.
    pub internal_folder: FolderId,
    /// The folder "Incoming" in that room.
    pub incoming_folder: FolderId,
    /// The GUID of the account the API key belongs to.
    pub service_account: String,
    /// The GUID of the client, who uploads. The account is that of a guest.
    pub client_user: String,
    /// The GUID of a colleague, whose account is of the type "User", and who is the member of the group.
    pub colleague: String,
    /// The GUID of the group "Accounting".
    pub group: String,
}

impl Seed {
    pub(super) fn new() -> Self {
        Self {
            rooms_section: FolderId::from(86_193),
            archive: FolderId::from(86_194),
            templates: FolderId::from(86_195),
            my_documents: FolderId::from(91_006),
            trash: FolderId::from(91_007),
            client_trash: FolderId::from(91_009),
            client_room: FolderId::from(539_564),
            client_subfolder: FolderId::from(539_702),
            other_room: FolderId::from(539_610),
            internal_room: FolderId::from(340_988),
            internal_folder: FolderId::from(341_029),
            incoming_folder: FolderId::from(748_239),
            service_account: User::Service.id().to_owned(),
            client_user: User::Client.id().to_owned(),
            colleague: User::Colleague.id().to_owned(),
            group: GROUP.to_owned(),
        }
    }

    /// The storage of a portal that is created now.
    pub(super) fn storage(&self, now: Timestamp) -> Storage {
        let mut storage = Storage::new(People::new(now));
        for (id, title, section, owner) in [
            (&self.rooms_section, "Rooms", Section::Rooms, User::Owner),
            (&self.archive, "Archive", Section::Archive, User::Owner),
            (
                &self.templates,
                "Room templates",
                Section::Templates,
                User::Owner,
            ),
            (
                &self.my_documents,
                "My documents",
                Section::Personal,
                User::Service,
            ),
            (&self.trash, "Trash", Section::Trash, User::Service),
            (&self.client_trash, "Trash", Section::Trash, User::Client),
        ] {
            storage.put_folder(Folder {
                created_by: owner,
                ..folder(id, None, title, FolderKind::Section(section), now)
            });
        }
        let section = Some(&self.rooms_section);
        for (id, title, has_client) in [
            (&self.client_room, "Acme - shared with client", true),
            (&self.other_room, "Beta - shared with client", true),
            (&self.internal_room, "Internal Processing", false),
        ] {
            let room = FolderKind::Room(room(has_client));
            storage.put_folder(folder(id, section, title, room, now));
        }
        for (id, parent, title) in [
            (&self.client_subfolder, &self.client_room, "2026 uploads"),
            (&self.internal_folder, &self.internal_room, "Inbox"),
            (&self.incoming_folder, &self.internal_room, "Incoming"),
        ] {
            storage.put_folder(folder(id, Some(parent), title, FolderKind::Plain, now));
        }
        storage
    }
}

/// A room that the service account manages, and in which the client may create files.
fn room(has_client: bool) -> Room {
    let mut room = Room::new(RoomKind::Custom);
    let mut share = |user: User, level| {
        room.set_access(&Subject::Person(user.id().to_owned()), level);
    };
    share(User::Service, AccessLevel::RoomManager);
    if has_client {
        share(User::Client, AccessLevel::ContentCreator);
    }
    room
}

fn folder(
    id: &FolderId,
    parent: Option<&FolderId>,
    title: &str,
    kind: FolderKind,
    now: Timestamp,
) -> Folder {
    Folder {
        id: id.clone(),
        parent: parent.cloned(),
        trashed_from: None,
        title: title.to_owned(),
        created: now,
        updated: now,
        created_by: User::Owner,
        read_only: false,
        kind,
        links: Vec::new(),
        activities: Vec::new(),
    }
}
