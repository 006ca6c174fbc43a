//! Who can see a room, as read lately: one reading for many notifications.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex, MutexGuard};

use crate::docspace::{AccountStatus, Profile};
use crate::facts::FactCache;
use crate::ids::FolderId;

/// How long a reading is used. Sharing raises no event, so it is short: long enough for many uploads at once.
const MAX_AGE: Duration = Duration::from_secs(30);

/// Who can see the rooms, as read lately.
#[derive(Debug)]
pub struct RoomReaders {
    known: FactCache<(FolderId, Depth), Arc<[Reader]>>,
    /// Held while the portal is asked.
    reading: Mutex<()>,
}

/// Whether the groups in a room have been replaced by their members, which the key may not be allowed to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Depth {
    PeopleOnly,
    WithGroups,
}

/// A person who can see a room.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    /// The GUID of the account.
    pub(super) id: String,
    pub(super) email: Option<String>,
    /// Whether the account can be used.
    pub(super) is_active: bool,
    /// Whether it owns or manages the room.
    pub(super) is_manager: bool,
}

impl Default for RoomReaders {
    fn default() -> Self {
        Self {
            known: FactCache::for_at_most(MAX_AGE),
            reading: Mutex::default(),
        }
    }
}

impl RoomReaders {
    /// Waits until nobody else asks the portal.
    pub(super) async fn begin_reading(&self) -> MutexGuard<'_, ()> {
        self.reading.lock().await
    }

    /// Who can see a room, unless that was not read lately.
    pub(super) fn get(
        &self,
        room: &FolderId,
        depth: Depth,
        now: Timestamp,
    ) -> Option<Arc<[Reader]>> {
        self.known.get(&(room.clone(), depth), now)
    }

    /// Stores what the portal said at this time.
    pub(super) fn insert(
        &self,
        room: &FolderId,
        depth: Depth,
        readers: Arc<[Reader]>,
        now: Timestamp,
    ) {
        self.known.insert((room.clone(), depth), readers, now);
    }
}

impl Reader {
    /// Whether it is the account with this GUID.
    pub(super) fn is(&self, id: &str) -> bool {
        self.id.eq_ignore_ascii_case(id)
    }

    /// The address, if the account can be used.
    pub(super) fn address(&self) -> Option<&str> {
        self.email.as_deref().filter(|_| self.is_active)
    }
}

impl From<Profile> for Reader {
    fn from(profile: Profile) -> Self {
        Self {
            is_active: profile.status == AccountStatus::ACTIVE,
            id: profile.id,
            email: profile.email,
            is_manager: false,
        }
    }
}
