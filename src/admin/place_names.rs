//! The names of rooms and folders, for pages.
//!
//! A page shows the names that are known, and has the others looked up for the next time, so that it never waits long for
//! the portal. Names are kept in memory only.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Clock;
use crate::docspace::{Client, Error, folder_address};
use crate::ids::FolderId;
use crate::text::clean;

/// How long a name is used before it is looked up again; also how long one that cannot be read is not asked for.
const MAX_AGE: Duration = Duration::from_mins(10);

/// Names that are remembered.
const MAX_NAMES: usize = 10_000;

/// Names that one page has looked up.
const MAX_LOOKUPS: usize = 30;

/// The names of rooms and folders that are known.
#[derive(Debug)]
pub struct PlaceNames {
    portal: Arc<Client>,
    clock: Clock,
    known: Mutex<HashMap<FolderId, Known>>,
    /// Held by the task that looks names up.
    looking_up: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug)]
struct Known {
    /// With the names of the folders around it; `None` if the portal does not show it.
    name: Option<String>,
    read_at: Timestamp,
}

/// A room or folder on a page.
pub(super) struct PlaceItem {
    /// Its name, or its id.
    pub(super) name: String,
    pub(super) id: String,
    /// Where it is in DocSpace.
    pub(super) address: String,
}

impl PlaceNames {
    /// No names yet.
    pub fn new(portal: Arc<Client>, clock: Clock) -> Self {
        Self {
            portal,
            clock,
            known: Mutex::default(),
            looking_up: Arc::default(),
        }
    }

    /// The name of a room or folder, if it is known.
    pub(super) fn name(&self, place: &str) -> Option<String> {
        let place: FolderId = place.parse().ok()?;
        self.lock().get(&place)?.name.clone()
    }

    /// A room or folder for a page.
    pub(super) fn item(&self, place: &str) -> PlaceItem {
        PlaceItem {
            name: self.name(place).unwrap_or_else(|| clean(place)),
            id: clean(place),
            address: folder_address(self.portal.host(), place),
        }
    }

    /// Has the names looked up that are not known, if the portal can be asked without delaying other work, and waits
    /// this long for them.
    pub(super) async fn look_up<'a>(
        self: &Arc<Self>,
        places: impl IntoIterator<Item = &'a str>,
        patience: Duration,
    ) {
        let now = self.clock.now();
        let places = places.into_iter().filter_map(|place| place.parse().ok());
        let mut unknown: BTreeSet<FolderId> = places.collect();
        {
            let known = self.lock();
            unknown.retain(|place| {
                let known = known.get(place);
                known.is_none_or(|known| now >= known.read_at + MAX_AGE)
            });
        }
        if unknown.is_empty() || !self.portal.has_spare_calls() {
            return;
        }
        // The next page asks again for what this one leaves.
        let Ok(only_one) = Arc::clone(&self.looking_up).try_lock_owned() else {
            return;
        };
        let names = Arc::clone(self);
        let task = tokio::spawn(async move {
            for place in unknown.into_iter().take(MAX_LOOKUPS) {
                names.read(place).await;
            }
            drop(only_one);
        });
        if !patience.is_zero() {
            let _ = tokio::time::timeout(patience, task).await;
        }
    }

    async fn read(&self, place: FolderId) {
        let path = self.portal.files().folder_path(&place).await;
        let is_unknown = matches!(path, Err(ref error) if !matches!(error, Error::NotFound));
        let name = path.ok().and_then(|path| {
            let below_section = path.iter().filter(|folder| !folder.is_section());
            let titles: Vec<String> = below_section.map(|folder| clean(&folder.title)).collect();
            match path.last() {
                Some(section) if titles.is_empty() => Some(clean(&section.title)),
                _ => Some(titles.join(" / ")).filter(|name| !name.is_empty()),
            }
        });
        let read_at = self.clock.now();
        let mut known = self.lock();
        if known.len() >= MAX_NAMES {
            known.clear();
        }
        // While the portal does not answer, the last name is shown.
        let last = known.remove(&place).filter(|_| is_unknown);
        let name = name.or(last.and_then(|last| last.name));
        known.insert(place, Known { name, read_at });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FolderId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
