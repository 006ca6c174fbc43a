//! Why a call to the portal failed, and how to go on.

// An error that is added must state what became of the write: the answer decides whether a call is repeated.
#![deny(clippy::wildcard_enum_match_arm)]

use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;

use super::error_body::ErrorBody;
use super::open_reason::OpenReason;

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
    /// The portal cannot serve at the moment. Also an unpaid tariff (402), and a suspended
    /// portal (404).
    #[error("the portal answered {status}")]
    Unavailable {
        /// The status.
        status: u16,
    },
    /// The response is not from the portal's API: a proxy, a firewall or a login page responded in its place,
    /// or the portal restricts IP addresses. It says nothing about what was requested.
    #[error(
        "the response with status {status} is not from the portal but from a gateway in front of it"
    )]
    Gateway {
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
    #[error("the call was not made: {}", reason.sentence())]
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
    /// Not sent: the caller withdrew the call while it waited.
    #[error("the call was withdrawn before it was sent")]
    Withdrawn,
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
    /// The response is longer than any that the API promises.
    #[error("the portal's answer is longer than {max_bytes} bytes")]
    TooLong {
        /// How much of it was read.
        max_bytes: usize,
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
    /// The call was not made, because its caller withdrew it. The caller knows why.
    Withdrawn,
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
            // It may contain titles and names.
            source: source.without_url(),
        }
    }

    /// The error of a response with this status and a body of this form.
    pub(super) fn from_response(
        status: StatusCode,
        retry_after: Option<Duration>,
        body: ErrorBody,
    ) -> Self {
        match (status.as_u16(), body) {
            (429, _) => Self::RateLimited { retry_after },
            (status @ (402 | 500..=599), _) | (status @ 404, ErrorBody::Problem) => {
                Self::Unavailable { status }
            }
            // The portal's API never responds with these.
            (status @ (300..=399 | 408 | 409 | 421 | 423 | 425 | 451), _) => {
                Self::Gateway { status }
            }
            (status, ErrorBody::Foreign) => Self::Gateway { status },
            (401, _) => Self::KeyRefused,
            (403, _) => Self::Forbidden,
            (404, ErrorBody::Api) => Self::NotFound,
            (status @ 400..=499, ErrorBody::Api | ErrorBody::Problem) => Self::Refused { status },
            (status, _) => Self::Gateway { status },
        }
    }

    /// Whether there may be no portal at the address, or a suspended one.
    pub fn suggests_no_portal(&self) -> bool {
        matches!(self, Self::NotFound | Self::Unavailable { status: 404 })
    }

    /// How to go on after it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unreachable { .. }
            | Self::Unavailable { .. }
            | Self::Gateway { .. }
            | Self::TooLong { .. }
            | Self::Unreadable { .. } => ErrorClass::Retry,
            Self::RateLimited { retry_after } => ErrorClass::RateLimited(*retry_after),
            Self::CircuitOpen { until, .. } => ErrorClass::CircuitOpen(*until),
            Self::BudgetExhausted { wait } => ErrorClass::BudgetExhausted(*wait),
            Self::Withdrawn => ErrorClass::Withdrawn,
            Self::KeyRefused => ErrorClass::KeyRefused,
            Self::Forbidden | Self::NotFound => ErrorClass::Ambiguous,
            Self::Refused { .. } => ErrorClass::Permanent,
        }
    }

    /// What may have become of the write, if the call was one.
    pub fn write_outcome(&self) -> WriteOutcome {
        match self {
            Self::Unreachable { sent: true, .. }
            | Self::Unavailable { status: 502 | 504 }
            | Self::Gateway {
                status: 200..=299 | 408,
            }
            | Self::TooLong { .. }
            | Self::Unreadable { .. } => WriteOutcome::InFlight,
            // A gateway sends these instead of forwarding a request.
            Self::Gateway {
                status: 300..=399 | 407 | 421,
            } => WriteOutcome::NotApplied,
            // A gateway may also replace the portal's response.
            Self::Unavailable { status: 500..=599 } | Self::Gateway { .. } => WriteOutcome::Unknown,
            Self::Unreachable { sent: false, .. }
            | Self::Unavailable { .. }
            | Self::RateLimited { .. }
            | Self::CircuitOpen { .. }
            | Self::BudgetExhausted { .. }
            | Self::Withdrawn
            | Self::KeyRefused
            | Self::Forbidden
            | Self::NotFound
            | Self::Refused { .. } => WriteOutcome::NotApplied,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: ErrorBody, class: ErrorClass, write: WriteOutcome) {
        let error = Error::from_response(StatusCode::from_u16(status).unwrap(), None, body);
        assert_eq!(
            (error.class(), error.write_outcome()),
            (class, write),
            "{status} {body:?}"
        );
    }

    #[test]
    fn each_response_of_the_portal_has_a_class_and_a_write_outcome() {
        use ErrorBody::{Api, Empty, Foreign, Problem};
        use ErrorClass::{Ambiguous, KeyRefused, Permanent, RateLimited, Retry};
        use WriteOutcome::{InFlight, NotApplied, Unknown};

        check(400, Api, Permanent, NotApplied);
        check(401, Empty, KeyRefused, NotApplied);
        check(401, Api, KeyRefused, NotApplied);
        check(402, Problem, Retry, NotApplied);
        check(403, Api, Ambiguous, NotApplied);
        check(403, Empty, Ambiguous, NotApplied);
        check(403, Problem, Ambiguous, NotApplied);
        check(404, Api, Ambiguous, NotApplied);
        check(404, Problem, Retry, NotApplied);
        check(415, Api, Permanent, NotApplied);
        check(429, Empty, RateLimited(None), NotApplied);
        check(500, Api, Retry, Unknown);
        check(502, Foreign, Retry, InFlight);
        check(503, Foreign, Retry, Unknown);
        check(504, Foreign, Retry, InFlight);
    }

    #[test]
    fn a_response_of_a_gateway_is_never_a_verdict() {
        use ErrorBody::{Empty, Foreign};
        use ErrorClass::Retry;
        use WriteOutcome::{InFlight, NotApplied, Unknown};

        for (status, write) in [
            (204, InFlight),
            (302, NotApplied),
            (400, Unknown),
            (401, Unknown),
            (403, Unknown),
            (404, Unknown),
            (405, Unknown),
            (407, NotApplied),
            (408, InFlight),
            (409, Unknown),
            (421, NotApplied),
            (423, Unknown),
            (425, Unknown),
            (451, Unknown),
        ] {
            check(status, Foreign, Retry, write);
            if ![401, 403].contains(&status) {
                check(status, Empty, Retry, write);
            }
        }
        for status in [408, 409, 421, 423, 425, 451] {
            let status = StatusCode::from_u16(status).unwrap();
            let error = Error::from_response(status, None, ErrorBody::Api);
            assert_eq!(error.class(), Retry, "{status}");
        }
    }
}
