//! The breaker: stops calling a portal that is down, that refuses the key, or that asks for a pause.
//!
//! While it is open everything that needs the portal waits, at no cost in attempts. After a pause calls
//! go on by themselves; in the other cases a probe finds out first.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::{Error, ErrorClass};

/// Calls that fail one after the other before the portal counts as down.
const FAILURES_TO_TRIP: u32 = 5;

/// The first wait before a probe, and the first pause where the portal names none.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait before a probe, and the longest pause we choose ourselves.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The longest pause the portal may ask for: its daily limit ends within a day.
const LONGEST_PAUSE: Duration = Duration::from_hours(24);

/// Whether the portal may be called.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Failures since the last success.
    failures: u32,
    /// Waits since the last success; each doubles the next.
    waits: u32,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    why: OpenReason,
    until: Timestamp,
}

/// Why the portal is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenReason {
    /// It does not answer, or only with errors.
    Down,
    /// It refuses the API key.
    KeyRefused,
    /// One of its limits is reached.
    Limit,
}

impl OpenReason {
    /// The reason as one word, for the metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::KeyRefused => "key_refused",
            Self::Limit => "limit",
        }
    }

    /// The reason in words an operator reads.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Down => "the portal is down",
            Self::KeyRefused => "the portal refuses the API key",
            Self::Limit => "the portal's rate limit is reached",
        }
    }
}

/// What may be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls may be made.
    Closed,
    /// One call may find out whether the portal is well again.
    HalfOpen(OpenReason),
    /// Nothing before this time.
    Open(OpenReason, Timestamp),
}

impl Breaker {
    /// What may be done at this time.
    pub(super) fn breaker_state(&self, now: Timestamp) -> BreakerState {
        let mut state = self.lock();
        match state.open {
            None => BreakerState::Closed,
            Some(open) if now < open.until => BreakerState::Open(open.why, open.until),
            Some(Open {
                why: OpenReason::Limit,
                ..
            }) => {
                state.open = None;
                BreakerState::Closed
            }
            Some(open) => BreakerState::HalfOpen(open.why),
        }
    }

    /// Why it is open, if it is.
    pub(super) fn why(&self) -> Option<OpenReason> {
        self.lock().open.map(|open| open.why)
    }

    /// A call was answered as it should be. Returns whether that closed the breaker.
    pub(super) fn note_success(&self) -> bool {
        let mut state = self.lock();
        let was_open = state.open.is_some();
        *state = State::default();
        was_open
    }

    /// A call failed. Returns why the breaker opened, if this opened it.
    pub(super) fn note_failure(&self, error: &Error, now: Timestamp) -> Option<OpenReason> {
        let mut state = self.lock();
        let (why, asked_for) = match error.class() {
            ErrorClass::Ambiguous | ErrorClass::Permanent => {
                // The portal is well; it just does not like this call.
                state.failures = 0;
                return None;
            }
            // The portal was not asked.
            ErrorClass::BudgetExhausted(_) => return None,
            ErrorClass::Retry => {
                state.failures += 1;
                if state.failures < FAILURES_TO_TRIP && state.open.is_none() {
                    return None;
                }
                (OpenReason::Down, None)
            }
            ErrorClass::KeyRefused => (OpenReason::KeyRefused, None),
            ErrorClass::RateLimited(asked_for) => (OpenReason::Limit, asked_for),
        };
        let was = state.open;
        if was.is_some_and(|open| now < open.until) {
            // A call that was under way when it opened adds nothing.
            return None;
        }
        let own = FIRST_WAIT
            .saturating_mul(1 << state.waits.min(8))
            .min(LONGEST_WAIT);
        let wait = asked_for.map_or(own, |asked_for| asked_for.clamp(FIRST_WAIT, LONGEST_PAUSE));
        state.waits += 1;
        state.open = Some(Open {
            why,
            until: now + wait,
        });
        was.is_none().then_some(why)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000 + seconds).unwrap()
    }

    const DOWN: Error = Error::Unavailable { status: 503 };

    #[test]
    fn a_portal_that_is_down_is_probed_ever_more_rarely() {
        let breaker = Breaker::default();
        for _ in 1..FAILURES_TO_TRIP {
            assert_eq!(breaker.note_failure(&DOWN, at(0)), None);
            assert_eq!(breaker.breaker_state(at(0)), BreakerState::Closed);
        }
        assert_eq!(breaker.note_failure(&DOWN, at(0)), Some(OpenReason::Down));
        let mut now = 0;
        for wait in [1, 2, 4, 8, 16, 30, 30] {
            assert_eq!(
                breaker.breaker_state(at(now)),
                BreakerState::Open(OpenReason::Down, at(now + wait))
            );
            now += wait;
            assert_eq!(
                breaker.breaker_state(at(now)),
                BreakerState::HalfOpen(OpenReason::Down)
            );
            assert_eq!(breaker.note_failure(&DOWN, at(now)), None);
        }
        assert!(breaker.note_success());
        assert_eq!(breaker.breaker_state(at(now)), BreakerState::Closed);
        assert!(!breaker.note_success());
    }

    #[test]
    fn a_refused_key_opens_it_at_once_and_a_single_refusal_of_a_file_never() {
        let breaker = Breaker::default();
        for _ in 0..20 {
            assert_eq!(breaker.note_failure(&Error::Forbidden, at(0)), None);
        }
        assert_eq!(
            breaker.note_failure(&Error::KeyRefused, at(0)),
            Some(OpenReason::KeyRefused)
        );
        assert_eq!(
            breaker.breaker_state(at(1)),
            BreakerState::HalfOpen(OpenReason::KeyRefused)
        );
    }

    #[test]
    fn a_limit_pauses_for_as_long_as_the_portal_asks() {
        let limit = |seconds: Option<u64>| Error::RateLimited {
            retry_after: seconds.map(Duration::from_secs),
        };
        let breaker = Breaker::default();
        assert_eq!(
            breaker.note_failure(&limit(Some(70)), at(0)),
            Some(OpenReason::Limit)
        );
        assert_eq!(
            breaker.breaker_state(at(69)),
            BreakerState::Open(OpenReason::Limit, at(70))
        );
        assert_eq!(breaker.breaker_state(at(70)), BreakerState::Closed);
        assert_eq!(
            breaker.note_failure(&limit(None), at(70)),
            Some(OpenReason::Limit)
        );
        assert_eq!(
            breaker.breaker_state(at(71)),
            BreakerState::Open(OpenReason::Limit, at(72))
        );
        assert_eq!(breaker.note_failure(&limit(Some(0)), at(72)), None);
        assert_eq!(breaker.breaker_state(at(73)), BreakerState::Closed);
    }
}
