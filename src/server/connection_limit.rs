//! Limits the number of open connections.
//!
//! At the limit, a new connection evicts the one that has been idle longest, that is, whose client has not
//! completed a request for the longest time. Clients that send a byte now and then therefore cannot keep
//! others out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// In place of a time: a complete request is being answered, so the connection cannot be evicted.
const BUSY: u64 = u64::MAX;

/// A logical clock that orders the times at which connections became idle.
#[derive(Debug, Default)]
struct LogicalClock(AtomicU64);

impl LogicalClock {
    fn tick(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// Whether a connection is busy or idle, and since when.
#[derive(Debug)]
pub(super) struct Activity {
    idle_since: AtomicU64,
    clock: Arc<LogicalClock>,
    evicted: CancellationToken,
}

impl Activity {
    /// Records that a complete request was received, which the client awaits the response to.
    pub(super) fn mark_busy(&self) {
        self.idle_since.store(BUSY, Ordering::Relaxed);
    }

    /// Records that the response is ready; the client has to read it and send the next request.
    pub(super) fn mark_idle(&self) {
        self.idle_since.store(self.clock.tick(), Ordering::Relaxed);
    }

    /// Resolves when the connection must be closed in favour of a new one.
    pub(super) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }

    /// The time since which the connection is idle; `None` while it is busy or already evicted.
    fn evictable_since(&self) -> Option<u64> {
        let since = self.idle_since.load(Ordering::Relaxed);
        (since != BUSY && !self.evicted.is_cancelled()).then_some(since)
    }
}

type OpenConnections = HashMap<u64, Arc<Activity>>;

/// Hands out a bounded number of permits.
#[derive(Clone, Debug)]
pub(super) struct ConnectionLimiter {
    free: Arc<Semaphore>,
    open: Arc<Mutex<OpenConnections>>,
    clock: Arc<LogicalClock>,
}

/// The right to hold a connection open, until it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    id: u64,
    activity: Arc<Activity>,
    open: Arc<Mutex<OpenConnections>>,
    _permit: OwnedSemaphorePermit,
}

impl ConnectionLimiter {
    pub(super) fn new(max_connections: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(max_connections)),
            open: Arc::default(),
            clock: Arc::default(),
        }
    }

    /// Waits for a permit. At the limit, evicts the connection that has been idle longest; if all are busy,
    /// waits for the first one to close.
    pub(super) async fn acquire(&self) -> ConnectionPermit {
        if self.free.available_permits() == 0 {
            self.evict_longest_idle();
        }
        let permit = Arc::clone(&self.free).acquire_owned().await;
        let id = self.clock.tick();
        let activity = Arc::new(Activity {
            idle_since: AtomicU64::new(id),
            clock: Arc::clone(&self.clock),
            evicted: CancellationToken::new(),
        });
        lock(&self.open).insert(id, Arc::clone(&activity));
        ConnectionPermit {
            id,
            activity,
            open: Arc::clone(&self.open),
            _permit: permit.expect("the semaphore is never closed"),
        }
    }

    fn evict_longest_idle(&self) {
        let open = lock(&self.open);
        let idle = open
            .values()
            .filter_map(|activity| Some((activity.evictable_since()?, activity)));
        if let Some((_, activity)) = idle.min_by_key(|(since, _)| *since) {
            activity.evicted.cancel();
        }
    }
}

impl ConnectionPermit {
    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        lock(&self.open).remove(&self.id);
    }
}

fn lock(open: &Mutex<OpenConnections>) -> MutexGuard<'_, OpenConnections> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn is_evicted(permit: &ConnectionPermit) -> bool {
        permit.activity().evicted().now_or_never().is_some()
    }

    #[tokio::test]
    async fn the_longest_idle_connection_is_evicted() {
        let limiter = ConnectionLimiter::new(3);
        let first = limiter.acquire().await;
        let second = limiter.acquire().await;
        let third = limiter.acquire().await;
        first.activity().mark_idle();
        second.activity().mark_busy();
        assert!(limiter.acquire().now_or_never().is_none(), "at the limit");
        let evicted = [&first, &second, &third].map(is_evicted);
        assert_eq!(evicted, [false, false, true]);
        drop(third);
        let fourth = limiter.acquire().now_or_never().unwrap();
        fourth.activity().mark_busy();
        assert!(limiter.acquire().now_or_never().is_none());
        assert!(is_evicted(&first));
    }

    #[tokio::test]
    async fn a_busy_connection_is_not_evicted() {
        let limiter = ConnectionLimiter::new(1);
        let first = limiter.acquire().await;
        first.activity().mark_busy();
        assert!(limiter.acquire().now_or_never().is_none());
        assert!(!is_evicted(&first));
        drop(first);
        assert!(limiter.acquire().now_or_never().is_some());
    }
}
