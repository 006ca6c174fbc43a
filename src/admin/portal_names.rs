//! The names of rooms, folders and people, for pages.
//!
//! A page shows the names that are known, and has the others looked up for the next time, so that it never waits long for
//! the portal. Names are kept in memory only.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Clock;
use crate::docspace::{Client, Error, folder_address, person_address};
use crate::ids::FolderId;
use crate::text::clean;

/// How long a name is used before it is looked up again; also how long one that cannot be read is not asked for.
const MAX_AGE: Duration = Duration::from_mins(10);

/// How long a page waits for the names that it shows.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// Names that are remembered.
const MAX_NAMES: usize = 10_000;

/// Names that one page has looked up.
const MAX_LOOKUPS: usize = 30;

/// The names of rooms, folders and people that are known.
#[derive(Debug)]
pub struct PortalNames {
    portal: Arc<Client>,
    clock: Clock,
    known: Mutex<HashMap<Named, Known>>,
    /// Held by the task that looks names up.
    looking_up: Arc<tokio::sync::Mutex<()>>,
}

/// What has a name in the portal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Named {
    /// A room or folder.
    Place(FolderId),
    /// The account with this GUID.
    Person(String),
}

impl Named {
    /// The room or folder with this id; `None` if it is none.
    pub(super) fn place(id: &str) -> Option<Self> {
        id.parse().ok().map(Self::Place)
    }

    /// The account with this GUID.
    pub(super) fn person(id: &str) -> Self {
        Self::Person(id.to_owned())
    }
}

#[derive(Debug)]
struct Known {
    /// `None` if the portal does not show it.
    name: Option<Name>,
    read_at: Timestamp,
}

#[derive(Clone, Debug)]
struct Name {
    /// That of a folder contains those of the folders around it.
    text: String,
    /// Where it is in DocSpace.
    address: String,
}

/// A room or folder on a page.
pub(super) struct PlaceItem {
    /// Its name, or its id.
    pub(super) name: String,
    pub(super) id: String,
    /// Where it is in DocSpace.
    pub(super) address: String,
}

impl PortalNames {
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
        self.known_name(&Named::place(place)?).map(|name| name.text)
    }

    /// The name of a person and where they are in DocSpace, if that is known.
    pub(super) fn person(&self, id: &str) -> Option<(String, String)> {
        let name = self.known_name(&Named::person(id))?;
        Some((name.text, name.address))
    }

    fn known_name(&self, named: &Named) -> Option<Name> {
        self.lock().get(named)?.name.clone()
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
    pub(super) async fn look_up(
        self: &Arc<Self>,
        wanted: impl IntoIterator<Item = Named>,
        patience: Duration,
    ) {
        let mut unknown: BTreeSet<Named> = wanted.into_iter().collect();
        unknown.retain(|named| self.is_due(named));
        if unknown.is_empty() || !self.portal.has_spare_calls() {
            return;
        }
        // The next page asks again for what this one leaves, and a page that waits anyway waits for what is looked up for
        // another one, too.
        let only_one = Arc::clone(&self.looking_up).lock_owned();
        let Ok(only_one) = tokio::time::timeout(patience, only_one).await else {
            return;
        };
        let names = Arc::clone(self);
        let task = tokio::spawn(async move {
            // Another page may have had some of them looked up meanwhile.
            let due = unknown.into_iter().filter(|named| names.is_due(named));
            for named in due.take(MAX_LOOKUPS) {
                names.read(named).await;
            }
            drop(only_one);
        });
        if !patience.is_zero() {
            let _ = tokio::time::timeout(patience, task).await;
        }
    }

    /// Whether a name is not known, or has been for long.
    fn is_due(&self, named: &Named) -> bool {
        let read_at = self.lock().get(named).map(|known| known.read_at);
        read_at.is_none_or(|read_at| self.clock.now() >= read_at + MAX_AGE)
    }

    async fn read(&self, named: Named) {
        let name = match &named {
            Named::Place(place) => self.read_place(place).await,
            Named::Person(id) => self.read_person(id).await,
        };
        let is_unknown = matches!(name, Err(ref error) if !matches!(error, Error::NotFound));
        let read_at = self.clock.now();
        let mut known = self.lock();
        if known.len() >= MAX_NAMES {
            known.clear();
        }
        // While the portal does not answer, the last name is shown.
        let last = known.remove(&named).filter(|_| is_unknown);
        let name = name.ok().flatten().or(last.and_then(|last| last.name));
        known.insert(named, Known { name, read_at });
    }

    async fn read_place(&self, place: &FolderId) -> Result<Option<Name>, Error> {
        let path = self.portal.files().folder_path(place).await?;
        let below_section = path.iter().filter(|folder| !folder.is_section());
        let titles: Vec<String> = below_section.map(|folder| clean(&folder.title)).collect();
        let text = match path.last() {
            Some(section) if titles.is_empty() => clean(&section.title),
            _ => titles.join(" / "),
        };
        let address = folder_address(self.portal.host(), place.as_str());
        Ok((!text.is_empty()).then_some(Name { text, address }))
    }

    async fn read_person(&self, id: &str) -> Result<Option<Name>, Error> {
        let profile = self.portal.people().account(id).await?;
        let text = clean(&profile.display_name);
        let email = profile.email.unwrap_or_default();
        let address = person_address(self.portal.host(), &email);
        Ok((!text.is_empty()).then_some(Name { text, address }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Named, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
