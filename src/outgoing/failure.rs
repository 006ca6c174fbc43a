//! How a notification or call can fail, and what can be wrong with a channel.

use std::time::Duration;

use jiff::Timestamp;

/// Why a notification or call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Another attempt at this message may succeed.
    Transient {
        /// The cause, for the operator.
        reason: String,
        /// The wait that the receiver asks for, bounded by an hour.
        retry_after: Option<Duration>,
    },
    /// No attempt at this message will ever succeed.
    Permanent {
        /// The cause, for machines.
        code: &'static str,
        /// The cause, for the operator.
        reason: String,
    },
    /// The channel has a problem that concerns every message.
    Channel {
        /// What is wrong.
        problem: ChannelProblem,
        /// The cause, for the operator.
        reason: String,
        /// The wait that the receiver asks for, bounded by an hour.
        retry_after: Option<Duration>,
    },
    /// The circuit of the channel is open. The message waits and uses up no attempt.
    CircuitOpen {
        /// Why the circuit is open, for the operator.
        reason: String,
        /// When the next message is let through.
        until: Timestamp,
    },
}

/// What is wrong with a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelProblem {
    /// It cannot be reached or does not respond.
    Unreachable,
    /// It responds with errors. One error may be due to the message.
    Failing,
    /// It rejects our configuration, such as the login, the sender or the address.
    SetUpRejected,
    /// It asks for a pause.
    Limit,
}

impl ChannelProblem {
    /// The problem as one word, for metrics and the API.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Failing => "failing",
            Self::SetUpRejected => "set_up_rejected",
            Self::Limit => "limit",
        }
    }
}

impl Failure {
    /// The cause, for the operator.
    pub fn reason(&self) -> &str {
        match self {
            Self::Transient { reason, .. }
            | Self::Permanent { reason, .. }
            | Self::Channel { reason, .. }
            | Self::CircuitOpen { reason, .. } => reason,
        }
    }

    /// A transient failure without a requested wait.
    pub(crate) fn transient(reason: impl Into<String>) -> Self {
        Self::Transient {
            reason: reason.into(),
            retry_after: None,
        }
    }

    /// A problem of the channel without a requested wait.
    pub(crate) fn channel(problem: ChannelProblem, reason: impl Into<String>) -> Self {
        Self::Channel {
            problem,
            reason: reason.into(),
            retry_after: None,
        }
    }
}
