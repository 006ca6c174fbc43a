//! Reloads the rules while the service runs, on request or when the rules file changes.
//!
//! The file is read and checked first. If it is invalid, the active rules stay, and every problem is logged.
//! Actions that were planned under the old rules are executed as planned, until a replay.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::config::RulesSource;
use crate::db::Db;
use crate::file_watcher::{FileChange, FileWatcher};
use crate::metrics::Metrics;
use crate::outbox;
use crate::pipeline::Pipelines;
use crate::rules::{ActiveRules, ChannelId};
use crate::telemetry::ErrorChain;

/// Reloads the rules.
#[derive(Debug)]
pub struct Reload {
    /// The store, which knows the channels that actions use.
    pub db: Db,
    /// Where the rules come from.
    pub source: RulesSource,
    /// The rules to replace.
    pub rules: ActiveRules,
    /// The pipelines that the rules call.
    pub pipelines: Pipelines,
    /// Where reloads are counted.
    pub metrics: Arc<Metrics>,
    /// Notified to request a reload.
    pub requested: Arc<Notify>,
    /// Held by the reload that runs.
    pub running: tokio::sync::Mutex<()>,
}

impl Reload {
    /// Reads the rules, and activates them if they are valid. Returns how many there are, or why the active ones stay.
    pub async fn now(&self) -> Result<usize, String> {
        // The one that began last has read the newest file, and must end last.
        let _one_at_a_time = self.running.lock().await;
        let source = self.source.clone();
        // A network file system may block.
        let read = tokio::task::spawn_blocking(move || source.read()).await;
        let read = match read {
            Ok(Ok(read)) => read,
            Err(panic) => {
                error!("keeping the active rules: reading them panicked");
                self.metrics.count_reload("refused");
                return Err(panic.to_string());
            }
            Ok(Err(problems)) => {
                let problems = problems.in_one_line();
                error!("keeping the active rules: {problems}");
                self.metrics.count_reload("refused");
                return Err(problems);
            }
        };
        let count = read.rules.len();
        // Without the store, all pipelines count as in use.
        let open_channels = self.db.read(outbox::open_channels).await.ok();
        let is_in_use = |key: &str| {
            let channel = ChannelId::PipelineOfRule(key.to_owned()).to_string();
            let mut open_channels = open_channels.iter();
            open_channels.all(|open| open.contains(&channel))
        };
        if let Err(error) = self.pipelines.load(read.pipelines, is_in_use) {
            error!(
                error = %ErrorChain(&error),
                "keeping the active rules: cannot set up a pipeline"
            );
            self.metrics.count_reload("refused");
            return Err(error.to_string());
        }
        self.rules.replace(read.rules);
        info!(rules = count, "reloaded the rules");
        self.metrics.count_reload("done");
        Ok(count)
    }

    /// Reloads on request and when the watched file changes, until the token is cancelled.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut watcher = self.source.watcher.clone();
        loop {
            tokio::select! {
                () = self.requested.notified() => {
                    if let Some(watcher) = &mut watcher {
                        // This reload covers changes so far.
                        watcher.poll().await;
                    }
                }
                change = changed(&mut watcher) => {
                    // A file that is being replaced may be missing for a moment.
                    if change == FileChange::Unreadable {
                        continue;
                    }
                }
                () = stop.cancelled() => return,
            }
            // It has logged and counted the outcome.
            let _ = self.now().await;
        }
    }
}

async fn changed(watcher: &mut Option<FileWatcher>) -> FileChange {
    match watcher {
        Some(watcher) => watcher.changed().await,
        None => std::future::pending().await,
    }
}
