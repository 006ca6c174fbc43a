//! Limits the number of open connections, and the memory that all of them occupy.
//!
//! At the limit, a new connection evicts another one. Addresses with more than [`SHARE`] connections lose one
//! first, then connections that are idle after a response, then those whose client has not completed its first
//! request; among equal ones, the one that has been idle longest. Behind a proxy all connections have the same
//! address, so the share makes no difference there.
//!
//! A connection occupies memory for its state, and for what its client has sent that cannot be used yet: a handshake,
//! head or TLS record that is not complete. When all connections together occupy too much, the one with the most unused bytes
//! is evicted, or, if none has many, the one that would be evicted at the limit. A real client sends a handshake of 2 KiB and
//! a head of 1 KiB.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Connections from one address that count as ordinary.
const SHARE: usize = 32;

/// The most memory that all connections together occupy, in bytes: with that of bodies, of the service at rest, and what the
/// allocator needs while connections come and go, less than 128 MiB. 4,096 connections without TLS fit.
const MAX_BYTES: usize = 40 * 1024 * 1024;

/// What a connection occupies, in bytes, as measured with a thousand: its task, and the buffers of rustls or hyper.
const ACCEPTED_BYTES: usize = 10 * 1024;

/// The same after a TLS handshake: the buffers of both.
const ESTABLISHED_BYTES: usize = 24 * 1024;

/// Unused bytes that a real client may have.
const ORDINARY_UNUSED_BYTES: usize = 4 * 1024;

/// In place of a time: a complete request is being answered, so the connection cannot be evicted.
const BUSY: u64 = u64::MAX;

/// Whether a connection is busy or idle, and since when; and how much memory it occupies.
#[derive(Debug)]
pub(super) struct ConnectionActivity {
    client: IpAddr,
    opened_at: u64,
    idle_since: AtomicU64,
    /// Memory for its state.
    state_bytes: AtomicUsize,
    /// What the client has sent that cannot be used yet.
    unused_bytes: AtomicUsize,
    /// Those of them that belong to a TLS record that is not complete.
    incomplete_bytes: AtomicUsize,
    connections: Arc<Connections>,
    evicted: CancellationToken,
}

impl ConnectionActivity {
    /// Records that a complete request was received, which the client awaits the response to.
    pub(super) fn mark_busy(&self) {
        self.idle_since.store(BUSY, Ordering::Relaxed);
    }

    /// Records that the response is ready; the client has to read it and send the next request.
    pub(super) fn mark_idle(&self) {
        self.idle_since
            .store(self.connections.tick(), Ordering::Relaxed);
    }

    /// Resolves when the connection must be closed in favour of another one.
    pub(super) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }

    /// Records that the handshake is complete.
    pub(super) fn established(&self) {
        self.used_all();
        let before = self.state_bytes.swap(ESTABLISHED_BYTES, Ordering::Relaxed);
        self.connections
            .occupy(ESTABLISHED_BYTES.saturating_sub(before));
    }

    /// Records that the client has sent these bytes.
    pub(super) fn received(&self, bytes: usize) {
        self.unused_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.connections.occupy(bytes);
    }

    /// Records how many of the last bytes that the client has sent belong to a TLS record that is not complete.
    pub(super) fn holds_incomplete(&self, bytes: usize) {
        self.incomplete_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Records that so many of the bytes were part of a body.
    pub(super) fn used(&self, bytes: usize) {
        self.take(bytes, self.incomplete_bytes.load(Ordering::Relaxed));
    }

    /// Records that all bytes were used, but nothing of a record that is not complete.
    pub(super) fn used_all(&self) {
        self.used(usize::MAX);
    }

    /// Records that the connection occupies nothing any more.
    fn free_all(&self) {
        self.take(usize::MAX, 0);
        let state = self.state_bytes.swap(0, Ordering::Relaxed);
        self.connections.bytes.fetch_sub(state, Ordering::Relaxed);
    }

    /// Takes up to so many from the unused bytes, but leaves at least some.
    fn take(&self, bytes: usize, left: usize) {
        let after = |unused: usize| unused.saturating_sub(bytes).max(left.min(unused));
        let before = self
            .unused_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |it| Some(after(it)))
            .unwrap_or_default();
        self.connections
            .bytes
            .fetch_sub(before - after(before), Ordering::Relaxed);
    }

    fn evict(&self) {
        self.evicted.cancel();
        // The task of the connection drops its buffers at once.
        self.free_all();
    }

    /// The time since which the connection is idle; `None` while it is busy or already evicted.
    fn evictable_since(&self) -> Option<u64> {
        let since = self.idle_since.load(Ordering::Relaxed);
        (since != BUSY && !self.evicted.is_cancelled()).then_some(since)
    }
}

