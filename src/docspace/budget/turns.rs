//! Turns: how many calls are in flight at a time, a number that may change while they are.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Places for calls in flight.
#[derive(Debug)]
pub(super) struct Turns {
    places: Semaphore,
    size: Mutex<Size>,
}

#[derive(Debug)]
struct Size {
    wanted: u32,
    /// Places that are taken away as soon as their calls end.
    surplus: u32,
}

impl Turns {
    pub(super) fn new(size: u32) -> Self {
        Self {
            places: Semaphore::new(size as usize),
            size: Mutex::new(Size {
                wanted: size,
                surplus: 0,
            }),
        }
    }

    /// Changes how many there are; calls in flight end as they would have.
    pub(super) fn resize(&self, wanted: u32) {
        let mut size = self.lock();
        if wanted >= size.wanted {
            let more = wanted - size.wanted;
            let kept = more.min(size.surplus);
            size.surplus -= kept;
            self.places.add_permits((more - kept) as usize);
        } else {
            let fewer = size.wanted - wanted;
            let free = self.places.forget_permits(fewer as usize);
            size.surplus += fewer - u32::try_from(free).unwrap_or(fewer);
        }
        size.wanted = wanted;
    }

    /// Waits for a place and takes it.
    pub(super) async fn take(&self) -> Turn<'_> {
        let permit = self
            .places
            .acquire()
            .await
            .expect("the semaphore is never closed");
        Turn {
            turns: self,
            permit: Some(permit),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Size> {
        self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the calls in flight, given back when it is dropped.
#[derive(Debug)]
pub(in crate::docspace) struct Turn<'a> {
    turns: &'a Turns,
    permit: Option<SemaphorePermit<'a>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut size = self.turns.lock();
        if size.surplus > 0 {
            size.surplus -= 1;
            if let Some(permit) = self.permit.take() {
                permit.forget();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn take(turns: &Turns) -> Option<Turn<'_>> {
        turns.take().now_or_never()
    }

    #[test]
    fn the_number_of_turns_follows_its_size() {
        let turns = Turns::new(3);
        let mut held: Vec<_> = std::iter::from_fn(|| take(&turns)).collect();
        assert_eq!(held.len(), 3);
        turns.resize(1);
        held.pop();
        assert!(take(&turns).is_none());
        held.pop();
        assert!(take(&turns).is_none());
        held.pop();
        let one = take(&turns);
        assert!(one.is_some());
        assert!(take(&turns).is_none());

        turns.resize(4);
        assert_eq!(
            std::iter::from_fn(|| take(&turns))
                .collect::<Vec<_>>()
                .len(),
            3
        );
        drop(one);
        turns.resize(2);
        assert_eq!(
            std::iter::from_fn(|| take(&turns))
                .collect::<Vec<_>>()
                .len(),
            2
        );
    }

    #[test]
    fn growing_while_places_are_to_go_keeps_them() {
        let turns = Turns::new(2);
        let held: Vec<_> = std::iter::from_fn(|| take(&turns)).collect();
        turns.resize(1);
        turns.resize(2);
        drop(held);
        assert_eq!(
            std::iter::from_fn(|| take(&turns))
                .collect::<Vec<_>>()
                .len(),
            2
        );
    }
}
