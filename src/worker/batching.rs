//! Batching: which copy and move calls are in flight, and when the next one may start.
//!
//! Copies or moves to one destination share a call. While a call to a destination is in flight, further
//! files for it are collected and go with the next call; without one in flight, even a single file starts
//! at once. A second call starts early when a full one can be made, or when the first takes long, as an
//! operation on a large file does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::outbox::BatchPolicy;

/// How long files are collected behind a call before another one starts beside it.
const MAX_COLLECT_TIME: Duration = Duration::from_secs(1);

/// The most calls in flight with one key.
const MAX_IN_FLIGHT: usize = 3;

/// The start times of the calls in flight, by batch key.
#[derive(Debug, Default)]
pub(super) struct InFlightBatches(Mutex<HashMap<String, Vec<Instant>>>);

impl InFlightBatches {
    /// How many files a call with this key needs before it may start.
    pub(super) fn policy(&self, key: &str, now: Instant) -> BatchPolicy {
        let batches = self.lock();
        let Some(started) = batches.get(key) else {
            return BatchPolicy::Immediate;
        };
        if started.len() >= MAX_IN_FLIGHT {
            BatchPolicy::Wait
        } else if started.iter().all(|at| *at + MAX_COLLECT_TIME <= now) {
            BatchPolicy::Immediate
        } else {
            BatchPolicy::FullOnly
        }
    }

    /// The same for the calls of backfills: one at a time with one key, apart from live ones, which they do not
    /// hold up.
    pub(super) fn background_policy(&self, key: &str) -> BatchPolicy {
        if self.lock().contains_key(&background_key(key)) {
            BatchPolicy::Wait
        } else {
            BatchPolicy::Immediate
        }
    }

    /// Records that a call of a backfill with this key starts.
    pub(super) fn start_in_background(self: &Arc<Self>, key: &str, now: Instant) -> InFlightBatch {
        self.start(background_key(key), now)
    }

    /// Records that a call with this key starts; it ends when the returned guard is dropped.
    pub(super) fn start(self: &Arc<Self>, key: String, now: Instant) -> InFlightBatch {
        self.lock().entry(key.clone()).or_default().push(now);
        InFlightBatch {
            batches: Arc::clone(self),
            key,
            started: now,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Instant>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key under which the calls of backfills are recorded.
fn background_key(key: &str) -> String {
    format!("background {key}")
}

/// A call in flight.
#[derive(Debug)]
pub(super) struct InFlightBatch {
    batches: Arc<InFlightBatches>,
    key: String,
    started: Instant,
}

impl Drop for InFlightBatch {
    fn drop(&mut self) {
        let mut batches = self.batches.lock();
        if let Some(started) = batches.get_mut(&self.key) {
            if let Some(position) = started.iter().position(|at| *at == self.started) {
                started.swap_remove(position);
            }
            if started.is_empty() {
                batches.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_collected_while_a_call_is_young() {
        let batches = Arc::new(InFlightBatches::default());
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let check = |key: &str, milliseconds: u64, expected: BatchPolicy| {
            let policy = batches.policy(key, at(milliseconds));
            assert_eq!(policy, expected, "{key} after {milliseconds} ms");
        };
        check("copy", 0, BatchPolicy::Immediate);
        let first = batches.start("copy".to_owned(), at(0));
        check("copy", 999, BatchPolicy::FullOnly);
        check("move", 999, BatchPolicy::Immediate);
        check("copy", 1_000, BatchPolicy::Immediate);

        let second = batches.start("copy".to_owned(), at(1_000));
        check("copy", 1_999, BatchPolicy::FullOnly);
        let third = batches.start("copy".to_owned(), at(2_000));
        check("copy", 60_000, BatchPolicy::Wait);
        drop(first);
        check("copy", 60_000, BatchPolicy::Immediate);
        drop((second, third));
        check("copy", 2_001, BatchPolicy::Immediate);
    }
}
