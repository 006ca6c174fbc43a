//! The parts that a running service shares, and what is built from them.
//!
//! The service, the command `catch-up` and the tests build the worker, the receiver and the rest here, so
//! that they are wired in one place.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::admin::{Access, Console, PortalNames};
use crate::alerts::{AlertMonitor, AlertRecipients};
use crate::backfill::Backfiller;
use crate::catch_up::{CALLS_PER_RUN, CatchUp};
use crate::clock::Clock;
use crate::config::{PortalConfig, RulesSource};
use crate::db::Db;
use crate::docspace::Client;
use crate::facts::FactFinder;
use crate::health::Health;
use crate::instances;
use crate::local_decider::LocalDecider;
use crate::log_limit::LogLimits;
use crate::metrics::Metrics;
use crate::notify::Channels;
use crate::pipeline::Pipelines;
use crate::reload::Reload;
use crate::rules::{ActiveRules, Rule};
use crate::server::tls::Tls;
use crate::signature::WebhookSecret;
use crate::supervise::{Supervisor, TaskHealth};
use crate::wake::Wake;
use crate::webhook::body_memory::BodyMemory;
use crate::webhook::{Receiver, TransportPolicy, UnsignedPolicy};
use crate::worker::{Worker, WorkerParts, WorkerSettings};

/// Handles that several parts of a service need; clones share them.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The store.
    pub db: Db,
    /// The portal.
    pub portal: Arc<Client>,
    /// The active rules.
    pub rules: ActiveRules,
    /// What finds facts that a delivery lacks, and remembers them.
    pub facts: Arc<FactFinder>,
    /// The time of day.
    pub clock: Clock,
    /// The signals that wake the worker.
    pub wake: Arc<Wake>,
    /// Everything that is counted.
    pub metrics: Arc<Metrics>,
    /// The channels, whose state the console shows.
    pub channels: Channels,
}

/// Which deliveries the receiver accepts.
#[derive(Debug)]
pub struct ReceiverSettings {
    /// The secrets with which a delivery can be signed.
    pub secrets: Vec<WebhookSecret>,
    /// What to do without a signature.
    pub unsigned: UnsignedPolicy,
    /// What to do without HTTPS.
    pub transport: TransportPolicy,
    /// `RETENTION_DAYS`: how long finished events are kept.
    pub retention: Duration,
}

impl Parts {
    /// Parts for a store and a portal, with metrics of their own.
    pub fn new(
        db: Db,
        portal: &PortalConfig,
        rules: Vec<Rule>,
        clock: Clock,
    ) -> reqwest::Result<Self> {
        let metrics = Arc::new(Metrics::default());
        let portal = portal
            .client(clock.clone())?
            .with_metrics(Arc::clone(&metrics))
            .recording_calls(instances::record_calls(&db, &clock));
        let portal = Arc::new(portal);
        Ok(Self {
            db,
            facts: Arc::new(FactFinder::new(Arc::clone(&portal), clock.clone())),
            portal,
            rules: ActiveRules::new(rules),
            clock,
            wake: Arc::default(),
            metrics,
            channels: Channels::default(),
        })
    }

    /// The worker.
    pub fn worker(&self, channels: Channels, settings: WorkerSettings) -> Worker {
        Worker::new(WorkerParts {
            db: self.db.clone(),
            portal: Arc::clone(&self.portal),
            rules: self.rules.clone(),
            facts: Arc::clone(&self.facts),
            channels,
            clock: self.clock.clone(),
            wake: Arc::clone(&self.wake),
            metrics: Arc::clone(&self.metrics),
            settings,
        })
    }

    /// The receiver of deliveries.
    pub fn receiver(&self, acceptance: ReceiverSettings) -> Receiver {
        Receiver {
            secrets: acceptance.secrets,
            unsigned: acceptance.unsigned,
            transport: acceptance.transport,
            decider: LocalDecider {
                rules: self.rules.clone(),
                facts: Arc::clone(&self.facts),
                portal: Arc::clone(&self.portal),
                retention: acceptance.retention,
            },
            db: self.db.clone(),
            clock: self.clock.clone(),
            wake: Arc::clone(&self.wake),
            metrics: Arc::clone(&self.metrics),
            body_memory: BodyMemory::default(),
            rejection_log: LogLimits::default(),
        }
    }

    /// The catch-up with deliveries that never arrived.
    pub fn catch_up(&self, secrets: Vec<WebhookSecret>, retention: Duration) -> CatchUp {
        CatchUp {
            db: self.db.clone(),
            portal: Arc::clone(&self.portal),
            rules: self.rules.clone(),
            secrets,
            retention,
            calls_per_run: CALLS_PER_RUN,
            clock: self.clock.clone(),
            wake: Arc::clone(&self.wake),
        }
    }

    /// What carries out backfills.
    pub fn backfiller(&self) -> Backfiller {
        let facts = FactFinder::new(Arc::clone(&self.portal), self.clock.clone());
        Backfiller {
            db: self.db.clone(),
            portal: Arc::clone(&self.portal),
            rules: self.rules.clone(),
            facts: Arc::new(facts),
            clock: self.clock.clone(),
            wake: Arc::clone(&self.wake),
        }
    }

    /// The monitor that alerts the operator.
    pub fn alerts(&self, recipients: AlertRecipients) -> AlertMonitor {
        let (db, portal) = (self.db.clone(), Arc::clone(&self.portal));
        let (clock, watched) = (self.clock.clone(), self.channels.clone());
        AlertMonitor::new(db, portal, clock, watched, recipients)
    }

    /// The reload of the rules.
    pub fn reload(&self, source: RulesSource, pipelines: Pipelines) -> Reload {
        Reload {
            db: self.db.clone(),
            source,
            rules: self.rules.clone(),
            pipelines,
            metrics: Arc::clone(&self.metrics),
            requested: Arc::default(),
            running: tokio::sync::Mutex::default(),
        }
    }

    /// A supervisor for the background tasks.
    pub fn supervisor(&self) -> Supervisor {
        Supervisor::new(self.clock.clone(), Arc::clone(&self.metrics))
    }

    /// What the health endpoints look at.
    pub fn health(&self, tasks: TaskHealth, stop: CancellationToken) -> Health {
        Health {
            db: self.db.clone(),
            tasks,
            channels: self.channels.clone(),
            clock: self.clock.clone(),
            stop,
        }
    }

    /// What the admin listener shows.
    pub fn console(
        &self,
        access: Access,
        tls: Option<Arc<Tls>>,
        health: Health,
        reload: Arc<Reload>,
    ) -> Console {
        Console {
            db: self.db.clone(),
            portal: Arc::clone(&self.portal),
            channels: self.channels.clone(),
            metrics: Arc::clone(&self.metrics),
            clock: self.clock.clone(),
            wake: Arc::clone(&self.wake),
            access: Arc::new(access),
            tls,
            health,
            reload,
            saving: tokio::sync::Mutex::default(),
            backfiller: self.backfiller(),
            names: Arc::new(PortalNames::new(
                Arc::clone(&self.portal),
                self.clock.clone(),
            )),
        }
    }
}
