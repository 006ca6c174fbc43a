//! Probes the portal while it cannot be called, apart from the dispatcher: a portal that hangs delays no message.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

use crate::circuit_breaker::BreakerState;
use crate::clock::Clock;
use crate::db::{Db, StoreError};
use crate::docspace::Client;
use crate::inbox;
use crate::wake::Wake;

use super::progress::{log_store_error, time_to_wait};

/// Finds out when the portal can be called, and starts what waited for that.
#[derive(Debug)]
pub(super) struct Prober {
    db: Db,
    portal: Arc<Client>,
    clock: Clock,
    wake: Arc<Wake>,
    /// Whether the portal has answered a probe since [`Prober::admits_work`] was last called.
    answered: AtomicBool,
}

impl Prober {
    pub(super) fn new(db: Db, portal: Arc<Client>, clock: Clock, wake: Arc<Wake>) -> Self {
        Self {
            db,
            portal,
            clock,
            wake,
            answered: AtomicBool::new(false),
        }
    }

    /// Whether file work should be claimed now. Sends nothing.
    ///
    /// The answer to a probe may be that the portal refuses the key. Some work is claimed after that nevertheless: its
    /// attempt ends at once, with the reason why it waits.
    pub(super) fn admits_work(&self) -> bool {
        self.answered.swap(false, Ordering::Relaxed) || self.portal.is_ready()
    }

    /// Probes the portal whenever that is due, until `stop` is cancelled.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = self.probe_and_log() => {}
                () = stop.cancelled() => return,
            }
            let next_probe = match self.portal.breaker_state() {
                BreakerState::Open(_, until) => Some(until),
                BreakerState::Closed | BreakerState::HalfOpen(_) => None,
            };
            tokio::select! {
                () = tokio::time::sleep(time_to_wait(next_probe, &self.clock)) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn probe_and_log(&self) {
        if let Err(error) = self.probe().await {
            log_store_error(&error);
        }
    }

    /// Sends a probe if one is due. Returns whether the portal answered it.
    pub(super) async fn probe(&self) -> Result<bool, StoreError> {
        let was_ready = self.portal.is_ready();
        let answered = self.portal.ready().await.is_ok() && !was_ready;
        self.report_recovery().await?;
        if answered {
            self.answered.store(true, Ordering::Relaxed);
            self.wake.outbox.notify_one();
        }
        Ok(answered)
    }

    /// Makes the events due that waited for the portal, if its circuit has closed.
    pub(super) async fn report_recovery(&self) -> Result<(), StoreError> {
        if self.portal.has_recovered() {
            let now = self.clock.now();
            self.db.write(move |sql| inbox::make_due(sql, now)).await?;
            self.portal.forget_recovery();
            self.wake.inbox.notify_one();
        }
        Ok(())
    }
}
