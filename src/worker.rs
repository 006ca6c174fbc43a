//! Run: decides the events of the inbox and runs the actions of the outbox.
//!
//! [`Worker::decide_next`] and [`Worker::process_next`] each do one step; [`Worker::run`] is the short
//! loop around both, with several attempts side by side. Whoever writes to the inbox or the outbox in
//! this process wakes it; it also looks by itself, for what other processes wrote.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

use crate::actions::failpoint::Failpoints;
use crate::clock::Clock;
use crate::db::{Db, StoreError};
use crate::docspace::{self, Client};
use crate::inbox;
use crate::metrics::Metrics;
use crate::notify::Channels;
use crate::outbox::{self, Action};
use crate::rules::{ActiveRules, Rule};
use crate::telemetry::ErrorChain;
use crate::wake::Wake;

mod attempt;
mod batching;
mod decide;
mod folder_paths;
mod retention;

use crate::backoff::backoff;

use batching::{InFlightBatch, InFlightBatches};
use folder_paths::FolderPaths;

/// Attempts that run side by side: as many as the portal takes writes at a time (docs/DOCSPACE.md 7).
const ATTEMPTS_AT_A_TIME: usize = 15;

/// Notifications and calls among them at the most, so that a mail server which answers slowly does not
/// keep files waiting.
const TELLING_AT_A_TIME: usize = 5;

/// How long a claim lasts without renewal; longer than the client waits for any answer.
const LEASE: Duration = Duration::from_mins(2);
const _: () = assert!(LEASE.as_secs() > docspace::WRITE_TIMEOUT.as_secs());

/// How often what is next is looked for, when another instance is quicker to claim what was found.
const CLAIM_TRIES: usize = 5;

/// How long deciding gives way to deliveries that stand in line: a sender is waiting for those, and what
/// is stored can wait.
const GIVE_WAY: Duration = Duration::from_millis(50);

/// How often the worker looks for work that nobody in this process told it of.
const LOOK_AROUND: Duration = Duration::from_secs(1);

/// How long attempts in hand may take to end once the service is told to stop.
const GRACE: Duration = Duration::from_secs(25);

/// Decides events and runs actions.
#[derive(Debug)]
pub struct Worker {
    db: Db,
    portal: Arc<Client>,
    rules: ActiveRules,
    paths: FolderPaths,
    /// The account of the key, once it was asked for.
    current_user: OnceLock<String>,
    clock: Clock,
    max_attempts: u32,
    retention: Duration,
    wake: Arc<Wake>,
    failpoints: Failpoints,
    channels: Channels,
    /// Where calls for copies and moves are under way.
    lanes: Arc<InFlightBatches>,
    /// Notifications and calls that run just now.
    telling: AtomicUsize,
    metrics: Arc<Metrics>,
}

/// What was claimed for one attempt.
#[derive(Debug)]
struct ClaimedBatch {
    actions: Vec<Action>,
    /// The lane that copies and moves hold meanwhile.
    _entered: Option<InFlightBatch>,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something was done; there may be more.
    Worked,
    /// Nothing is due.
    Idle,
}

impl Worker {
    /// A worker on this store for this portal.
    pub fn new(
        db: Db,
        portal: Arc<Client>,
        rules: Vec<Rule>,
        max_attempts: u32,
        retention: Duration,
        clock: Clock,
    ) -> Self {
        Self {
            db,
            portal,
            rules: ActiveRules::new(rules),
            paths: FolderPaths::default(),
            current_user: OnceLock::new(),
            clock,
            max_attempts,
            retention,
            wake: Arc::default(),
            failpoints: Failpoints::default(),
            channels: Channels::default(),
            lanes: Arc::default(),
            telling: AtomicUsize::new(0),
            metrics: Arc::default(),
        }
    }

    /// The same worker, with ways to people and programs.
    #[must_use]
    pub fn with_channels(mut self, channels: Channels) -> Self {
        self.channels = channels;
        self
    }

    /// The same worker, which stops at a point a test names.
    #[must_use]
    pub fn with_failpoints(mut self, failpoints: Failpoints) -> Self {
        self.failpoints = failpoints;
        self
    }

