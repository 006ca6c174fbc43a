//! The two queues of work, as instances announce them to each other.

/// A queue that has new work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// An event is to be decided.
    Inbox,
    /// An action may be due.
    Outbox,
}
