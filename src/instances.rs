//! Instances: the membership of this one in a shared store, and what only one of them does at a time.
//!
//! Each instance writes a heartbeat every few seconds. One that finds several heartbeats of another missing
//! removes it, which ends its leases and leader roles: the next attempts reconcile what it left open. All
//! instances follow the database's clock. On a SQLite store there is one instance, which only records its calls to
//! the portal.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock::{Clock, day_of};
use crate::db::{Db, StoreError};
use crate::docspace::Client;
use crate::telemetry::ErrorChain;
use crate::wake::Wake;

mod call_ledger;
mod id;
mod leader;
mod membership;
mod partition;

pub use call_ledger::record_calls;
pub use leader::{LeaderRole, holds_role};
pub use partition::{Partition, partition};

use membership::{Membership, Observed};

/// How often an instance writes a heartbeat.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(2);

/// How long a start waits before it tries again to reach the database.
const CONNECT_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// This instance among those that share the store.
#[derive(Clone, Debug)]
pub struct Instances {
    db: Db,
    clock: Clock,
    /// How many there are, as of the last heartbeat.
    count: Arc<AtomicU32>,
    observed: Arc<Mutex<Observed>>,
    /// Whether others were running when this one started.
    joined_others: bool,
}

impl Instances {
    /// Waits for the database, writes the first heartbeat, and sets the clock by the database's.
    pub async fn join(db: &Db, clock: &Clock) -> Result<Self, StoreError> {
        let mut instances = Self {
            db: db.clone(),
            clock: clock.clone(),
            count: Arc::new(AtomicU32::new(1)),
            observed: Arc::default(),
            joined_others: false,
        };
        if !db.is_shared() {
            return Ok(instances);
        }
        loop {
            match instances.heartbeat().await {
                Err(error) if error.is_unreachable() => {
                    tokio::time::sleep(CONNECT_RETRY_INTERVAL).await;
                }
                Err(error) => return Err(error),
                Ok(membership) => {
                    instances.joined_others = membership.instances() > 1;
                    return Ok(instances);
                }
            }
        }
    }

    /// Waits until the instances that were running first have seen this one, and have reduced their part of
    /// the portal's limits.
    pub async fn wait_for_rebalance(&self, stop: &CancellationToken) {
        if self.joined_others {
            tokio::select! {
                () = tokio::time::sleep(HEARTBEAT_INTERVAL + CONNECT_RETRY_INTERVAL) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Writes heartbeats until `stop` is cancelled, and wakes the worker when it took over actions of an
    /// instance that is gone.
    pub async fn run(self, portal: Arc<Client>, wake: Arc<Wake>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let now = self.clock.now();
            match self.heartbeat().await {
                Ok(membership) => {
                    portal.budget().share_among(membership.instances());
                    portal
                        .budget()
                        .set_writes_today(membership.portal_writes, now);
                    if membership.released > 0 {
                        warn!(
                            actions = membership.released,
                            "another instance is gone; its running actions are reconciled here"
                        );
                        wake.outbox.notify_one();
                    }
                }
                Err(error) => {
                    warn!(error = %ErrorChain(&error), "the heartbeat failed");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(HEARTBEAT_INTERVAL) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Removes this instance, so that the others take over its work at once.
    pub async fn leave(db: &Db) {
        if db.is_shared()
            && let Err(error) = db.write(membership::remove).await
        {
            warn!(
                error = %ErrorChain(&error),
                "this instance could not leave; the others will find its heartbeat missing"
            );
        }
    }

    async fn heartbeat(&self) -> Result<Membership, StoreError> {
        let day = day_of(self.clock.now());
        let gone = self.observed().gone();
        let membership = self
            .db
            .write(move |sql| membership::heartbeat(sql, day, &gone))
            .await?;
        self.observed().update(&membership.heartbeats);
        if let Some(time) = membership
            .clock_ms
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        {
            self.clock.follow(time);
        }
        let instances = membership.instances();
        if self.count.swap(instances, Ordering::Relaxed) != instances {
            info!(instances, "the number of instances changed");
        }
        Ok(membership)
    }

    fn observed(&self) -> MutexGuard<'_, Observed> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
