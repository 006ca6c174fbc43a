//! The circuit breaker: stops calls to a portal that is down, refuses the API key, or asks for a pause.
//!
//! While the circuit is open, everything that needs the portal waits and uses up no attempts. A pause for a
//! rate limit ends by itself. After the other reasons the circuit becomes half-open, and a probe must succeed
//! before it closes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// Failures in a row before the portal counts as down.
const FAILURE_THRESHOLD: u32 = 5;

/// How long the circuit first stays open. Doubles with each failed probe.
const INITIAL_OPEN: Duration = Duration::from_secs(1);

/// The longest that the circuit stays open, unless the portal asks for more.
const MAX_OPEN: Duration = Duration::from_secs(30);

/// The longest pause that the portal may ask for: its longest limit counts for a day.
const MAX_PAUSE: Duration = Duration::from_hours(24);

/// A circuit breaker for one portal.
#[derive(Debug, Default)]
pub(super) struct CircuitBreaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Failures since the last success.
    failures: u32,
    /// How often the circuit opened since the last success.
    openings: u32,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    reason: OpenReason,
    until: Timestamp,
}

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
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Down => "the portal is down",
            Self::KeyRefused => "the portal refuses the API key",
            Self::Limit => "the portal's rate limit is reached",
        }
    }
}

/// Whether calls are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls are let through.
    Closed,
    /// A probe is due and decides whether the circuit closes.
    HalfOpen(OpenReason),
    /// Calls fail at once until this time.
    Open(OpenReason, Timestamp),
}

impl CircuitBreaker {
    /// The state at this time.
    pub(super) fn state(&self, now: Timestamp) -> BreakerState {
        let mut state = self.lock();
        match state.open {
            None => BreakerState::Closed,
            Some(open) if now < open.until => BreakerState::Open(open.reason, open.until),
            Some(Open {
                reason: OpenReason::Limit,
                ..
            }) => {
                state.open = None;
                BreakerState::Closed
            }
            Some(open) => BreakerState::HalfOpen(open.reason),
        }
    }

    /// Why the circuit is open or half-open.
    pub(super) fn open_reason(&self) -> Option<OpenReason> {
        self.lock().open.map(|open| open.reason)
    }

    /// Records a call that succeeded. Returns whether that closed the circuit.
    ///
    /// A call that was in flight when the circuit opened does not close it: the portal may have asked for a
    /// pause since.
    pub(super) fn record_success(&self, now: Timestamp) -> bool {
        let is_open = self.lock().open.is_some_and(|open| now < open.until);
        !is_open && self.close()
    }

    /// Closes the circuit after a successful probe. Returns whether it was open.
    pub(super) fn close(&self) -> bool {
        let mut state = self.lock();
        let was_open = state.open.is_some();
        *state = State::default();
        was_open
    }

    /// Records a call that the portal understood and refused, which says nothing bad about the portal.
    pub(super) fn record_refusal(&self) {
        self.lock().failures = 0;
    }

    /// Records a failed call, and the pause that the portal asked for. Returns whether the circuit was closed
    /// and is open now.
    pub(super) fn record_failure(
        &self,
        reason: OpenReason,
        pause: Option<Duration>,
        now: Timestamp,
    ) -> bool {
        let mut state = self.lock();
        if reason == OpenReason::Down {
            state.failures += 1;
            if state.failures < FAILURE_THRESHOLD && state.open.is_none() {
                return false;
            }
        }
        let was_open = state.open.is_some();
        if state.open.is_some_and(|open| now < open.until) {
            // The call was in flight when the circuit opened.
            return false;
        }
        let backoff = INITIAL_OPEN
            .saturating_mul(1 << state.openings.min(8))
            .min(MAX_OPEN);
        let wait = pause.map_or(backoff, |pause| pause.clamp(INITIAL_OPEN, MAX_PAUSE));
        state.openings += 1;
        state.open = Some(Open {
            reason,
            until: now + wait,
        });
        !was_open
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::OpenReason::{Down, KeyRefused, Limit};
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000 + seconds).unwrap()
    }

    #[test]
    fn a_portal_that_is_down_is_probed_ever_more_rarely() {
        let breaker = CircuitBreaker::default();
        for _ in 1..FAILURE_THRESHOLD {
            assert!(!breaker.record_failure(Down, None, at(0)));
            assert_eq!(breaker.state(at(0)), BreakerState::Closed);
        }
        assert!(breaker.record_failure(Down, None, at(0)));
        let mut now = 0;
        for wait in [1, 2, 4, 8, 16, 30, 30] {
            assert_eq!(
                breaker.state(at(now)),
                BreakerState::Open(Down, at(now + wait))
            );
            now += wait;
            assert_eq!(breaker.state(at(now)), BreakerState::HalfOpen(Down));
            assert!(!breaker.record_failure(Down, None, at(now)));
        }
        assert!(breaker.close());
        assert_eq!(breaker.state(at(now)), BreakerState::Closed);
        assert!(!breaker.close());
    }

    #[test]
    fn a_refused_key_opens_it_at_once_and_a_refused_call_never() {
        let breaker = CircuitBreaker::default();
        for _ in 0..20 {
            breaker.record_refusal();
        }
        assert_eq!(breaker.state(at(0)), BreakerState::Closed);
        assert!(breaker.record_failure(KeyRefused, None, at(0)));
        assert_eq!(breaker.state(at(1)), BreakerState::HalfOpen(KeyRefused));
        breaker.record_refusal();
        assert_eq!(breaker.state(at(1)), BreakerState::HalfOpen(KeyRefused));
    }

    #[test]
    fn a_refused_call_ends_a_row_of_failures() {
        let breaker = CircuitBreaker::default();
        for _ in 0..20 {
            assert!(!breaker.record_failure(Down, None, at(0)));
            breaker.record_refusal();
        }
    }

    #[test]
    fn a_limit_pauses_for_as_long_as_the_portal_asks() {
        let breaker = CircuitBreaker::default();
        let limit = |seconds: Option<u64>, now| {
            breaker.record_failure(Limit, seconds.map(Duration::from_secs), now)
        };
        assert!(limit(Some(70), at(0)));
        assert_eq!(breaker.state(at(69)), BreakerState::Open(Limit, at(70)));
        assert_eq!(breaker.state(at(70)), BreakerState::Closed);
        assert!(limit(None, at(70)));
        assert_eq!(breaker.state(at(71)), BreakerState::Open(Limit, at(72)));
        assert!(!limit(Some(0), at(72)));
        assert_eq!(breaker.state(at(73)), BreakerState::Closed);
    }

    #[test]
    fn a_call_that_was_in_flight_when_it_opened_changes_nothing() {
        let breaker = CircuitBreaker::default();
        assert!(breaker.record_failure(Limit, Some(Duration::from_secs(70)), at(0)));
        assert!(!breaker.record_success(at(1)));
        assert!(!breaker.record_failure(KeyRefused, None, at(1)));
        assert_eq!(breaker.state(at(1)), BreakerState::Open(Limit, at(70)));
        assert!(breaker.record_success(at(70)));
        assert_eq!(breaker.state(at(70)), BreakerState::Closed);
    }
}
