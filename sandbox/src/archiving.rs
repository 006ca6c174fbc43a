//! Moving a room to the Archive and back (docs/DOCSPACE.md A8).

use jiff::Timestamp;

use super::event::{Payload, Raised};
use super::ids::FolderId;
use super::storage::{Action, Section, Storage};
use super::user::User;

/// The error of a room that stays because of a file in it.
const FILE_IN_USE: &str = "The file is being edited";

/// A request to move a room.
#[derive(Clone, Debug)]
pub(super) struct Archiving {
    pub(super) room: FolderId,
    /// The Archive, or the section of the active rooms.
    pub(super) to: FolderId,
}

impl Archiving {
    /// Moves the room, and returns the event. A room that is there already stays, without an event.
    pub(super) fn execute(
        &self,
        storage: &mut Storage,
        now: Timestamp,
    ) -> Result<Option<Raised>, &'static str> {
        if storage.has_open_file(&self.room) {
            return Err(FILE_IN_USE);
        }
        let is_there = |parent: Option<&FolderId>| parent == Some(&self.to);
        let Some(room) = storage.folder_mut(&self.room) else {
            return Ok(None);
        };
        if is_there(room.parent.as_ref()) {
            return Ok(None);
        }
        room.parent = Some(self.to.clone());
        room.updated = now;
        if let Some(room) = room.room_mut() {
            room.pinned = false;
        }
        let archives = storage.section_of(&self.to) == Some(Section::Archive);
        if archives {
            storage.log_folder(Action::RoomArchived, &self.room, User::Service, now);
        }
        let trigger = if archives {
            "room.archived"
        } else {
            "room.restored"
        };
        let payload = Payload::of_folder_in(storage, &self.room);
        Ok(payload.map(|payload| (trigger, payload)))
    }
}
