//! Facts: finds out from the portal what the rules must know about an event and the delivery does not say.
//!
//! The worker, `rules explain` and `rules try` use the same [`FactFinder`]. The rules are evaluated with
//! what is known; as long as they return a [`MissingFact`], it is taken from a cache or asked for, and they
//! are evaluated again.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::clock::Clock;
use crate::docspace::{Client, Error, FileInfo, OpenReason};
use crate::event::{Event, Trigger};
use crate::ids::{FileId, FolderId};
use crate::rules::{Facts, Lookup, MissingFact};

mod folder_paths;

use folder_paths::FolderPaths;

/// The most questions about one event: the path of its folder, the file, the path of the folder in which
/// the file is now, and the current user.
const MAX_QUESTIONS: usize = 4;

/// Asks the portal for facts, and caches those that many events share.
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
    /// The circuit breaker does not let the question through.
    #[error("{}", .0.as_str())]
    Paused(OpenReason),
    /// The portal could not be asked, or refused to answer.
    #[error("asking for {missing}: {error}")]
    NotAnswered {
        /// The question.
        missing: MissingFact,
        /// Why it has no answer.
        error: Arc<Error>,
    },
    /// All questions that an event can need were answered, and the rules still need this.
    #[error("the rules still need {0} after {MAX_QUESTIONS} questions")]
    TooManyQuestions(MissingFact),
}

/// What is known about one event.
#[derive(Debug)]
pub struct KnownFacts<'a> {
    event: &'a Event,
    caused_by: &'a [String],
    file: Option<Lookup<FileInfo>>,
    path: Option<Lookup<Vec<FolderId>>>,
    current_user: Option<String>,
    /// What was not in a cache, in order.
    asked: Vec<MissingFact>,
}

impl<'a> KnownFacts<'a> {
    /// What the delivery says, and the rules that caused the event.
    pub fn new(event: &'a Event, caused_by: &'a [String]) -> Self {
        Self {
            event,
            caused_by,
            file: None,
            path: None,
            current_user: None,
            asked: Vec::new(),
        }
    }

    /// The same about a file that a listing described.
    pub fn listed(event: &'a Event, file: FileInfo) -> Self {
        Self {
            file: Some(Lookup::Found(file)),
            ..Self::new(event, &[])
        }
    }

    /// The facts as the rules take them.
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            event: self.event,
            file: self.file.as_ref(),
            path: self.path.as_ref(),
            current_user: self.current_user.as_deref(),
            caused_by: self.caused_by,
        }
    }

    /// The questions that the portal was asked, in order.
    pub fn asked(&self) -> &[MissingFact] {
        &self.asked
    }
}

/// The portal's answers, shared by a batch of events: each question is asked once, and an error is an answer
/// too.
#[derive(Debug, Default)]
pub struct BatchAnswers {
    files: Answers<FileId, FileInfo>,
    paths: Answers<FolderId, Vec<FolderId>>,
}

type Answer<T> = Result<Lookup<T>, Arc<Error>>;

#[derive(Debug)]
struct Answers<K, T>(Mutex<HashMap<K, Arc<OnceCell<Answer<T>>>>>);

impl<K, T> Default for Answers<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, T: Clone> Answers<K, T> {
    /// The answer to the question about `key`; asks it unless that was done before.
    async fn get_or_ask(&self, key: &K, ask: impl AsyncFnOnce() -> Result<T, Error>) -> Answer<T> {
        let answer = {
            let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answers.entry(key.clone()).or_default())
        };
        let answer = answer.get_or_init(async || lookup(ask().await)).await;
        answer.clone()
    }
}

/// Takes "not found" as an answer.
fn lookup<T>(answer: Result<T, Error>) -> Answer<T> {
    match answer {
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

    /// Evaluates without asking the portal; returns the first fact that is not in a cache.
    pub fn evaluate_from_cache<T>(
        &self,
        known: &mut KnownFacts<'_>,
        evaluate: impl Fn(Facts<'_>) -> Result<T, MissingFact>,
    ) -> Result<T, MissingFact> {
        loop {
            match evaluate(known.facts()) {
                Ok(value) => return Ok(value),
                Err(missing) if self.recall(&missing, known) => {}
                Err(missing) => return Err(missing),
            }
        }
    }

    /// Evaluates, and asks the portal for each fact that is missing.
    pub async fn evaluate<T>(
        &self,
        answers: &BatchAnswers,
        known: &mut KnownFacts<'_>,
        evaluate: impl Fn(Facts<'_>) -> Result<T, MissingFact>,
    ) -> Result<T, FactError> {
        for _ in 0..MAX_QUESTIONS {
            match self.evaluate_from_cache(known, &evaluate) {
                Ok(value) => return Ok(value),
                Err(missing) => self.ask(answers, missing, known).await?,
            }
        }
        self.evaluate_from_cache(known, evaluate)
            .map_err(FactError::TooManyQuestions)
    }

    /// Takes a missing fact from a cache. Returns whether that gave a new fact.
    fn recall(&self, missing: &MissingFact, known: &mut KnownFacts<'_>) -> bool {
        match missing {
            MissingFact::Path(folder) if known.path.is_none() => {
                let path = self.folder_paths.get(folder, self.clock.now());
                known.path = path.map(Lookup::Found);
                known.path.is_some()
            }
            MissingFact::CurrentUser if known.current_user.is_none() => {
                known.current_user = self.current_user.get().cloned();
                known.current_user.is_some()
            }
            MissingFact::File(_) | MissingFact::Path(_) | MissingFact::CurrentUser => false,
        }
    }

    async fn ask(
        &self,
        answers: &BatchAnswers,
        missing: MissingFact,
        known: &mut KnownFacts<'_>,
    ) -> Result<(), FactError> {
        known.asked.push(missing.clone());
        let answered = match &missing {
            MissingFact::File(file) => self.ask_for_file(answers, file, known).await,
            MissingFact::Path(folder) => self.ask_for_path(answers, folder, known).await,
            MissingFact::CurrentUser => self.ask_for_current_user(known).await,
        };
        answered.map_err(|error| match &*error {
            Error::CircuitOpen { reason, .. } => FactError::Paused(*reason),
            _ => FactError::NotAnswered { missing, error },
        })
    }

    async fn ask_for_file(
        &self,
        answers: &BatchAnswers,
        file: &FileId,
        known: &mut KnownFacts<'_>,
    ) -> Result<(), Arc<Error>> {
        let ask = async || self.portal.files().file(file).await;
        known.file = Some(answers.files.get_or_ask(file, ask).await?);
        // The file may be in another folder than the delivery says, which has another path.
        known.path = None;
        Ok(())
    }

    async fn ask_for_path(
        &self,
        answers: &BatchAnswers,
        folder: &FolderId,
        known: &mut KnownFacts<'_>,
    ) -> Result<(), Arc<Error>> {
        let ask = async || {
            let path = self.portal.files().folder_path(folder).await?;
            let path: Vec<FolderId> = path.into_iter().map(|folder| folder.id).collect();
            self.folder_paths
                .insert(folder.clone(), path.clone(), self.clock.now());
            Ok(path)
        };
        known.path = Some(answers.paths.get_or_ask(folder, ask).await?);
        Ok(())
    }

    async fn ask_for_current_user(&self, known: &mut KnownFacts<'_>) -> Result<(), Arc<Error>> {
        let ask = async || {
            self.portal
                .account()
                .current_user()
                .await
                .map(|user| user.id)
        };
        let user = self.current_user.get_or_try_init(ask).await?;
        known.current_user = Some(user.clone());
        Ok(())
    }
}
