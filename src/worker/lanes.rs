//! Lanes: the ways that calls for copies and moves are under way on just now.
//!
//! What goes the same way travels together. While a call is under way on a lane, what comes for it gathers,
//! and all of it goes with the next; where nothing is under way, even one file starts at once. An operation
//! that takes long, as one with a large file in it does, must not hold up the others, so after a moment of
//! patience another call may start beside it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long the calls on a lane are waited for before one more is made.
const PATIENCE: Duration = Duration::from_secs(1);

/// Calls on one lane at the most.
const MOST: usize = 3;

/// The lanes that calls are under way on, with when each began.
#[derive(Debug, Default)]
pub(super) struct Lanes(Mutex<HashMap<String, Vec<Instant>>>);

impl Lanes {
    /// Whether what waits for this lane should gather for now.
    pub(super) fn is_busy(&self, lane: &str, now: Instant) -> bool {
        self.lock().get(lane).is_some_and(|begun| {
            let latest = begun.iter().max();
            begun.len() >= MOST || latest.is_some_and(|latest| now < *latest + PATIENCE)
        })
    }

    /// A call begins on this lane; it ends when what is returned is dropped.
    pub(super) fn enter(self: &Arc<Self>, lane: String, now: Instant) -> Entered {
        self.lock().entry(lane.clone()).or_default().push(now);
        Entered {
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
pub(super) struct Entered {
    lanes: Arc<Lanes>,
    lane: String,
    begun: Instant,
}

impl Drop for Entered {
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
    fn a_lane_is_busy_while_its_call_is_young() {
        let lanes = Arc::new(Lanes::default());
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        assert!(!lanes.is_busy("copy", at(0)));
        let first = lanes.enter("copy".to_owned(), at(0));
        assert!(lanes.is_busy("copy", at(999)));
        assert!(!lanes.is_busy("move", at(999)));
        assert!(!lanes.is_busy("copy", at(1_000)));

        let second = lanes.enter("copy".to_owned(), at(1_000));
        assert!(lanes.is_busy("copy", at(1_999)));
        let third = lanes.enter("copy".to_owned(), at(2_000));
        assert!(lanes.is_busy("copy", at(60_000)));
        drop(first);
        assert!(!lanes.is_busy("copy", at(60_000)));
        drop((second, third));
        assert!(!lanes.is_busy("copy", at(2_001)));
    }
}
