//! Worker: decides the events of the inbox and runs the actions of the outbox.
//!
//! It has four parts, each with a loop of its own: the `Decider`, the `Dispatcher`, the `Prober` and the
//! `Retention`. [`Worker::decide_next`], [`Worker::process_next`] and [`Worker::prune`] each do one step,
//! without the loops. Whatever writes to the inbox or the outbox in this process wakes the loops; they also
//! poll, for what other processes wrote.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::actions::failpoint::Failpoints;
use crate::actions::{OperationTime, RoomReaders};
use crate::clock::Clock;
use crate::db::{Db, StoreError};
use crate::docspace::Client;
use crate::facts::FactFinder;
use crate::metrics::Metrics;
use crate::notify::Channels;
use crate::rules::ActiveRules;
use crate::supervise::Supervisor;
use crate::wake::Wake;

mod progress;

mod decider;

mod attempt;
mod batching;
mod dispatcher;
mod prober;

mod retention;

pub use progress::Progress;

use attempt::AttemptRunner;
use decider::Decider;
use dispatcher::Dispatcher;
use prober::Prober;
use retention::Retention;

/// What a worker works with.
#[derive(Debug)]
pub struct WorkerParts {
    /// The store.
    pub db: Db,
    /// The portal.
    pub portal: Arc<Client>,
    /// The active rules.
    pub rules: ActiveRules,
    /// What finds facts that a delivery lacks.
    pub facts: Arc<FactFinder>,
    /// The channels of notifications, and the pipelines.
    pub channels: Channels,
    /// The time of day.
    pub clock: Clock,
    /// The signals that wake the loops.
    pub wake: Arc<Wake>,
    /// Where decisions and attempts are counted.
    pub metrics: Arc<Metrics>,
    /// Limits, and what tests set.
    pub settings: WorkerSettings,
}

/// How often claims are renewed while an attempt runs: several times per lease of two minutes.
pub const RENEWAL_INTERVAL: Duration = Duration::from_secs(30);

/// The settings of a worker.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// `MAX_ATTEMPTS`: the attempts before an action becomes a dead letter.
    pub max_attempts: u32,
    /// `RETENTION_DAYS`: how long finished events are kept.
    pub retention: Duration,
    /// How often claims are renewed while an attempt runs; see [`RENEWAL_INTERVAL`].
    pub renewal_interval: Duration,
    /// Where a test stops an attempt.
    pub failpoints: Failpoints,
}

/// Decides events, runs actions and removes old events.
#[derive(Debug)]
pub struct Worker {
    decider: Arc<Decider>,
    dispatcher: Arc<Dispatcher>,
    prober: Arc<Prober>,
    retention: Arc<Retention>,
}

impl Worker {
    /// A worker made of these parts.
    pub fn new(parts: WorkerParts) -> Self {
        let WorkerParts {
            db,
            portal,
            rules,
            facts,
            channels,
            clock,
            wake,
            metrics,
            settings,
        } = parts;
        let decider = Decider {
            db: db.clone(),
            portal: Arc::clone(&portal),
            rules,
            facts,
            clock: clock.clone(),
            wake: Arc::clone(&wake),
            metrics: Arc::clone(&metrics),
            max_attempts: settings.max_attempts,
            retention: settings.retention,
        };
        let retention = Retention {
            db: db.clone(),
            clock: clock.clone(),
            period: settings.retention,
        };
        let prober = Arc::new(Prober::new(
            db.clone(),
            Arc::clone(&portal),
            clock.clone(),
            Arc::clone(&wake),
        ));
        let runner = AttemptRunner {
            db: db.clone(),
            portal: Arc::clone(&portal),
            channels,
            clock: clock.clone(),
            wake: Arc::clone(&wake),
            metrics,
            failpoints: settings.failpoints,
            max_attempts: settings.max_attempts,
            operation_time: OperationTime::default(),
            room_readers: RoomReaders::default(),
            renewal_interval: settings.renewal_interval,
        };
        Self {
            decider: Arc::new(decider),
            dispatcher: Arc::new(Dispatcher::new(
                db,
                portal,
                clock,
                wake,
                runner,
                Arc::clone(&prober),
            )),
            prober,
            retention: Arc::new(retention),
        }
    }

    /// Decides the events that are due, up to the size of a batch.
    pub async fn decide_next(&self) -> Result<Progress, StoreError> {
        self.decider.decide_next().await
    }

    /// Claims what is due next and runs one attempt at it: a message, or a batch of file work. If nothing can run, a
    /// probe is sent if one is due.
    pub async fn process_next(&self) -> Result<Progress, StoreError> {
        self.dispatcher.process_next().await
    }

    /// Removes the events whose retention period is over; returns how many there were.
    pub async fn prune(&self) -> Result<usize, StoreError> {
        self.retention.prune().await
    }

    /// Runs the four loops until `stop` is cancelled, then waits for the running attempts.
    pub async fn run(&self, supervisor: &Supervisor, stop: &CancellationToken) {
        let decider = Arc::clone(&self.decider);
        let retention = Arc::clone(&self.retention);
        let dispatcher = Arc::clone(&self.dispatcher);
        let prober = Arc::clone(&self.prober);
        // Deciding and pruning are short transactions: the next start does again what is aborted here.
        let _deciding =
            supervisor.spawn("decide", stop, move |stop| Arc::clone(&decider).run(stop));
        let _pruning =
            supervisor.spawn("prune", stop, move |stop| Arc::clone(&retention).run(stop));
        let _probing = supervisor.spawn("probe", stop, move |stop| Arc::clone(&prober).run(stop));
        let dispatching = supervisor.spawn("dispatch", stop, move |stop| {
            Arc::clone(&dispatcher).run(stop)
        });
        // It is neither aborted nor panics: the supervisor catches panics of the task.
        let _ = dispatching.await;
        self.dispatcher.finish_attempts().await;
    }
}
