//! Why a call to the portal failed, cut by what to do about it.

use std::time::Duration;

use reqwest::StatusCode;

/// A failed call to the portal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer came: no connection, or one that broke, or a timeout.
    #[error("the portal did not answer")]
    Unreachable {
        /// Whether the request can have reached the portal.
        sent: bool,
        /// What went wrong.
        #[source]
        source: reqwest::Error,
    },
    /// The portal, or a proxy before it, cannot serve just now; also an unpaid tariff (402) and an
    /// address that only redirects.
    #[error("the portal answered {status}")]
    Unavailable {
        /// The status.
        status: u16,
    },
    /// One of the portal's limits is reached (docs/DOCSPACE.md 7); only the daily one says for how long.
    #[error("the portal's rate limit is reached")]
    RateLimited {
        /// What the portal asks for.
        retry_after: Option<Duration>,
    },
    /// The call was not made: it would go beyond what we allow ourselves of the portal's limits.
    #[error("the calls to the portal are used up for now")]
    BudgetExhausted {
        /// How long until there is one again.
        wait: Duration,
    },
    /// The key is unknown, inactive or expired, or its user is disabled.
    #[error("the portal refuses the API key")]
    KeyRefused,
    /// No right, a file that is gone, or one that is open or locked: 403 says all of them.
    #[error("the portal denies access")]
    Forbidden,
    /// The thing asked for does not exist.
    #[error("the portal does not know it")]
    NotFound,
    /// The portal will not do this, however often it is asked.
    #[error("the portal refused the request with {status}")]
    Refused {
        /// The status.
        status: u16,
    },
    /// The portal's answer is not what its API promises.
    #[error("the portal's answer could not be read")]
    Unreadable {
        /// What the reader stumbled over.
        #[source]
        source: serde_json::Error,
    },
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// Try this again later.
    Retry,
    /// Leave the whole portal alone for a while: for this long, or until a probe succeeds.
    RateLimited(Option<Duration>),
    /// Make this call after a wait; there is nothing wrong with it or with the portal.
    BudgetExhausted(Duration),
    /// Call nothing until the operator has mended the key; keep everything waiting.
    KeyRefused,
    /// Find out which of its meanings the refusal has, by asking for the file.
    Ambiguous,
    /// Never try this again.
    Permanent,
}

/// What can have become of a write whose call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The portal did not accept it.
    NotApplied,
    /// The portal may have accepted it, and is done with the request.
    Unknown,
    /// The portal may still be working on the request.
    InFlight,
}

impl Error {
    pub(super) fn unreachable(source: reqwest::Error) -> Self {
        Self::Unreachable {
            sent: !source.is_connect(),
            source,
        }
    }

    pub(super) fn from_status(status: StatusCode, retry_after: Option<Duration>) -> Self {
        match status.as_u16() {
            401 => Self::KeyRefused,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            429 => Self::RateLimited { retry_after },
            status @ (300..=399 | 402 | 408 | 500..=599) => Self::Unavailable { status },
            status => Self::Refused { status },
        }
    }

    /// What to do about it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unreachable { .. } | Self::Unavailable { .. } | Self::Unreadable { .. } => {
                ErrorClass::Retry
            }
            Self::RateLimited { retry_after } => ErrorClass::RateLimited(*retry_after),
            Self::BudgetExhausted { wait } => ErrorClass::BudgetExhausted(*wait),
            Self::KeyRefused => ErrorClass::KeyRefused,
            Self::Forbidden | Self::NotFound => ErrorClass::Ambiguous,
            Self::Refused { .. } => ErrorClass::Permanent,
        }
    }

    /// What can have become of a write.
    pub fn write_outcome(&self) -> WriteOutcome {
        match self {
            Self::Unreachable { sent: true, .. }
            | Self::Unavailable {
                status: 408 | 502 | 504,
            }
            | Self::Unreadable { .. } => WriteOutcome::InFlight,
            Self::Unavailable { status: 500..=599 } => WriteOutcome::Unknown,
            _ => WriteOutcome::NotApplied,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_advice() {
        use ErrorClass::{Ambiguous, KeyRefused, Permanent, RateLimited, Retry};
        let check = |status: u16, advice: ErrorClass, fate: WriteOutcome| {
            let status = StatusCode::from_u16(status).unwrap();
            let error = Error::from_status(status, None);
            assert_eq!(
                (error.class(), error.write_outcome()),
                (advice, fate),
                "{status}"
            );
        };
        check(301, Retry, WriteOutcome::NotApplied);
        check(400, Permanent, WriteOutcome::NotApplied);
        check(401, KeyRefused, WriteOutcome::NotApplied);
        check(402, Retry, WriteOutcome::NotApplied);
        check(403, Ambiguous, WriteOutcome::NotApplied);
        check(404, Ambiguous, WriteOutcome::NotApplied);
        check(408, Retry, WriteOutcome::InFlight);
        check(415, Permanent, WriteOutcome::NotApplied);
        check(429, RateLimited(None), WriteOutcome::NotApplied);
        check(500, Retry, WriteOutcome::Unknown);
        check(502, Retry, WriteOutcome::InFlight);
        check(503, Retry, WriteOutcome::Unknown);
        check(504, Retry, WriteOutcome::InFlight);
    }
}
