//! Caches of what is the same for many events, such as those in a room or by a person: one call to the portal for each of those,
//! not per event.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::event::Trigger;

/// How long an entry is used by default. Webhooks that do not announce moved folders are common, so a move must be
/// noticed without an event.
const MAX_AGE: Duration = Duration::from_mins(5);

/// The most entries; one more empties the cache.
const MAX_ENTRIES: usize = 10_000;

/// Facts about folders, rooms or people.
#[derive(Debug)]
pub(crate) struct FactCache<K, T> {
    entries: Mutex<HashMap<K, Cached<T>>>,
    /// How long an entry is used.
    max_age: Duration,
    /// The triggers of events that report a change of such a fact.
    changes: &'static [&'static str],
}

#[derive(Debug)]
struct Cached<T> {
    fact: T,
    read_at: Timestamp,
}

impl<K: Eq + Hash, T: Clone> FactCache<K, T> {
    /// An empty cache, which an event of one of these triggers empties again.
    pub(crate) fn until(changes: &'static [&'static str]) -> Self {
        Self {
            entries: Mutex::default(),
            max_age: MAX_AGE,
            changes,
        }
    }

    /// An empty cache whose entries are used for this long.
    pub(crate) fn for_at_most(max_age: Duration) -> Self {
        Self {
            max_age,
            ..Self::until(&[])
        }
    }

    /// The fact about this, unless it is unknown or too old.
    pub(crate) fn get(&self, about: &K, now: Timestamp) -> Option<T> {
        let entries = self.lock();
        let entry = entries.get(about)?;
        (now < entry.read_at + self.max_age).then(|| entry.fact.clone())
    }

    /// Stores what the portal said at this time.
    pub(crate) fn insert(&self, about: K, fact: T, read_at: Timestamp) {
        let mut entries = self.lock();
        if entries.len() >= MAX_ENTRIES {
            entries.clear();
        }
        entries.insert(about, Cached { fact, read_at });
    }

    /// Empties the cache when an event of this trigger can have changed a fact.
    pub(crate) fn invalidate_after(&self, trigger: &Trigger) {
        if self.changes.contains(&trigger.as_str()) {
            self.lock().clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Cached<T>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::FolderId;

    #[test]
    fn a_path_is_used_until_it_is_old_or_a_folder_moves() {
        let start = Timestamp::UNIX_EPOCH;
        let folder = FolderId::from(7);
        let paths = FactCache::until(&["folder.moved"]);
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