/// The open connections of a listener.
#[derive(Debug)]
struct Connections {
    open: Mutex<HashMap<u64, Arc<ConnectionActivity>>>,
    /// Orders the times at which connections became idle.
    clock: AtomicU64,
    /// The memory that all of them occupy.
    bytes: AtomicUsize,
    max_bytes: usize,
}

impl Connections {
    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Arc<ConnectionActivity>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a connection occupies so many bytes more. Evicts one if all together occupy too many.
    fn occupy(&self, bytes: usize) {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > self.max_bytes && !self.evict_largest() {
            self.evict_idle();
        }
    }

    /// Evicts the connection that is needed least.
    fn evict_idle(&self) {
        let open = self.open();
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
            activity.evict();
        }
    }

    /// Evicts the connection with the most unused bytes, unless no connection has many. Returns whether it did.
    fn evict_largest(&self) -> bool {
        let open = self.open();
        let idle = open
            .values()
            .filter(|activity| activity.evictable_since().is_some());
        let unused_bytes =
            |activity: &&Arc<ConnectionActivity>| activity.unused_bytes.load(Ordering::Relaxed);
        let largest = idle.max_by_key(unused_bytes);
        let largest = largest.filter(|largest| unused_bytes(largest) > ORDINARY_UNUSED_BYTES);
        if let Some(activity) = largest {
            activity.evict();
        }
        largest.is_some()
    }
}

/// Hands out a bounded number of permits.
#[derive(Clone, Debug)]
pub(super) struct ConnectionLimiter {
    free: Arc<Semaphore>,
    connections: Arc<Connections>,
}

/// The right to keep a connection open, until it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    id: u64,
    activity: Arc<ConnectionActivity>,
    _permit: OwnedSemaphorePermit,
}

impl ConnectionLimiter {
    pub(super) fn new(max_connections: usize) -> Self {
        Self::with_memory(max_connections, MAX_BYTES)
    }

    fn with_memory(max_connections: usize, max_bytes: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(max_connections)),
            connections: Arc::new(Connections {
                open: Mutex::default(),
                clock: AtomicU64::default(),
                bytes: AtomicUsize::default(),
                max_bytes,
            }),
        }
    }

    /// Waits for a permit. At the limit, evicts another connection; if all are busy, waits for the first one to
    /// close.
    pub(super) async fn acquire(&self, client: IpAddr) -> ConnectionPermit {
        if self.free.available_permits() == 0 {
            self.connections.evict_idle();
        }
        let permit = Arc::clone(&self.free).acquire_owned().await;
        let id = self.connections.tick();
        let activity = Arc::new(ConnectionActivity {
            client: client_network(client),
            opened_at: id,
            idle_since: AtomicU64::new(id),
            state_bytes: AtomicUsize::new(ACCEPTED_BYTES),
            unused_bytes: AtomicUsize::default(),
            incomplete_bytes: AtomicUsize::default(),
            connections: Arc::clone(&self.connections),
            evicted: CancellationToken::new(),
        });
        self.connections.open().insert(id, Arc::clone(&activity));
        self.connections.occupy(ACCEPTED_BYTES);
        ConnectionPermit {
            id,
            activity,
            _permit: permit.expect("the semaphore is never closed"),
        }
    }
}

/// The address that counts: of IPv6 addresses the network of 64 bits, which usually belongs to one customer.
pub(crate) fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            Ipv6Addr::from(network).into()
        }
        IpAddr::V4(address) => address.into(),
    }
}

