//! Results of operations that were read before the caller that waits for them asked.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::operation::{Operation, OperationId};

/// How many are kept; far fewer operations are ever waited for at a time.
const CAPACITY: usize = 256;

/// Finished operations that no caller has asked for yet.
///
/// The portal shows a result once, and a read of all operations takes the results of all of them
/// (docs/DOCSPACE.md 4.4 rule 4).
#[derive(Debug, Default)]
pub(super) struct UnclaimedResults {
    operations: Mutex<VecDeque<Operation>>,
}

impl UnclaimedResults {
    /// Keeps finished operations, and drops the oldest beyond the capacity.
    pub(super) fn keep(&self, finished: impl IntoIterator<Item = Operation>) {
        let mut operations = self.lock();
        operations.extend(finished);
        let surplus = operations.len().saturating_sub(CAPACITY);
        operations.drain(..surplus);
    }

    /// Takes the operation with this id, if it is kept.
    pub(super) fn take(&self, id: &OperationId) -> Option<Operation> {
        let mut operations = self.lock();
        let position = operations.iter().position(|it| it.id == *id)?;
        operations.remove(position)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Operation>> {
        self.operations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(number: usize) -> Operation {
        let json = format!(r#"{{"id": "{number}", "Operation": 1, "finished": true}}"#);
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn a_result_is_taken_once_and_the_oldest_are_dropped() {
        let unclaimed = UnclaimedResults::default();
        unclaimed.keep((0..CAPACITY + 2).map(operation));
        let take = |number: usize| unclaimed.take(&OperationId::new(number.to_string()));
        assert_eq!(take(1), None);
        assert_eq!(take(2), Some(operation(2)));
        assert_eq!(take(2), None);
        assert_eq!(take(CAPACITY + 1), Some(operation(CAPACITY + 1)));
    }
}
