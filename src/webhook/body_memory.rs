//! The memory of all bodies that are being received.
//!
//! When it is full, the largest body that is not complete is evicted in favour of a smaller one; among equal
//! ones, the oldest. However many large bodies clients keep incomplete, an ordinary delivery therefore always fits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Total size in bytes of the bodies that are being received or stored: some 16,000 ordinary deliveries.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The bodies in memory.
#[derive(Clone, Debug)]
pub struct BodyMemory(Arc<Mutex<Bodies>>);

#[derive(Debug)]
struct Bodies {
    free_bytes: usize,
    next: u64,
    /// By age: a smaller number is older.
    incomplete: HashMap<u64, Incomplete>,
}

#[derive(Debug)]
struct Incomplete {
    bytes: usize,
    evicted: CancellationToken,
}

/// The memory of one body, until it is dropped.
#[derive(Debug)]
pub(super) struct BodyShare {
    memory: BodyMemory,
    number: u64,
    bytes: usize,
    evicted: CancellationToken,
}

/// The memory is occupied by complete bodies and by bodies that are smaller than this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MemoryFull;

impl Default for BodyMemory {
    fn default() -> Self {
        Self::new(MAX_BYTES)
    }
}

impl BodyMemory {
    /// Memory for bodies of this many bytes in total.
    pub fn new(max_bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(Bodies {
            free_bytes: max_bytes,
            next: 0,
            incomplete: HashMap::new(),
        })))
    }

    /// The bytes that no body occupies.
    pub fn free_bytes(&self) -> usize {
        self.lock().free_bytes
    }

    /// A share for a new body, without any bytes yet.
    pub(super) fn share(&self) -> BodyShare {
        let evicted = CancellationToken::new();
        let mut bodies = self.lock();
        let number = bodies.next;
        bodies.next += 1;
        let body = Incomplete {
            bytes: 0,
            evicted: evicted.clone(),
        };
        bodies.incomplete.insert(number, body);
        BodyShare {
            memory: self.clone(),
            number,
            bytes: 0,
            evicted,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Bodies> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BodyShare {
    /// Resolves when the body must be dropped in favour of a smaller one.
    pub(super) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }

    /// Takes memory for more bytes of the body; gives larger bodies up if it is full.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), MemoryFull> {
        let mut bodies = self.memory.lock();
        if !bodies.incomplete.contains_key(&self.number) {
            return Err(MemoryFull);
        }
        while bodies.free_bytes < bytes {
            let largest = bodies
                .incomplete
                .iter()
                .filter(|(number, _)| **number != self.number)
                .max_by_key(|(number, body)| (body.bytes, u64::MAX - **number))
                .map(|(number, body)| (*number, body.bytes));
            let (number, freed) = largest.ok_or(MemoryFull)?;
            if freed == 0 || freed < self.bytes + bytes {
                return Err(MemoryFull);
            }
            bodies.evict(number);
        }
        bodies.free_bytes -= bytes;
        self.bytes += bytes;
        if let Some(body) = bodies.incomplete.get_mut(&self.number) {
            body.bytes = self.bytes;
        }
        Ok(())
    }

    /// Records that the body is complete: it is no longer given up.
    pub(super) fn complete(&mut self) -> Result<(), MemoryFull> {
        let body = self.memory.lock().incomplete.remove(&self.number);
        body.map(|_| ()).ok_or(MemoryFull)
    }
}

impl Bodies {
    /// The task that reads the body drops its bytes at once, so they count as free.
    fn evict(&mut self, number: u64) {
        if let Some(body) = self.incomplete.remove(&number) {
            self.free_bytes += body.bytes;
            body.evicted.cancel();
        }
    }
}

impl Drop for BodyShare {
    fn drop(&mut self) {
        let mut bodies = self.memory.lock();
        bodies.incomplete.remove(&self.number);
        // A body that was given up has no bytes left to free.
        if !self.evicted.is_cancelled() {
            bodies.free_bytes += self.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(memory: &BodyMemory, bytes: usize) -> BodyShare {
        let mut share = memory.share();
        share.grow(bytes).unwrap();
        share
    }

    #[test]
    fn the_largest_body_is_given_up_and_of_equal_ones_the_oldest() {
        let memory = BodyMemory::new(100);
        let bodies = [20, 30, 30, 20].map(|bytes| share(&memory, bytes));
        let evicted = || bodies.each_ref().map(|body| body.evicted.is_cancelled());
        let _small = share(&memory, 1);
        assert_eq!(evicted(), [false, true, false, false]);
        let _other = share(&memory, 29);
        assert_eq!(evicted(), [false, true, false, false]);
        let _next = share(&memory, 5);
        assert_eq!(evicted(), [false, true, true, false]);
    }

    #[test]
    fn a_large_body_gives_no_smaller_one_up() {
        let memory = BodyMemory::new(100);
        let mut large = share(&memory, 60);
        let _small = share(&memory, 40);
        assert_eq!(large.grow(1), Err(MemoryFull));
        assert_eq!(memory.share().grow(61), Err(MemoryFull));
        drop(large);
        assert_eq!(memory.share().grow(60), Ok(()));
    }

    #[test]
    fn a_complete_body_stays() {
        let memory = BodyMemory::new(100);
        let mut complete = share(&memory, 100);
        complete.complete().unwrap();
        assert_eq!(memory.share().grow(1), Err(MemoryFull));
        drop(complete);
        assert_eq!(memory.share().grow(100), Ok(()));
    }

    #[test]
    fn a_body_that_was_given_up_is_neither_complete_nor_freed_twice() {
        let memory = BodyMemory::new(100);
        let mut large = share(&memory, 100);
        let small = share(&memory, 1);
        assert_eq!(large.complete(), Err(MemoryFull));
        assert_eq!(large.grow(1), Err(MemoryFull));
        drop(large);
        drop(small);
        assert_eq!(memory.free_bytes(), 100);
    }
}
