//! Retention: removes finished events that are older than `RETENTION_DAYS`, in small batches.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::audit;
use crate::clock::Clock;
use crate::db::{Db, StoreError};
use crate::inbox;
use crate::instances::{self, LeaderRole};

use super::progress::log_store_error;

/// Events removed in one write, so that a delivery waits for milliseconds only.
const BATCH: u32 = 500;

/// The wait between two runs; an event is removed at most this long after its retention ends.
const INTERVAL: Duration = Duration::from_hours(1);

/// Removes old events.
#[derive(Debug)]
pub(super) struct Retention {
    pub(super) db: Db,
    pub(super) clock: Clock,
    /// How long finished events are kept.
    pub(super) period: Duration,
}

impl Retention {
    /// Removes every event that is older than the retention period and has no open actions. Returns how
    /// many there were.
    pub(super) async fn prune(&self) -> Result<usize, StoreError> {
        // A period that reaches back before the calendar begins keeps everything.
        let Ok(older_than) = self.clock.now().checked_sub(self.period) else {
            return Ok(0);
        };
        let mut pruned = 0;
        loop {
            let batch = self
                .db
                .write(move |sql| inbox::prune(sql, older_than, BATCH))
                .await?;
            pruned += batch;
            if batch < BATCH as usize {
                return Ok(pruned);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Prunes regularly, on one instance at a time.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.prune_as_leader().await {
                Ok(0) => {}
                Ok(events) => info!(events, "removed events older than RETENTION_DAYS"),
                Err(error) => log_store_error(&error),
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Fills the search keys of titles that versions without that column have stored.
    async fn fill_title_keys(&self) -> Result<(), StoreError> {
        loop {
            let fill = |sql: &_| inbox::fill_title_keys(sql, BATCH);
            if self.db.write(fill).await? < BATCH as usize {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }

    async fn prune_as_leader(&self) -> Result<usize, StoreError> {
        if instances::holds_role(&self.db, LeaderRole::Prune).await? {
            self.fill_title_keys().await?;
            let now = self.clock.now();
            self.db.write(move |sql| audit::prune(sql, now)).await?;
            self.prune().await
        } else {
            Ok(0)
        }
    }
}
