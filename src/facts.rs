//! Facts: finds out from the portal what the rules must know about an event and the delivery does not say.
//!
//! The worker, `rules explain` and `rules try` use the same [`FactFinder`]. The rules are evaluated with
//! what is known; as long as they return a [`MissingFact`], it is taken from a cache or looked up in the portal, and
//! they are evaluated again.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::clock::Clock;
use crate::docspace::{Client, Error, FileInfo, FolderInfo, GroupInfo, OpenReason, Profile};
use crate::event::Trigger;
use crate::ids::{FileId, FolderId};
use crate::rules::{Facts, Lookup, MissingFact};
use crate::wire::FolderType;

mod fact_cache;

pub(crate) use fact_cache::FactCache;

/// The most lookups for one event: the path and the room of its folder, the file, the path and the room of the folder in
/// which the file is now, the current user, the acting user, and that user's groups.
const MAX_LOOKUPS: usize = 8;

/// The triggers of events that can have moved or changed a folder or a room. New tags raise no event
/// (docs/DOCSPACE.md A2).
const FOLDER_CHANGES: &[&str] = &[
    "folder.moved",
    "folder.copied",
    "folder.restored",
    "room.updated",
    "room.archived",
    "room.restored",
    "room.deleted",
];

/// The triggers of events that can have changed a person or a group. Not every new member of a group raises one
/// (docs/DOCSPACE.md A10.2).
const PEOPLE_CHANGES: &[&str] = &[
    "user.created",
    "user.invited",
    "user.updated",
    "user.deleted",
    "group.created",
    "group.updated",
    "group.deleted",
];

/// Looks up facts in the portal, and caches those that many events share.
#[derive(Debug)]
pub struct FactFinder {
    portal: Arc<Client>,
    clock: Clock,
    folder_paths: FactCache<FolderId, FolderPath>,
    rooms: FactCache<FolderId, FolderInfo>,
    profiles: FactCache<String, Profile>,
    groups: FactCache<String, Vec<GroupInfo>>,
    current_user: OnceCell<String>,
}

/// The folders from the section down to a folder.
#[derive(Clone, Debug)]
struct FolderPath {
    folders: Vec<FolderId>,
    /// The one that is the room, if it is in a room.
    room: Option<FolderId>,
}

impl From<Vec<FolderInfo>> for FolderPath {
    fn from(path: Vec<FolderInfo>) -> Self {
        let room = path.iter().find(|folder| folder.room_type.is_some());
        Self {
            room: room.map(|room| room.id.clone()),
            folders: path.into_iter().map(|folder| folder.id).collect(),
        }
    }
}

/// Why a fact is still missing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FactError {
    /// The circuit breaker does not let the lookup through.
    #[error("{}", .0.sentence())]
    CircuitOpen(OpenReason),
    /// The lookup failed.
    #[error("looking up {missing}: {error}")]
    LookupFailed {
        /// What was looked up.
        missing: MissingFact,
        /// Why that failed.
        error: Arc<Error>,
    },
    /// All lookups that an event can need were made, and the rules still need this.
    #[error("the rules still need {0} after {MAX_LOOKUPS} lookups")]
    TooManyLookups(MissingFact),
}

/// Lookups that a batch of events shares: each is made once, and an error is a result, too.
#[derive(Debug, Default)]
pub struct SharedLookups {
    files: LookupMap<FileId, FileInfo>,
    paths: LookupMap<FolderId, FolderPath>,
    rooms: LookupMap<FolderId, FolderInfo>,
    profiles: LookupMap<String, Profile>,
    groups: LookupMap<String, Vec<GroupInfo>>,
}

type LookupResult<T> = Result<Lookup<T>, Arc<Error>>;

#[derive(Debug)]
struct LookupMap<K, T>(Mutex<HashMap<K, Arc<OnceCell<LookupResult<T>>>>>);

impl<K, T> Default for LookupMap<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, T: Clone> LookupMap<K, T> {
    /// The result for this key; looks it up unless that was done before.
    async fn get_or_look_up(
        &self,
        key: &K,
        look_up: impl AsyncFnOnce() -> Result<T, Error>,
    ) -> LookupResult<T> {
        let cell = {
            let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry(key.clone()).or_default())
        };
        let result = cell.get_or_init(async || found_or_not(look_up().await));
        result.await.clone()
    }
}

/// Takes "not found" as a result.
fn found_or_not<T>(result: Result<T, Error>) -> LookupResult<T> {
    match result {
        Ok(value) => Ok(Lookup::Found(value)),
        Err(Error::NotFound) => Ok(Lookup::NotFound),
        Err(error) => Err(Arc::new(error)),
    }
}