    /// The same worker, whose decisions and attempts are counted here.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = metrics;
        self
    }

    /// The rules it decides by, for whoever reloads or reads them.
    pub fn rules(&self) -> ActiveRules {
        self.rules.clone()
    }

    /// What wakes it.
    pub fn wake(&self) -> Arc<Wake> {
        Arc::clone(&self.wake)
    }

    /// The portal it works for.
    pub fn portal(&self) -> &Arc<Client> {
        &self.portal
    }

    /// Claims what is due next and runs one attempt at it: a notification, a call, or all copies or moves
    /// that can travel together.
    pub async fn process_next(&self) -> Result<Step, StoreError> {
        match self.claim_next().await? {
            Some(work) => {
                self.attempt(work).await;
                Ok(Step::Worked)
            }
            None => Ok(Step::Idle),
        }
    }

    async fn claim_next(&self) -> Result<Option<ClaimedBatch>, StoreError> {
        let portal_is_ready = self.portal.ready().await.is_ok();
        if self.portal.take_recovered() {
            let now = self.clock.now();
            self.db.write(move |sql| inbox::expedite(sql, now)).await?;
            self.wake.inbox.notify_one();
        }
        if self.telling.load(Ordering::Relaxed) < TELLING_AT_A_TIME
            && let Some(work) = self.claim_telling().await?
        {
            return Ok(Some(work));
        }
        if portal_is_ready && self.portal.no_write_before().is_none() {
            return self.claim_batch().await;
        }
        Ok(None)
    }

    async fn claim_telling(&self) -> Result<Option<ClaimedBatch>, StoreError> {
        for _ in 0..CLAIM_TRIES {
            let now = self.clock.now();
            let found = self
                .db
                .read(move |sql| outbox::find_notification(sql, now))
                .await?;
            let Some(id) = found else { return Ok(None) };
            let claimed = self
                .db
                .write(move |sql| outbox::claim(sql, id, now, now + LEASE))
                .await?;
            if let Some(action) = claimed {
                self.telling.fetch_add(1, Ordering::Relaxed);
                return Ok(Some(ClaimedBatch {
                    actions: vec![action],
                    _entered: None,
                }));
            }
        }
        Ok(None)
    }

    async fn claim_batch(&self) -> Result<Option<ClaimedBatch>, StoreError> {
        for _ in 0..CLAIM_TRIES {
            let now = self.clock.now();
            let (lanes, moment) = (Arc::clone(&self.lanes), Instant::now());
            let found = self
                .db
                .read(move |sql| outbox::find_batch(sql, now, |key| lanes.wanted(key, moment)))
                .await?;
            let Some(batch) = found else { return Ok(None) };
            let entered = self.lanes.enter(batch.key, moment);
            let claimed = self
                .db
                .write(move |sql| outbox::claim_all(sql, &batch.actions, now, now + LEASE))
                .await?;
            if !claimed.is_empty() {
                return Ok(Some(ClaimedBatch {
                    actions: claimed,
                    _entered: Some(entered),
                }));
            }
        }
        Ok(None)
    }

    /// Decides and runs until told to stop, then lets the attempts in hand end.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let deciding = tokio::spawn(Arc::clone(&self).keep_deciding(stop.clone()));
        let pruning = tokio::spawn(Arc::clone(&self).keep_pruning(stop.clone()));
        let attempts = TaskTracker::new();
        self.keep_running(&attempts, &stop).await;

        attempts.close();
        if tokio::time::timeout(GRACE, attempts.wait()).await.is_err() {
            warn!(
                attempts = attempts.len(),
                "attempts are left to the next start"
            );
        }
        // Deciding and pruning are short transactions; what is interrupted is done at the next start.
        deciding.abort();
        pruning.abort();
    }

    async fn keep_deciding(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.decide_next().await {
                Ok(Step::Worked) => {
                    if self.db.has_backlog() {
                        tokio::time::sleep(GIVE_WAY).await;
                    }
                    continue;
                }
                Ok(Step::Idle) => {}
                Err(error) => log_store_error(&error),
            }
            let now = self.clock.now();
            let next_due = self.db.read(move |sql| inbox::next_due(sql, now)).await;
            self.rest(&self.wake.inbox, next_due.ok().flatten(), &stop)
                .await;
        }
    }

    async fn keep_running(self: &Arc<Self>, attempts: &TaskTracker, stop: &CancellationToken) {
        let slots = Arc::new(Semaphore::new(ATTEMPTS_AT_A_TIME));
        while !stop.is_cancelled() {
            let slot = tokio::select! {
                slot = Arc::clone(&slots).acquire_owned() => slot.expect("the slots are never closed"),
                () = stop.cancelled() => return,
            };
            match self.claim_next().await {
                Ok(Some(work)) => {
                    let worker = Arc::clone(self);
                    attempts.spawn(async move {
                        worker.attempt(work).await;
                        drop(slot);
                        worker.wake.outbox.notify_one();
                    });
                    continue;
                }
                Ok(None) => {}
                Err(error) => log_store_error(&error),
            }
            drop(slot);
            let now = self.clock.now();
            let next_due = self.db.read(move |sql| outbox::next_due(sql, now)).await;
            self.rest(&self.wake.outbox, next_due.ok().flatten(), stop)
                .await;
        }
    }

    /// Waits until woken, until something is due, or for a short while.
    async fn rest(&self, wake: &Notify, next_due: Option<Timestamp>, stop: &CancellationToken) {
        /// Work that is due but not free to run must not make the loop spin.
        const AT_LEAST: Duration = Duration::from_millis(20);

        let until_due = next_due
            .and_then(|due| Duration::try_from(due.duration_since(self.clock.now())).ok())
            .filter(|wait| !wait.is_zero());
        let wait = until_due.map_or(LOOK_AROUND, |wait| wait.clamp(AT_LEAST, LOOK_AROUND));
        tokio::select! {
            () = wake.notified() => {}
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => {}
        }
    }
}

fn log_store_error(error: &StoreError) {
    error!(error = %ErrorChain(error), "the store cannot be used; trying again");
}
