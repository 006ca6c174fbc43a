//! A limit on the calls in flight that can be resized.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Limits the calls in flight.
#[derive(Debug)]
pub(super) struct InFlightLimit {
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    size: u32,
    permits: Arc<Semaphore>,
}

impl Current {
    fn new(size: u32) -> Self {
        Self {
            size,
            permits: Arc::new(Semaphore::new(size as usize)),
        }
    }
}

/// A slot among the calls in flight, freed when dropped.
#[derive(Debug)]
pub(in crate::docspace) struct InFlightPermit {
    _permit: OwnedSemaphorePermit,
}

impl InFlightLimit {
    pub(super) fn new(size: u32) -> Self {
        Self {
            current: Mutex::new(Current::new(size)),
        }
    }

    /// Changes the limit for later calls. Calls that are in flight or already wait keep the old semaphore, so
    /// there can be more than `size` of them until they end.
    pub(super) fn resize(&self, size: u32) {
        let mut current = self.lock();
        if current.size != size {
            *current = Current::new(size);
        }
    }

    /// Waits for a slot.
    pub(super) async fn acquire(&self) -> InFlightPermit {
        let permits = Arc::clone(&self.lock().permits);
        InFlightPermit {
            _permit: permits
                .acquire_owned()
                .await
                .expect("the semaphore is never closed"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn acquire_all(limit: &InFlightLimit) -> Vec<InFlightPermit> {
        std::iter::from_fn(|| limit.acquire().now_or_never()).collect()
    }

    #[test]
    fn calls_are_limited_and_slots_are_freed() {
        let limit = InFlightLimit::new(3);
        let mut held = acquire_all(&limit);
        assert_eq!(held.len(), 3);
        held.pop();
        assert_eq!(acquire_all(&limit).len(), 1);
    }

    #[test]
    fn a_new_size_counts_for_later_calls() {
        let limit = InFlightLimit::new(3);
        let held = acquire_all(&limit);
        limit.resize(1);
        let one = acquire_all(&limit);
        assert_eq!(one.len(), 1);
        drop(held);
        assert_eq!(acquire_all(&limit).len(), 0);
        limit.resize(4);
        assert_eq!(acquire_all(&limit).len(), 4);
    }

    #[test]
    fn the_same_size_again_frees_nothing() {
        let limit = InFlightLimit::new(2);
        let held = acquire_all(&limit);
        limit.resize(2);
        assert_eq!(acquire_all(&limit).len(), 0);
        drop(held);
    }
}
