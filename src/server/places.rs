//! The places for connections, of which there is a bounded number.
//!
//! When all are taken, the connection whose client has kept us waiting longest gives up its own for a
//! new one. So clients that send a byte now and then cannot keep out those who have something to say.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// The moment of a connection that waits for us.
const OURS: u64 = u64::MAX;

/// Counts the moments at which it became a client's turn.
#[derive(Debug, Default)]
struct Moments(AtomicU64);

impl Moments {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// Whose turn it is on a connection, and since when.
#[derive(Debug)]
pub(super) struct Turn {
    since: AtomicU64,
    moments: Arc<Moments>,
    leave: CancellationToken,
}

impl Turn {
    /// A whole request came; the client waits for us.
    pub(super) fn is_ours(&self) {
        self.since.store(OURS, Ordering::Relaxed);
    }

    /// An answer goes out; what comes next is the client's.
    pub(super) fn is_theirs(&self) {
        let moment = self.moments.next();
        self.since.store(moment, Ordering::Relaxed);
    }

    /// Resolves when the connection must give up its place.
    pub(super) async fn is_over(&self) {
        self.leave.cancelled().await;
    }
}

type Taken = HashMap<u64, Arc<Turn>>;

/// All places.
#[derive(Clone, Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    taken: Arc<Mutex<Taken>>,
    moments: Arc<Moments>,
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    turn: Arc<Turn>,
    taken: Arc<Mutex<Taken>>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(count: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(count)),
            taken: Arc::default(),
            moments: Arc::default(),
        }
    }

    /// A place, if need be that of the client who has kept us waiting longest; while all wait for us, the
    /// first one that becomes free.
    pub(super) async fn take(&self) -> Place {
        if self.free.available_permits() == 0 {
            self.make_room();
        }
        let free = Arc::clone(&self.free).acquire_owned().await;
        let number = self.moments.next();
        let turn = Arc::new(Turn {
            since: AtomicU64::new(number),
            moments: Arc::clone(&self.moments),
            leave: CancellationToken::new(),
        });
        lock(&self.taken).insert(number, Arc::clone(&turn));
        Place {
            number,
            turn,
            taken: Arc::clone(&self.taken),
            _permit: free.expect("the semaphore is never closed"),
        }
    }

    fn make_room(&self) {
        let taken = lock(&self.taken);
        let waits_for_client = taken
            .values()
            .filter(|turn| !turn.leave.is_cancelled())
            .map(|turn| (turn.since.load(Ordering::Relaxed), turn))
            .filter(|(since, _)| *since != OURS);
        if let Some((_, turn)) = waits_for_client.min_by_key(|(since, _)| *since) {
            turn.leave.cancel();
        }
    }
}

impl Place {
    pub(super) fn turn(&self) -> &Arc<Turn> {
        &self.turn
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.taken).remove(&self.number);
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn must_leave(place: &Place) -> bool {
        place.turn().is_over().now_or_never().is_some()
    }

    #[tokio::test]
    async fn who_keeps_us_waiting_longest_makes_room() {
        let places = Places::new(3);
        let first = places.take().await;
        let second = places.take().await;
        let third = places.take().await;
        first.turn().is_theirs();
        second.turn().is_ours();
        assert!(places.take().now_or_never().is_none(), "all are taken");
        let leaving = [&first, &second, &third].map(must_leave);
        assert_eq!(leaving, [false, false, true]);
        drop(third);
        let fourth = places.take().now_or_never().unwrap();
        fourth.turn().is_ours();
        assert!(places.take().now_or_never().is_none());
        assert!(must_leave(&first));
    }

    #[tokio::test]
    async fn who_waits_for_us_is_served() {
        let places = Places::new(1);
        let first = places.take().await;
        first.turn().is_ours();
        assert!(places.take().now_or_never().is_none());
        assert!(!must_leave(&first));
        drop(first);
        assert!(places.take().now_or_never().is_some());
    }
}
