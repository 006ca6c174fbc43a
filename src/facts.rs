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
use crate::docspace::{Client, Error, FileInfo, OpenReason};
use crate::event::Trigger;
use crate::ids::{FileId, FolderId};
use crate::rules::{Facts, Lookup, MissingFact};
use crate::wire::FolderType;

mod folder_paths;

use folder_paths::FolderPaths;

/// The most lookups for one event: the path of its folder, the file, the path of the folder in which
/// the file is now, and the current user.
const MAX_LOOKUPS: usize = 4;

/// Looks up facts in the portal, and caches those that many events share.
#[derive(Debug)]
pub struct FactFinder {
    portal: Arc<Client>,
    clock: Clock,
    folder_paths: FolderPaths,
    current_user: OnceCell<String>,
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
    paths: LookupMap<FolderId, Vec<FolderId>>,
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
            folder_paths: FolderPaths::default(),
            current_user: OnceCell::new(),
        }
    }

    /// Forgets what an event of this trigger can have changed.
    pub fn invalidate_after(&self, trigger: &Trigger) {
        self.folder_paths.invalidate_after(trigger);
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
                path.get(1).cloned()
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
                facts.path = path.map(Lookup::Found);
                facts.path.is_some()
            }
            MissingFact::CurrentUser if facts.current_user.is_none() => {
                facts.current_user = self.current_user.get().cloned();
                facts.current_user.is_some()
            }
            MissingFact::File(_) | MissingFact::Path(_) | MissingFact::CurrentUser => false,
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
            MissingFact::CurrentUser => self.look_up_current_user(facts).await,
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
        Ok(())
    }

    async fn look_up_path(
        &self,
        lookups: &SharedLookups,
        folder: &FolderId,
        facts: &mut Facts<'_>,
    ) -> Result<(), Arc<Error>> {
        let look_up = async || {
            let path = self.portal.files().folder_path(folder).await?;
            let path: Vec<FolderId> = path.into_iter().map(|folder| folder.id).collect();
            self.folder_paths
                .insert(folder.clone(), path.clone(), self.clock.now());
            Ok(path)
        };
        facts.path = Some(lookups.paths.get_or_look_up(folder, look_up).await?);
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
}
