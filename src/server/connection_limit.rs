//! Limits the number of open connections.
//!
//! At the limit, a new connection evicts another one. Addresses with more than [`SHARE`] connections lose one
//! first, then connections that are idle after a response, then those whose client has not completed its first
//! request; among equal ones, the one that has been idle longest. Behind a proxy all connections have the same
//! address, so the share makes no difference there.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Connections from one address that count as ordinary.
const SHARE: usize = 32;

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
    client: IpAddr,
    opened_at: u64,
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

    /// Waits for a permit. At the limit, evicts another connection; if all are busy, waits for the first one to
    /// close.
    pub(super) async fn acquire(&self, client: IpAddr) -> ConnectionPermit {
        if self.free.available_permits() == 0 {
            self.evict();
        }
        let permit = Arc::clone(&self.free).acquire_owned().await;
        let id = self.clock.tick();
        let activity = Arc::new(Activity {
            client: site(client),
            opened_at: id,
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

    fn evict(&self) {
        let open = lock(&self.open);
        let mut connections: HashMap<IpAddr, usize> = HashMap::new();
        for activity in open.values() {
            *connections.entry(activity.client).or_default() += 1;
        }
        let idle = open
            .values()
            .filter_map(|activity| Some((activity.evictable_since()?, activity)));
        let first = idle.min_by_key(|(since, activity)| {
            let over_share = connections[&activity.client].saturating_sub(SHARE);
            let is_new = *since == activity.opened_at;
            (std::cmp::Reverse(over_share), is_new, *since)
        });
        if let Some((_, activity)) = first {
            activity.evicted.cancel();
        }
    }
}

/// The address that counts: of IPv6 addresses the network of 64 bits, which usually belongs to one customer.
pub(crate) fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            Ipv6Addr::from(network).into()
        }
        IpAddr::V4(address) => address.into(),
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

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn is_evicted(permit: &ConnectionPermit) -> bool {
        permit.activity().evicted().now_or_never().is_some()
    }

    #[tokio::test]
    async fn the_longest_idle_connection_is_evicted() {
        let limiter = ConnectionLimiter::new(3);
        let first = limiter.acquire(CLIENT).await;
        let second = limiter.acquire(CLIENT).await;
        let third = limiter.acquire(CLIENT).await;
        third.activity().mark_idle();
        first.activity().mark_idle();
        second.activity().mark_busy();
        assert!(
            limiter.acquire(CLIENT).now_or_never().is_none(),
            "at the limit"
        );
        let evicted = [&first, &second, &third].map(is_evicted);
        assert_eq!(evicted, [false, false, true]);
        drop(third);
        let fourth = limiter.acquire(CLIENT).now_or_never().unwrap();
        fourth.activity().mark_busy();
        assert!(limiter.acquire(CLIENT).now_or_never().is_none());
        assert!(is_evicted(&first));
    }

    #[tokio::test]
    async fn a_busy_connection_is_not_evicted() {
        let limiter = ConnectionLimiter::new(1);
        let first = limiter.acquire(CLIENT).await;
        first.activity().mark_busy();
        assert!(limiter.acquire(CLIENT).now_or_never().is_none());
        assert!(!is_evicted(&first));
        drop(first);
        assert!(limiter.acquire(CLIENT).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_connection_in_its_handshake_outlives_those_that_were_served() {
        let limiter = ConnectionLimiter::new(3);
        let handshake = limiter.acquire(CLIENT).await;
        let served = [limiter.acquire(CLIENT).await, limiter.acquire(CLIENT).await];
        for permit in &served {
            permit.activity().mark_busy();
            permit.activity().mark_idle();
        }
        for permit in served {
            assert!(limiter.acquire(CLIENT).now_or_never().is_none());
            assert!(is_evicted(&permit));
            drop(permit);
            std::mem::forget(limiter.acquire(CLIENT).await);
        }
        assert!(!is_evicted(&handshake));
    }

    #[tokio::test]
    async fn the_address_with_the_most_connections_loses_one_first() {
        let limiter = ConnectionLimiter::new(SHARE + 2);
        let other = IpAddr::from([198, 51, 100, 7]);
        let single = limiter.acquire(other).await;
        single.activity().mark_idle();
        let mut flood = Vec::new();
        for _ in 0..=SHARE {
            flood.push(limiter.acquire(CLIENT).await);
        }
        assert!(limiter.acquire(other).now_or_never().is_none());
        assert!(!is_evicted(&single));
        assert!(is_evicted(&flood[0]));
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        let check = |address: &str, expected: &str| {
            let expected: IpAddr = expected.parse().unwrap();
            assert_eq!(site(address.parse().unwrap()), expected);
        };
        check("192.0.2.1", "192.0.2.1");
        check("::ffff:192.0.2.1", "192.0.2.1");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
    }
}
