//! Slows down the guessing of the admin token.
//!
//! An address has a few wrong tokens free and then one at a time; all addresses together have more of them. At
//! the limit no token is checked, not even the right one, because a guesser would notice the difference. The
//! operator is not locked out: sessions are not affected, the waits are short, and from an address that has
//! presented the right token only that address's own wrong tokens count.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, header};
use jiff::Timestamp;

use crate::server::client_network;

/// Wrong tokens of one address: enough for a person who mistypes.
const OF_ONE_ADDRESS: Rate = Rate {
    burst: 5,
    interval: Duration::from_secs(10),
};

/// Wrong tokens of all addresses together: at most 90,000 a day.
const OF_ALL: Rate = Rate {
    burst: 50,
    interval: Duration::from_secs(1),
};

/// How long it is remembered that an address presented the right token.
const KNOWN_FOR: Duration = Duration::from_hours(30 * 24);

/// So many wrong tokens at once, and then one in each interval.
#[derive(Clone, Copy, Debug)]
struct Rate {
    burst: u32,
    interval: Duration,
}

/// Wrong tokens that were presented, as the time at which the whole burst is free again.
#[derive(Clone, Copy, Debug, Default)]
struct Wrong {
    until: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct AddressRecord {
    wrong: Wrong,
    known_until: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Guesses {
    of_all: Wrong,
    addresses: HashMap<IpAddr, AddressRecord>,
}

/// Counts wrong tokens.
#[derive(Debug, Default)]
pub(super) struct GuessLimit(Mutex<Guesses>);

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenRejection {
    /// It is wrong.
    Wrong,
    /// It was not checked, because too many wrong ones were presented; another one will be after this time.
    TooMany(Duration),
}

impl TokenRejection {
    /// The reason's code in logs and metrics.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::TooMany(_) => "too_many",
        }
    }
}

impl GuessLimit {
    /// Checks a token that an address presents; returns what it gives.
    pub(super) fn check<T>(
        &self,
        client: IpAddr,
        now: Timestamp,
        look_up: impl FnOnce() -> Option<T>,
    ) -> Result<T, TokenRejection> {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Guesses { of_all, addresses } = &mut *guard;
        addresses.retain(|_, address| !address.is_forgotten(now));
        let address = addresses.entry(client_network(client)).or_default();
        let mut wait = OF_ONE_ADDRESS.wait(address.wrong, now);
        if !is_after(address.known_until, now) {
            wait = wait.max(OF_ALL.wait(*of_all, now));
        }
        if !wait.is_zero() {
            return Err(TokenRejection::TooMany(wait));
        }
        if let Some(given) = look_up() {
            address.known_until = Some(now + KNOWN_FOR);
            return Ok(given);
        }
        OF_ONE_ADDRESS.add(&mut address.wrong, now);
        OF_ALL.add(of_all, now);
        Err(TokenRejection::Wrong)
    }
}

impl Rate {
    fn add(self, wrong: &mut Wrong, now: Timestamp) {
        let until = wrong.until.map_or(now, |until| until.max(now));
        wrong.until = Some(until + self.interval);
    }

    /// How long until another wrong token is free.
    fn wait(self, wrong: Wrong, now: Timestamp) -> Duration {
        let Some(until) = wrong.until else {
            return Duration::ZERO;
        };
        let occupied = Duration::try_from(until.duration_since(now)).unwrap_or_default();
        occupied.saturating_sub(self.interval * (self.burst - 1))
    }
}

impl AddressRecord {
    fn is_forgotten(&self, now: Timestamp) -> bool {
        !is_after(self.wrong.until, now) && !is_after(self.known_until, now)
    }
}

fn is_after(time: Option<Timestamp>, now: Timestamp) -> bool {
    time.is_some_and(|time| time > now)
}

/// The header that says how long to wait.
pub(super) fn retry_after(wait: Duration) -> [(HeaderName, HeaderValue); 1] {
    let seconds = wait.as_millis().div_ceil(1000);
    let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
    [(header::RETRY_AFTER, HeaderValue::from(seconds))]
}
