//! Reload: puts the rules in force as they stand in the rules file now, without a restart.
//!
//! The file is read and checked first. With anything wrong with it the rules that were in force stay, and
//! the log says what is wrong. Actions that were planned under the old rules are done as planned.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::config::{RulesSource, Watched};
use crate::metrics::Metrics;
use crate::pipeline::Pipelines;
use crate::rules::ActiveRules;

/// How often a watched file is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Reads the rules again when asked to, or when their file changes.
#[derive(Debug)]
pub struct Reload {
    /// Where they come from.
    pub source: RulesSource,
    /// Where they are put in force.
    pub rules: ActiveRules,
    /// The pipelines they call.
    pub pipelines: Pipelines,
    /// Where it is counted.
    pub metrics: Arc<Metrics>,
    /// Woken when somebody asks for it.
    pub asked: Arc<Notify>,
}

/// What reading the rules again came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// They are in force.
    ActiveRules,
    /// Something is wrong with them; the old ones stay.
    Refused,
}

impl Reload {
    /// Reads the rules, and puts them in force if nothing is wrong with them.
    pub fn reload(&self) -> Reloaded {
        let read = match self.source.read() {
            Ok(read) => read,
            Err(problems) => {
                error!("the rules in force stay as they were: {problems}");
                self.metrics.count_reload("refused");
                return Reloaded::Refused;
            }
        };
        let count = read.rules.len();
        if let Err(error) = self.pipelines.add(read.pipelines) {
            let error: &dyn std::error::Error = &error;
            error!(
                error,
                "the rules in force stay as they were: a pipeline cannot be set up"
            );
            self.metrics.count_reload("refused");
            return Reloaded::Refused;
        }
        self.rules.replace(read.rules);
        info!(rules = count, "the rules were read again and are in force");
        self.metrics.count_reload("done");
        Reloaded::ActiveRules
    }

    /// Reloads whenever it is asked to, or the watched file changes, until told to stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let file = match self.source.watched {
            Watched::Yes => self.source.file.clone(),
            Watched::No => None,
        };
        let mut last = file.as_deref().and_then(content);
        loop {
            tokio::select! {
                () = self.asked.notified() => {}
                () = tokio::time::sleep(LOOK), if file.is_some() => {
                    let now = file.as_deref().and_then(content);
                    // A file that is being replaced may be missing for a moment.
                    if now.is_none() || now == last {
                        continue;
                    }
                }
                () = stop.cancelled() => return,
            }
            last = file.as_deref().and_then(content);
            self.reload();
        }
    }
}

/// What the file holds, as a number; times of change are kept to the second on some disks.
fn content(file: &Path) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    std::fs::read(file).ok()?.hash(&mut hasher);
    Some(hasher.finish())
}
