//! The record of API calls.

use std::collections::VecDeque;

/// How many calls are kept. Older ones are dropped, so that a portal can run for weeks.
const KEPT_CALLS: usize = 100_000;

/// One API call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The HTTP method.
    pub method: String,
    /// The path with the query.
    pub path: String,
    /// The status of the response; `None` without a response, or before it.
    pub status: Option<u16>,
}

/// The position of a call among all calls so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallNumber(usize);

/// The calls so far.
#[derive(Debug, Default)]
pub(super) struct CallLog {
    kept: VecDeque<Call>,
    dropped: usize,
}

impl CallLog {
    pub(super) fn begin(&mut self, method: &str, path: &str) -> CallNumber {
        if self.kept.len() == KEPT_CALLS {
            self.kept.pop_front();
            self.dropped += 1;
        }
        self.kept.push_back(Call {
            method: method.to_owned(),
            path: path.to_owned(),
            status: None,
        });
        CallNumber(self.dropped + self.kept.len() - 1)
    }

    pub(super) fn record_status(&mut self, number: CallNumber, status: u16) {
        let position = number.0.checked_sub(self.dropped);
        if let Some(call) = position.and_then(|position| self.kept.get_mut(position)) {
            call.status = Some(status);
        }
    }

    /// How many there were, also of those that are no longer kept.
    pub(super) fn len(&self) -> usize {
        self.dropped + self.kept.len()
    }

    pub(super) fn all(&self) -> Vec<Call> {
        self.kept.iter().cloned().collect()
    }
}
