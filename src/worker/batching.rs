//! Batching: which copy and move calls are in flight, and when the next one may start.
//!
//! What goes the same way travels together. While a call is under way on a lane, what comes for it gathers,
//! and all of it goes with the next; where nothing is under way, even one file starts at once. There is
//! nothing to gather for when a whole call waits already; and an operation that takes long, as one with a
//! large file in it does, must not hold up the others. In both cases another call starts beside it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::outbox::BatchPolicy;

/// How long the calls on a lane are waited for before one more is made.
const PATIENCE: Duration = Duration::from_secs(1);

/// Calls on one lane at the most.
const MOST: usize = 3;

/// The lanes that calls are under way on, with when each began.
#[derive(Debug, Default)]
pub(super) struct InFlightBatches(Mutex<HashMap<String, Vec<Instant>>>);

impl InFlightBatches {
    /// How many must wait for this lane before a call is made.
    pub(super) fn wanted(&self, lane: &str, now: Instant) -> BatchPolicy {
        let lanes = self.lock();
        let Some(begun) = lanes.get(lane) else {
            return BatchPolicy::Immediate;
        };
        if begun.len() >= MOST {
            BatchPolicy::Hold
        } else if begun.iter().all(|begun| *begun + PATIENCE <= now) {
            BatchPolicy::Immediate
        } else {
            BatchPolicy::FullOnly
        }
    }

    /// A call begins on this lane; it ends when what is returned is dropped.
    pub(super) fn enter(self: &Arc<Self>, lane: String, now: Instant) -> InFlightBatch {
        self.lock().entry(lane.clone()).or_default().push(now);
        InFlightBatch {
            lanes: Arc::clone(self),
            lane,
            begun: now,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Instant>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is under way on a lane.
#[derive(Debug)]
pub(super) struct InFlightBatch {
    lanes: Arc<InFlightBatches>,
    lane: String,
    begun: Instant,
}

impl Drop for InFlightBatch {
    fn drop(&mut self) {
        let mut lanes = self.lanes.lock();
        if let Some(begun) = lanes.get_mut(&self.lane) {
            if let Some(position) = begun.iter().position(|begun| *begun == self.begun) {
                begun.swap_remove(position);
            }
            if begun.is_empty() {
                lanes.remove(&self.lane);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_gather_while_a_call_is_young() {
        let lanes = Arc::new(InFlightBatches::default());
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let check = |lane: &str, milliseconds: u64, expected: BatchPolicy| {
            let wanted = lanes.wanted(lane, at(milliseconds));
            assert_eq!(wanted, expected, "{lane} after {milliseconds} ms");
        };
        check("copy", 0, BatchPolicy::Immediate);
        let first = lanes.enter("copy".to_owned(), at(0));
        check("copy", 999, BatchPolicy::FullOnly);
        check("move", 999, BatchPolicy::Immediate);
        check("copy", 1_000, BatchPolicy::Immediate);

        let second = lanes.enter("copy".to_owned(), at(1_000));
        check("copy", 1_999, BatchPolicy::FullOnly);
        let third = lanes.enter("copy".to_owned(), at(2_000));
        check("copy", 60_000, BatchPolicy::Hold);
        drop(first);
        check("copy", 60_000, BatchPolicy::Immediate);
        drop((second, third));
        check("copy", 2_001, BatchPolicy::Immediate);
    }
}
