//! The initial content of every portal: three rooms, their folders, and the users.

use jiff::Timestamp;

use super::ids::FolderId;
use super::storage::{Folder, RoomKind, Storage};
use super::user::User;

/// The rooms, folders and users of a new portal.
#[derive(Clone, Debug)]
pub struct Seed {
    /// The section that holds the rooms: the `rootId` of every file and folder in a room.
    pub rooms_section: FolderId,
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
    /// The GUID of the client, who uploads.
    pub client_user: String,
}

impl Seed {
    pub(super) fn new() -> Self {
        Self {
            rooms_section: FolderId::from(86_193),
            client_room: FolderId::from(539_564),
            client_subfolder: FolderId::from(539_702),
            other_room: FolderId::from(539_610),
            internal_room: FolderId::from(340_988),
            internal_folder: FolderId::from(341_029),
            incoming_folder: FolderId::from(748_239),
            service_account: User::Service.id().to_owned(),
            client_user: User::Client.id().to_owned(),
        }
    }

    /// The storage of a portal that is created now.
    pub(super) fn storage(&self, now: Timestamp) -> Storage {
        use RoomKind::Custom;
        let section = Some(&self.rooms_section);
        let client = Some(&self.client_room);
        let internal = Some(&self.internal_room);
        let mut storage = Storage::new();
        for (id, parent, title, room) in [
            (&self.rooms_section, None, "Rooms", None),
            (
                &self.client_room,
                section,
                "Acme - shared with client",
                Some(Custom),
            ),
            (
                &self.other_room,
                section,
                "Beta - shared with client",
                Some(Custom),
            ),
            (
                &self.internal_room,
                section,
                "Internal Processing",
                Some(Custom),
            ),
            (&self.client_subfolder, client, "2026 uploads", None),
            (&self.internal_folder, internal, "Inbox", None),
            (&self.incoming_folder, internal, "Incoming", None),
        ] {
            storage.put_folder(Folder {
                id: id.clone(),
                parent: parent.cloned(),
                title: title.to_owned(),
                room,
                created: now,
                updated: now,
                created_by: User::Owner,
                read_only: false,
                service_is_member: true,
            });
        }
        storage
    }
}