impl FactFinder {
    /// A finder for this portal, with empty caches.
    pub fn new(portal: Arc<Client>, clock: Clock) -> Self {
        Self {
            portal,
            clock,
            folder_paths: FactCache::until(FOLDER_CHANGES),
            rooms: FactCache::until(FOLDER_CHANGES),
            profiles: FactCache::until(PEOPLE_CHANGES),
            groups: FactCache::until(PEOPLE_CHANGES),
            current_user: OnceCell::new(),
        }
    }

    /// Forgets what an event of this trigger can have changed.
    pub fn invalidate_after(&self, trigger: &Trigger) {
        self.folder_paths.invalidate_after(trigger);
        self.rooms.invalidate_after(trigger);
        self.profiles.invalidate_after(trigger);
        self.groups.invalidate_after(trigger);
    }

    /// Evaluates without lookups in the portal; returns the first fact that is not in a cache.
    pub fn evaluate_from_cache<T>(
        &self,
        facts: &mut Facts<'_>,
        evaluate: impl Fn(&Facts<'_>) -> Result<T, MissingFact>,
    ) -> Result<T, MissingFact> {
        loop {
            match evaluate(facts) {
                Ok(value) => return Ok(value),
                Err(missing) if self.take_from_cache(&missing, facts) => {}
                Err(missing) => return Err(missing),
            }
        }
    }

    /// The room around the file or folder of an event, as far as it is known without a lookup for it. The first
    /// folder of a path is a section, such as that of the rooms; the second is a room.
    pub fn known_room(&self, facts: &Facts<'_>) -> Option<FolderId> {
        let entry = facts.event.entry.as_ref()?;
        if matches!(entry.root_kind, Some(FolderType::MyDocuments)) {
            return None;
        }
        match &facts.path {
            Some(Lookup::Found(path)) => path.get(1).cloned(),
            Some(Lookup::NotFound) => None,
            None => {
                let path = self.folder_paths.get(&entry.folder()?, self.clock.now())?;
                path.folders.get(1).cloned()
            }
        }
    }

    /// Evaluates, and looks up each fact that is missing.
    pub async fn evaluate<T>(
        &self,
        lookups: &SharedLookups,
        facts: &mut Facts<'_>,
        evaluate: impl Fn(&Facts<'_>) -> Result<T, MissingFact>,
    ) -> Result<T, FactError> {
        for _ in 0..MAX_LOOKUPS {
            match self.evaluate_from_cache(facts, &evaluate) {
                Ok(value) => return Ok(value),
                Err(missing) => self.look_up(lookups, missing, facts).await?,
            }
        }
        self.evaluate_from_cache(facts, evaluate)
            .map_err(FactError::TooManyLookups)
    }

    /// Takes a missing fact from a cache. Returns whether that gave a new fact.
    fn take_from_cache(&self, missing: &MissingFact, facts: &mut Facts<'_>) -> bool {
        match missing {
            MissingFact::Path(folder) if facts.path.is_none() => {
                let path = self.folder_paths.get(folder, self.clock.now());
                facts.path = path.map(|path| Lookup::Found(path.folders));
                facts.path.is_some()
            }
            MissingFact::Room(folder) if facts.room.is_none() => {
                facts.room = self.cached_room(folder);
                facts.room.is_some()
            }
            MissingFact::CurrentUser if facts.current_user.is_none() => {
                facts.current_user = self.current_user.get().cloned();
                facts.current_user.is_some()
            }
            MissingFact::Account(id) if facts.actor.is_none() => {
                let profile = self.profiles.get(id, self.clock.now());
                facts.actor = profile.map(Lookup::Found);
                facts.actor.is_some()
            }
            MissingFact::Groups(id) if facts.actor_groups.is_none() => {
                let groups = self.groups.get(id, self.clock.now());
                facts.actor_groups = groups.map(Lookup::Found);
                facts.actor_groups.is_some()
            }
            MissingFact::File(_)
            | MissingFact::Path(_)
            | MissingFact::Room(_)
            | MissingFact::CurrentUser
            | MissingFact::Account(_)
            | MissingFact::Groups(_) => false,
        }
    }

    /// The room of a folder, if that is known.
    fn cached_room(&self, folder: &FolderId) -> Option<Lookup<Option<FolderInfo>>> {
        let now = self.clock.now();
        match self.folder_paths.get(folder, now)?.room {
            Some(room) => self
                .rooms
                .get(&room, now)
                .map(|room| Lookup::Found(Some(room))),
            None => Some(Lookup::Found(None)),
        }
    }

    async fn look_up(
        &self,
        lookups: &SharedLookups,
        missing: MissingFact,
        facts: &mut Facts<'_>,
    ) -> Result<(), FactError> {
        facts.lookups.push(missing.clone());
        let looked_up = match &missing {
            MissingFact::File(file) => self.look_up_file(lookups, file, facts).await,
            MissingFact::Path(folder) => self.look_up_path(lookups, folder, facts).await,
            MissingFact::Room(folder) => self.look_up_room(lookups, folder, facts).await,
            MissingFact::CurrentUser => self.look_up_current_user(facts).await,
            MissingFact::Account(id) => self.look_up_account(lookups, id, facts).await,
            MissingFact::Groups(id) => self.look_up_groups(lookups, id, facts).await,
        };
        looked_up.map_err(|error| match &*error {
            Error::CircuitOpen { reason, .. } => FactError::CircuitOpen(*reason),
            _ => FactError::LookupFailed { missing, error },
        })
    }

    async fn look_up_file(
        &self,
        lookups: &SharedLookups,
        file: &FileId,
        facts: &mut Facts<'_>,
    ) -> Result<(), Arc<Error>> {
        let look_up = async || self.portal.files().file(file).await;
        facts.file = Some(lookups.files.get_or_look_up(file, look_up).await?);
        // The file may be in another folder than the delivery says, which has another path.
        facts.path = None;
        facts.room = None;
        Ok(())
    }

    async fn look_up_path(
        &self,
        lookups: &SharedLookups,
        folder: &FolderId,
        facts: &mut Facts<'_>,
    ) -> Result<(), Arc<Error>> {
        facts.path = Some(match self.path(lookups, folder).await? {
            Lookup::Found(path) => Lookup::Found(path.folders),
            Lookup::NotFound => Lookup::NotFound,
        });
        Ok(())
    }

    async fn path(&self, lookups: &SharedLookups, folder: &FolderId) -> LookupResult<FolderPath> {
        if let Some(path) = self.folder_paths.get(folder, self.clock.now()) {
            return Ok(Lookup::Found(path));
        }
        let look_up = async || {
            let path = self.portal.files().folder_path(folder).await?;
            let path = FolderPath::from(path);
            self.folder_paths
                .insert(folder.clone(), path.clone(), self.clock.now());
            Ok(path)
        };
        lookups.paths.get_or_look_up(folder, look_up).await
    }

    async fn look_up_room(
        &self,
        lookups: &SharedLookups,
        folder: &FolderId,
        facts: &mut Facts<'_>,
    ) -> Result<(), Arc<Error>> {
        let room = match self.path(lookups, folder).await? {
            Lookup::Found(path) => path.room,
            Lookup::NotFound => {
                facts.room = Some(Lookup::NotFound);
                return Ok(());
            }
        };
        let Some(room) = room else {
            facts.room = Some(Lookup::Found(None));
            return Ok(());
        };
        let look_up = async || {
            let info = self.portal.files().room(&room).await?;
            self.rooms
                .insert(room.clone(), info.clone(), self.clock.now());
            Ok(info)
        };
        facts.room = Some(match lookups.rooms.get_or_look_up(&room, look_up).await? {
            Lookup::Found(room) => Lookup::Found(Some(room)),
            Lookup::NotFound => Lookup::NotFound,
        });
        Ok(())
    }

    async fn look_up_current_user(&self, facts: &mut Facts<'_>) -> Result<(), Arc<Error>> {
        let look_up = async || {
            self.portal
                .account()
                .current_user()
                .await
                .map(|user| user.id)
        };
        let user = self.current_user.get_or_try_init(look_up).await?;
        facts.current_user = Some(user.clone());
        Ok(())
    }

    async fn look_up_account(
        &self,
        lookups: &SharedLookups,
        id: &String,
        facts: &mut Facts<'_>,
    ) -> Result<(), Arc<Error>> {
        let look_up = async || {
            let profile = self.portal.people().account(id).await?;
            let now = self.clock.now();
            self.profiles.insert(id.clone(), profile.clone(), now);
            Ok(profile)
        };
        facts.actor = Some(lookups.profiles.get_or_look_up(id, look_up).await?);
        Ok(())
    }

    async fn look_up_groups(
        &self,
        lookups: &SharedLookups,
        id: &String,
        facts: &mut Facts<'_>,
    ) -> Result<(), Arc<Error>> {
        let look_up = async || {
            let groups = self.portal.people().groups_of(id).await?;
            let now = self.clock.now();
            self.groups.insert(id.clone(), groups.clone(), now);
            Ok(groups)
        };
        facts.actor_groups = Some(lookups.groups.get_or_look_up(id, look_up).await?);
        Ok(())
    }
}