impl ConnectionPermit {
    pub(super) fn activity(&self) -> &Arc<ConnectionActivity> {
        &self.activity
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.activity.connections.open().remove(&self.id);
        self.activity.free_all();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    const KIB: usize = 1024;

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

    #[tokio::test]
    async fn the_connection_with_the_most_unused_bytes_is_evicted_when_all_are_too_many() {
        let limiter = ConnectionLimiter::with_memory(4, 4 * ACCEPTED_BYTES + 100 * KIB);
        let mut permits = Vec::new();
        for kib in [10, 40, 30, 20] {
            let permit = limiter.acquire(CLIENT).await;
            permit.activity().received(kib * KIB);
            permits.push(permit);
        }
        let evicted =
            |permits: &[ConnectionPermit]| permits.iter().map(is_evicted).collect::<Vec<_>>();
        assert_eq!(evicted(&permits), [false; 4], "100 KiB are allowed");
        permits[0].activity().received(1);
        assert_eq!(evicted(&permits), [false, true, false, false]);
        // Its bytes are free; those of a body and of a connection that is closed, too.
        permits[0].activity().received(39 * KIB);
        permits[0].activity().used(25 * KIB);
        permits.remove(2);
        permits[0]
            .activity()
            .received(56 * KIB - 1 + 2 * ACCEPTED_BYTES);
        assert_eq!(evicted(&permits), [false, true, false]);
        permits[2].activity().received(1);
        assert_eq!(evicted(&permits), [true, true, false]);
    }

    #[tokio::test]
    async fn a_record_that_is_not_complete_stays_unused() {
        let limiter = ConnectionLimiter::with_memory(2, 2 * ACCEPTED_BYTES + 100 * KIB);
        let (held, other) = (limiter.acquire(CLIENT).await, limiter.acquire(CLIENT).await);
        // The end of a handshake, or a head, and the beginning of another record.
        held.activity().holds_incomplete(60 * KIB);
        held.activity().received(90 * KIB);
        held.activity().used_all();
        held.activity().used(10 * KIB);
        other.activity().received(40 * KIB);
        assert_eq!([&held, &other].map(is_evicted), [false, false]);
        other.activity().received(1);
        assert_eq!([&held, &other].map(is_evicted), [true, false]);
        // Nothing of it is left.
        other.activity().received(59 * KIB + ACCEPTED_BYTES);
        assert!(!is_evicted(&other));
    }

    #[tokio::test]
    async fn established_connections_give_way_though_their_clients_sent_little() {
        let limiter = ConnectionLimiter::with_memory(9, 2 * ESTABLISHED_BYTES);
        let mut permits = Vec::new();
        for _ in 0..2 {
            let permit = limiter.acquire(CLIENT).await;
            permit.activity().received(2 * KIB);
            permit.activity().established();
            permits.push(permit);
        }
        assert_eq!([0, 1].map(|it| is_evicted(&permits[it])), [false, false]);
        let new = limiter.acquire(CLIENT).await;
        assert_eq!([0, 1].map(|it| is_evicted(&permits[it])), [true, false]);
        new.activity().established();
        assert!(!is_evicted(&permits[1]), "the memory of the first is free");
    }

    #[tokio::test]
    async fn a_busy_connection_keeps_its_bytes() {
        let limiter = ConnectionLimiter::with_memory(2, 2 * ACCEPTED_BYTES + 100 * KIB);
        let (busy, idle) = (limiter.acquire(CLIENT).await, limiter.acquire(CLIENT).await);
        busy.activity().received(90 * KIB);
        busy.activity().mark_busy();
        idle.activity().received(20 * KIB);
        assert_eq!([&busy, &idle].map(is_evicted), [false, true]);
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        let check = |address: &str, expected: &str| {
            let expected: IpAddr = expected.parse().unwrap();
            assert_eq!(client_network(address.parse().unwrap()), expected);
        };
        check("192.0.2.1", "192.0.2.1");
        check("::ffff:192.0.2.1", "192.0.2.1");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
    }
}
