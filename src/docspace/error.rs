//! Why a call to the portal failed, and how to go on.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;

use super::breaker::OpenReason;

/// A failed call to the portal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There was no response: no connection, a broken one, or a timeout.
    #[error("the portal did not answer")]
    Unreachable {
        /// Whether the request may have reached the portal.
        sent: bool,
        /// What went wrong.
        #[source]
        source: reqwest::Error,
    },
    /// The portal, or a proxy in front of it, cannot serve at the moment. Also an unpaid tariff (402), and a
    /// redirect.
    #[error("the portal answered {status}")]
    Unavailable {
        /// The status.
        status: u16,
    },
    /// One of the portal's limits is reached (docs/DOCSPACE.md 7); only the daily one says for how long.
    #[error("the portal's rate limit is reached")]
    RateLimited {
        /// How long the portal asks to wait.
        retry_after: Option<Duration>,
    },
    /// Not sent: the circuit is open.
    #[error("the call was not made: {}", reason.as_str())]
    CircuitOpen {
        /// Why it is open.
        reason: OpenReason,
        /// When the next call, or the next probe, is let through.
        until: Timestamp,
    },
    /// Not sent: our own budget of calls is exhausted.
    #[error("the budget of calls to the portal is exhausted for now")]
    BudgetExhausted {
        /// How long until the next call.
        wait: Duration,
    },
    /// The key is unknown, inactive or expired, or its user is disabled.
    #[error("the portal refuses the API key")]
    KeyRefused,
    /// Missing rights, or a file that is gone, open in an editor or locked: the portal answers 403 to all of
    /// them.
    #[error("the portal denies access")]
    Forbidden,
    /// The requested object does not exist.
    #[error("the portal does not know it")]
    NotFound,
    /// The portal rejects the request as such.
    #[error("the portal refused the request with {status}")]
    Refused {
        /// The status.
        status: u16,
    },
    /// The response is not what the API promises.
    #[error("the portal's answer could not be read")]
    Unreadable {
        /// Where reading failed.
        #[source]
        source: serde_json::Error,
    },
}

/// Errors grouped by how to go on after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// Try again later.
    Retry,
    /// Pause all calls, for this long if the portal says so.
    RateLimited(Option<Duration>),
    /// The call was not made. Wait until this time; it uses up no attempt.
    CircuitOpen(Timestamp),
    /// The call was not made. Wait this long; it uses up no attempt.
    BudgetExhausted(Duration),
    /// Pause all calls until the operator has replaced the key.
    KeyRefused,
    /// The refusal has several meanings. Read the file to find out which one applies.
    Ambiguous,
    /// Do not try again.
    Permanent,
}

/// What may have become of a write whose call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The portal did not accept it.
    NotApplied,
    /// The portal may have accepted it, and has finished handling the request.
    Unknown,
    /// The portal may still be handling the request.
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

    /// How to go on after it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unreachable { .. } | Self::Unavailable { .. } | Self::Unreadable { .. } => {
                ErrorClass::Retry
            }
            Self::RateLimited { retry_after } => ErrorClass::RateLimited(*retry_after),
            Self::CircuitOpen { until, .. } => ErrorClass::CircuitOpen(*until),
            Self::BudgetExhausted { wait } => ErrorClass::BudgetExhausted(*wait),
            Self::KeyRefused => ErrorClass::KeyRefused,
            Self::Forbidden | Self::NotFound => ErrorClass::Ambiguous,
            Self::Refused { .. } => ErrorClass::Permanent,
        }
    }

    /// What may have become of the write, if the call was one.
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
    fn each_status_has_a_class_and_a_write_outcome() {
        use ErrorClass::{Ambiguous, KeyRefused, Permanent, RateLimited, Retry};
        let check = |status: u16, class: ErrorClass, write: WriteOutcome| {
            let status = StatusCode::from_u16(status).unwrap();
            let error = Error::from_status(status, None);
            assert_eq!(
                (error.class(), error.write_outcome()),
                (class, write),
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
