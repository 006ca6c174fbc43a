//! Reloads the rules while the service runs, on request or when the rules file changes.
//!
//! The file is read and checked first. If it is invalid, the active rules stay, and every problem is logged.
//! Actions that were planned under the old rules are executed as planned, until a replay.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::config::RulesSource;
use crate::file_watcher::{FileChange, FileWatcher};
use crate::metrics::Metrics;
use crate::pipeline::Pipelines;
use crate::rules::ActiveRules;
use crate::telemetry::ErrorChain;

/// Reloads the rules.
#[derive(Debug)]
pub struct Reload {
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
}

impl Reload {
    /// Reads the rules, and activates them if they are valid.
    fn reload(&self) {
        let read = match self.source.read() {
            Ok(read) => read,
            Err(problems) => {
                error!("keeping the active rules: {problems}");
                self.metrics.count_reload("refused");
                return;
            }
        };
        let count = read.rules.len();
        if let Err(error) = self.pipelines.add(read.pipelines) {
            error!(
                error = %ErrorChain(&error),
                "keeping the active rules: cannot set up a pipeline"
            );
            self.metrics.count_reload("refused");
            return;
        }
        self.rules.replace(read.rules);
        info!(rules = count, "reloaded the rules");
        self.metrics.count_reload("done");
    }

    /// Reloads on request and when the watched file changes, until the token is cancelled.
    #[expect(
        clippy::missing_panics_doc,
        reason = "a reload that panics ends this task, which is then restarted"
    )]
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
            let reload = Arc::clone(&self);
            // A network file system may block.
            tokio::task::spawn_blocking(move || reload.reload())
                .await
                .expect("a reload does not panic");
        }
    }
}

async fn changed(watcher: &mut Option<FileWatcher>) -> FileChange {
    match watcher {
        Some(watcher) => watcher.changed().await,
        None => std::future::pending().await,
    }
}
