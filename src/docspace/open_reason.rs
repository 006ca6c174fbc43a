//! Why calls to the portal are stopped.

/// Why the circuit is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenReason {
    /// The portal does not answer, or answers with errors.
    Down,
    /// The portal refuses the API key.
    KeyRefused,
    /// One of the portal's rate limits is reached.
    Limit,
}

impl OpenReason {
    /// The reason as one word, for metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::KeyRefused => "key_refused",
            Self::Limit => "limit",
        }
    }

    /// The reason as a sentence for an operator.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Down => "the portal is down",
            Self::KeyRefused => "the portal refuses the API key",
            Self::Limit => "the portal's rate limit is reached",
        }
    }
}
