//! What was asked of the portal's API.

use std::collections::VecDeque;

/// How many calls are remembered; older ones are forgotten, so that a portal can run for weeks.
const REMEMBERED: usize = 100_000;

/// One call of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The HTTP method.
    pub method: String,
    /// The path with the query.
    pub path: String,
    /// The status answered; `None` when no answer was sent, or none yet.
    pub status: Option<u16>,
}

/// The number of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallNumber(usize);

/// The calls so far.
#[derive(Debug, Default)]
pub(super) struct Calls {
    remembered: VecDeque<Call>,
    forgotten: usize,
}

impl Calls {
    pub(super) fn begin(&mut self, method: &str, path: &str) -> CallNumber {
        if self.remembered.len() == REMEMBERED {
            self.remembered.pop_front();
            self.forgotten += 1;
        }
        self.remembered.push_back(Call {
            method: method.to_owned(),
            path: path.to_owned(),
            status: None,
        });
        CallNumber(self.forgotten + self.remembered.len() - 1)
    }

    pub(super) fn answered(&mut self, number: CallNumber, status: u16) {
        let position = number.0.checked_sub(self.forgotten);
        if let Some(call) = position.and_then(|position| self.remembered.get_mut(position)) {
            call.status = Some(status);
        }
    }

    pub(super) fn all(&self) -> Vec<Call> {
        self.remembered.iter().cloned().collect()
    }
}
