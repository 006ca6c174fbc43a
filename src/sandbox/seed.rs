//! What every portal starts with: three rooms, their folders, and the people.

use jiff::Timestamp;

use super::world::{Folder, Person, RoomKind, World};
use crate::ids::FolderId;

/// The rooms, folders and people every portal starts with.
#[derive(Clone, Debug)]
pub struct Seed {
    /// The section that holds the rooms: the `rootId` of everything in any room.
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
    /// The GUID of the account that uploads.
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
            service_account: Person::Service.id().to_owned(),
            client_user: Person::Client.id().to_owned(),
        }
    }

    /// The world of a portal opened now.
    pub(super) fn world(&self, now: Timestamp) -> World {
        use RoomKind::Custom;
        let section = Some(&self.rooms_section);
        let client = Some(&self.client_room);
        let internal = Some(&self.internal_room);
        let mut world = World::new();
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
            world.put_folder(Folder {
                id: id.clone(),
                parent: parent.cloned(),
                title: title.to_owned(),
                room,
                created: now,
                updated: now,
                created_by: Person::Owner,
                forbidden: false,
                without_us: false,
            });
        }
        world
    }
}
