//! Claims the actions that are due, and runs their attempts at the same time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::actions;
use crate::clock::Clock;
use crate::db::{Db, StoreError};
use crate::docspace::Client;
use crate::outbox::{self, Action, Priority, WRITES_LEFT_TO_LIVE_WORK};
use crate::wake::Wake;

use super::attempt::{AttemptRunner, LEASE};
use super::batching::{InFlightBatch, InFlightBatches};
use super::prober::Prober;
use super::progress::{Progress, log_store_error, wait_for_work};

/// The most attempts at the same time: as many as the portal takes writes (docs/DOCSPACE.md 7).
const MAX_ATTEMPTS_IN_FLIGHT: usize = 15;

/// The most messages among them, so that a slow mail server does not delay files.
const MAX_MESSAGES_IN_FLIGHT: usize = 5;

/// How often to search again when another instance claims first what was found.
const CLAIM_TRIES: usize = 5;

/// How long running attempts may take to finish after shutdown begins.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);

/// Runs the actions of the outbox.
#[derive(Debug)]
pub(super) struct Dispatcher {
    db: Db,
    portal: Arc<Client>,
    clock: Clock,
    wake: Arc<Wake>,
    runner: Arc<AttemptRunner>,
    prober: Arc<Prober>,
    slots: Slots,
    /// The attempts that run; they outlive a restart of the dispatching task.
    attempts: TaskTracker,
}

/// What bounds the work in flight.
#[derive(Debug)]
struct Slots {
    attempts: Arc<Semaphore>,
    messages: Arc<Semaphore>,
    batches: Arc<InFlightBatches>,
}

/// What was claimed for one attempt.
#[derive(Debug)]
struct Claimed {
    actions: Vec<Action>,
    /// Held until the attempt ends.
    _slot: Slot,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held for its effect when it is dropped")]
enum Slot {
    Message(OwnedSemaphorePermit),
    Batch(InFlightBatch),
}

impl Dispatcher {
    pub(super) fn new(
        db: Db,
        portal: Arc<Client>,
        clock: Clock,
        wake: Arc<Wake>,
        runner: AttemptRunner,
        prober: Arc<Prober>,
    ) -> Self {
        Self {
            db,
            portal,
            clock,
            wake,
            runner: Arc::new(runner),
            prober,
            slots: Slots {
                attempts: Arc::new(Semaphore::new(MAX_ATTEMPTS_IN_FLIGHT)),
                messages: Arc::new(Semaphore::new(MAX_MESSAGES_IN_FLIGHT)),
                batches: Arc::default(),
            },
            attempts: TaskTracker::new(),
        }
    }

    /// Starts attempts until `stop` is cancelled.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let slot = Arc::clone(&self.slots.attempts).acquire_owned();
            let slot = tokio::select! {
                slot = slot => slot.expect("the semaphore is never closed"),
                () = stop.cancelled() => return,
            };
            match self.claim_next().await {
                Ok(Some(claimed)) => {
                    self.start(claimed, slot);
                    continue;
                }
                Ok(None) => {}
                Err(error) => log_store_error(&error),
            }
            drop(slot);
            let now = self.clock.now();
            let next_due = self.db.read(move |sql| outbox::next_due(sql, now)).await;
            let next_due = next_due.ok().flatten();
            wait_for_work(&self.wake.outbox, next_due, &self.clock, &stop).await;
        }
    }

    fn start(&self, claimed: Claimed, slot: OwnedSemaphorePermit) {
        let (runner, wake) = (Arc::clone(&self.runner), Arc::clone(&self.wake));
        self.attempts.spawn(async move {
            runner.run(&claimed.actions).await;
            drop((claimed, slot));
            wake.outbox.notify_one();
        });
    }

    /// Waits until the running attempts have finished, up to [`SHUTDOWN_TIMEOUT`].
    pub(super) async fn finish_attempts(&self) {
        self.attempts.close();
        let finished = tokio::time::timeout(SHUTDOWN_TIMEOUT, self.attempts.wait()).await;
        if finished.is_err() {
            warn!(
                attempts = self.attempts.len(),
                "attempts are still running; the next start reconciles them"
            );
        }
    }

    /// Claims what is due next and runs one attempt at it: a message, or a batch of file work.
    /// If nothing can run, a probe is sent if one is due.
    pub(super) async fn process_next(&self) -> Result<Progress, StoreError> {
        self.prober.report_recovery().await?;
        let mut claimed = self.claim_next().await?;
        if claimed.is_none() && self.prober.probe().await? {
            claimed = self.claim_next().await?;
        }
        match claimed {
            Some(claimed) => {
                self.runner.run(&claimed.actions).await;
                Ok(Progress::Worked)
            }
            None => Ok(Progress::Idle),
        }
    }

    /// Claims what is due next and can run now. It waits for nothing but the store.
    async fn claim_next(&self) -> Result<Option<Claimed>, StoreError> {
        let portal_takes_writes =
            self.prober.admits_work() && self.portal.no_write_before().is_none();
        for priority in [Priority::Live, Priority::Background] {
            if let Some(claimed) = self.claim_message(priority).await? {
                return Ok(Some(claimed));
            }
            let has_writes = priority == Priority::Live
                || self.portal.writes_left_today() > WRITES_LEFT_TO_LIVE_WORK;
            if portal_takes_writes
                && has_writes
                && let Some(claimed) = self.claim_batch(priority).await?
            {
                return Ok(Some(claimed));
            }
        }
        Ok(None)
    }

    async fn claim_message(&self, priority: Priority) -> Result<Option<Claimed>, StoreError> {
        let Ok(slot) = Arc::clone(&self.slots.messages).try_acquire_owned() else {
            return Ok(None);
        };
        for _ in 0..CLAIM_TRIES {
            let now = self.clock.now();
            let unavailable = self.runner.channels.unavailable(now);
            let found = self
                .db
                .read(move |sql| outbox::find_message(sql, now, priority, &unavailable))
                .await?;
            let Some(id) = found else { return Ok(None) };
            let claimed = self
                .db
                .write(move |sql| outbox::claim(sql, id, now, now + LEASE))
                .await?;
            if let Some(action) = claimed {
                return Ok(Some(Claimed {
                    actions: vec![action],
                    _slot: Slot::Message(slot),
                }));
            }
        }
        Ok(None)
    }

    async fn claim_batch(&self, priority: Priority) -> Result<Option<Claimed>, StoreError> {
        for _ in 0..CLAIM_TRIES {
            let (now, started) = (self.clock.now(), Instant::now());
            let batches = Arc::clone(&self.slots.batches);
            let policy = move |key: &str| match priority {
                Priority::Live => batches.policy(key, started),
                Priority::Background => batches.background_policy(key),
            };
            let size = move |plan: &str| actions::batch_size(plan, priority);
            let found = self
                .db
                .read(move |sql| outbox::find_batch(sql, now, priority, &policy, size))
                .await?;
            let Some(batch) = found else { return Ok(None) };
            let slot = match priority {
                Priority::Live => self.slots.batches.start(batch.key, started),
                Priority::Background => self.slots.batches.start_in_background(&batch.key, started),
            };
            let actions = self
                .db
                .write(move |sql| outbox::claim_all(sql, &batch.actions, now, now + LEASE))
                .await?;
            if !actions.is_empty() {
                return Ok(Some(Claimed {
                    actions,
                    _slot: Slot::Batch(slot),
                }));
            }
        }
        Ok(None)
    }
}
