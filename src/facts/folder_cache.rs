//! Caches of what is the same for all files of a folder or room: one call to the portal for each of those, not per file.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::event::Trigger;
use crate::ids::FolderId;

/// How long an entry is used. Webhooks that do not announce moved folders are common, so a move must be
/// noticed without an event.
const MAX_AGE: Duration = Duration::from_mins(5);

/// The most entries; one more empties the cache.
const MAX_ENTRIES: usize = 10_000;

/// Facts about folders or rooms.
#[derive(Debug)]
pub(super) struct FolderCache<T>(Mutex<HashMap<FolderId, Cached<T>>>);

#[derive(Debug)]
struct Cached<T> {
    fact: T,
    read_at: Timestamp,
}

impl<T> Default for FolderCache<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> FolderCache<T> {
    /// The fact about a folder, unless it is unknown or too old.
    pub(super) fn get(&self, folder: &FolderId, now: Timestamp) -> Option<T> {
        let entries = self.lock();
        let entry = entries.get(folder)?;
        (now < entry.read_at + MAX_AGE).then(|| entry.fact.clone())
    }

    /// Stores what the portal said at this time.
    pub(super) fn insert(&self, folder: FolderId, fact: T, read_at: Timestamp) {
        let mut entries = self.lock();
        if entries.len() >= MAX_ENTRIES {
            entries.clear();
        }
        entries.insert(folder, Cached { fact, read_at });
    }

    /// Empties the cache when an event of this trigger can have moved or changed a folder or a room. New tags raise no event
    /// (docs/DOCSPACE.md A2).
    pub(super) fn invalidate_after(&self, trigger: &Trigger) {
        const CHANGES: [&str; 7] = [
            "folder.moved",
            "folder.copied",
            "folder.restored",
            "room.updated",
            "room.archived",
            "room.restored",
            "room.deleted",
        ];
        if CHANGES.contains(&trigger.as_str()) {
            self.lock().clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FolderId, Cached<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_used_until_it_is_old_or_a_folder_moves() {
        let start = Timestamp::UNIX_EPOCH;
        let folder = FolderId::from(7);
        let paths = FolderCache::default();
        assert_eq!(paths.get(&folder, start), None);

        let path = vec![FolderId::from(1), folder.clone()];
        paths.insert(folder.clone(), path, start);
        paths.invalidate_after(&Trigger::new("file.moved"));
        assert!(paths.get(&folder, start + Duration::from_mins(4)).is_some());
        assert!(paths.get(&folder, start + MAX_AGE).is_none());

        paths.invalidate_after(&Trigger::new("folder.moved"));
        assert!(paths.get(&folder, start).is_none());
    }
}
