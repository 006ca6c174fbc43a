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
    /// One of the portal's limits is reached (CONTRACT 7); only the daily one says for how long.
    #[error("the portal's rate limit is reached")]
    RateLimited {
        /// What the portal asks for.
        retry_after: Option<Duration>,
    },
    /// The call was not made: it would go beyond what we allow ourselves of the portal's limits.
    #[error("the calls to the portal are used up for now")]
    Saved {
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
pub enum Advice {
    /// Try this again later.
    TryAgain,
    /// Leave the whole portal alone for a while: for this long, or until a probe succeeds.
    Pause(Option<Duration>),
    /// Make this call after a wait; there is nothing wrong with it or with the portal.
    Wait(Duration),
    /// Call nothing until the operator has mended the key; keep everything waiting.
    StopCalling,
    /// Find out which of its meanings the refusal has, by asking for the file.
    AskForTheFile,
    /// Never try this again.
    GiveUp,
}

/// What can have become of a write whose call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The portal did not accept it.
    NotDone,
    /// The portal may have accepted it, and is done with the request.
    Doubtful,
    /// The portal may still be working on the request.
    Open,
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
    pub fn advice(&self) -> Advice {
        match self {
            Self::Unreachable { .. } | Self::Unavailable { .. } | Self::Unreadable { .. } => {
                Advice::TryAgain
            }
            Self::RateLimited { retry_after } => Advice::Pause(*retry_after),
            Self::Saved { wait } => Advice::Wait(*wait),
            Self::KeyRefused => Advice::StopCalling,
            Self::Forbidden | Self::NotFound => Advice::AskForTheFile,
            Self::Refused { .. } => Advice::GiveUp,
        }
    }

    /// What can have become of a write.
    pub fn fate(&self) -> Fate {
        match self {
            Self::Unreachable { sent: true, .. }
            | Self::Unavailable {
                status: 408 | 502 | 504,
            }
            | Self::Unreadable { .. } => Fate::Open,
            Self::Unavailable { status: 500..=599 } => Fate::Doubtful,
            _ => Fate::NotDone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_advice() {
        use Advice::{AskForTheFile, GiveUp, Pause, StopCalling, TryAgain};
        let check = |status: u16, advice: Advice, fate: Fate| {
            let status = StatusCode::from_u16(status).unwrap();
            let error = Error::from_status(status, None);
            assert_eq!((error.advice(), error.fate()), (advice, fate), "{status}");
        };
        check(301, TryAgain, Fate::NotDone);
        check(400, GiveUp, Fate::NotDone);
        check(401, StopCalling, Fate::NotDone);
        check(402, TryAgain, Fate::NotDone);
        check(403, AskForTheFile, Fate::NotDone);
        check(404, AskForTheFile, Fate::NotDone);
        check(408, TryAgain, Fate::Open);
        check(415, GiveUp, Fate::NotDone);
        check(429, Pause(None), Fate::NotDone);
        check(500, TryAgain, Fate::Doubtful);
        check(502, TryAgain, Fate::Open);
        check(503, TryAgain, Fate::Doubtful);
        check(504, TryAgain, Fate::Open);
    }
}
