//! Retention: removes events that ended long ago, in small batches beside everything else.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::db::StoreError;
use crate::inbox;
use crate::instances::{self, LeaderRole};

use super::{Worker, log_store_error};

/// Events removed in one write, so that a delivery behind it waits for milliseconds only.
const BATCH: u32 = 500;

/// The wait between two rounds; at the most so much later than promised an event goes.
const INTERVAL: Duration = Duration::from_hours(1);

impl Worker {
    /// Removes every event of which nothing is owed and that is older than the retention. Returns how
    /// many there were.
    pub async fn prune(&self) -> Result<usize, StoreError> {
        // A retention that reaches back before the calendar begins keeps everything.
        let Ok(older_than) = self.clock.now().checked_sub(self.retention) else {
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

    async fn prune_on_duty(&self) -> Result<usize, StoreError> {
        if instances::holds_role(&self.db, LeaderRole::Prune).await? {
            self.fill_title_keys().await?;
            self.prune().await
        } else {
            Ok(0)
        }
    }

    pub(super) async fn keep_pruning(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.prune_on_duty().await {
                Ok(0) => {}
                Ok(events) => info!(events, "events older than RETENTION_DAYS are removed"),
                Err(error) => log_store_error(&error),
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = stop.cancelled() => {}
            }
        }
    }
}
