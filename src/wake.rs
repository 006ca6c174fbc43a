//! Wakes the tasks that process the inbox and the outbox.

use tokio::sync::Notify;

/// Signals that there is work. Tasks also poll, so a lost signal costs a second at most.
#[derive(Debug, Default)]
pub struct Wake {
    /// An event waits for its decision.
    pub inbox: Notify,
    /// An action may be due.
    pub outbox: Notify,
}
