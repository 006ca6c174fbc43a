//! A cache of the folders above a folder: one call to the portal per folder, not per file.

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

/// The folders above each folder, from the top-most one down to the folder itself.
#[derive(Debug, Default)]
pub(super) struct FolderPaths(Mutex<HashMap<FolderId, CachedPath>>);

#[derive(Debug)]
struct CachedPath {
    path: Vec<FolderId>,
    read_at: Timestamp,
}

impl FolderPaths {
    /// The path of a folder, unless it is unknown or too old.
    pub(super) fn get(&self, folder: &FolderId, now: Timestamp) -> Option<Vec<FolderId>> {
        let entries = self.lock();
        let entry = entries.get(folder)?;
        (now < entry.read_at + MAX_AGE).then(|| entry.path.clone())
    }

    /// Stores the path that the portal gave at this time.
    pub(super) fn insert(&self, folder: FolderId, path: Vec<FolderId>, read_at: Timestamp) {
        let mut entries = self.lock();
        if entries.len() >= MAX_ENTRIES {
            entries.clear();
        }
        entries.insert(folder, CachedPath { path, read_at });
    }

    /// Empties the cache when an event of this trigger can have moved a folder or a room.
    pub(super) fn invalidate_after(&self, trigger: &Trigger) {
        const MOVES: [&str; 6] = [
            "folder.moved",
            "folder.copied",
            "folder.restored",
            "room.archived",
            "room.restored",
            "room.deleted",
        ];
        if MOVES.contains(&trigger.as_str()) {
            self.lock().clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FolderId, CachedPath>> {
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
        let paths = FolderPaths::default();
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
