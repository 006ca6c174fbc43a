//! The circuit breaker: stops calls to a portal or a channel that is down, rejects us, or asks for a pause.
//!
//! While the circuit is open, everything that needs the other side waits and uses up no attempts. A pause that
//! the other side asks for ends by itself. After the other reasons the circuit becomes half-open, and a probe
//! must succeed before it closes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// Failures in a row before the other side counts as down, if one failure does not show that.
const FAILURE_THRESHOLD: u32 = 5;

/// How long the circuit first stays open. Doubles with each failed probe.
const INITIAL_OPEN: Duration = Duration::from_secs(1);

/// The longest that the circuit stays open, unless the other side asks for more.
const MAX_OPEN: Duration = Duration::from_secs(30);

/// The longest pause that the other side may ask for: the portal's longest limit counts for a day.
const MAX_PAUSE: Duration = Duration::from_hours(24);

/// A circuit breaker; `R` is why it is open.
#[derive(Debug)]
pub(crate) struct CircuitBreaker<R> {
    state: Mutex<Circuit<R>>,
}

impl<R> Default for CircuitBreaker<R> {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
        }
    }
}

#[derive(Debug)]
struct Circuit<R> {
    /// Failures since the last success.
    failures: u32,
    /// How often the circuit opened since the last success.
    openings: u32,
    open: Option<Open<R>>,
}

impl<R> Default for Circuit<R> {
    fn default() -> Self {
        Self {
            failures: 0,
            openings: 0,
            open: None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Open<R> {
    reason: R,
    until: Timestamp,
    /// Whether the circuit closes at that time without a probe.
    is_pause: bool,
}

/// What a failure does to a closed circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trip {
    /// Opens it after several failures in a row.
    AfterSeveral,
    /// Opens it.
    AtOnce,
    /// Opens it for as long as the other side asks for, if it does.
    Pause(Option<Duration>),
}

/// Whether calls are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState<R> {
    /// Calls are let through.
    Closed,
    /// A probe is due and decides whether the circuit closes.
    HalfOpen(R),
    /// Calls fail at once until this time.
    Open(R, Timestamp),
}

impl<R: Copy> CircuitBreaker<R> {
    /// The state at this time.
    pub(crate) fn state(&self, now: Timestamp) -> BreakerState<R> {
        match self.lock().open {
            Some(open) if now < open.until => BreakerState::Open(open.reason, open.until),
            None | Some(Open { is_pause: true, .. }) => BreakerState::Closed,
            Some(open) => BreakerState::HalfOpen(open.reason),
        }
    }

    /// Closes the circuit if the other side asked for a pause, which is over. Returns whether it did.
    pub(crate) fn end_pause(&self, now: Timestamp) -> bool {
        let ended = self
            .lock()
            .open
            .take_if(|open| open.is_pause && now >= open.until);
        ended.is_some()
    }

    /// Why the circuit is open or half-open; for a pause, until [`CircuitBreaker::end_pause`] finds it over.
    pub(crate) fn open_reason(&self) -> Option<R> {
        self.lock().open.map(|open| open.reason)
    }

    /// Records a call that succeeded. Returns whether that closed the circuit.
    ///
    /// A call that was in flight when the circuit opened does not close it: the other side may have asked for
    /// a pause since.
    pub(crate) fn record_success(&self, now: Timestamp) -> bool {
        let is_open = self.lock().open.is_some_and(|open| now < open.until);
        !is_open && self.close()
    }

    /// Closes the circuit after a successful probe. Returns whether it was open.
    pub(crate) fn close(&self) -> bool {
        let mut state = self.lock();
        let was_open = state.open.is_some();
        *state = Circuit::default();
        was_open
    }

    /// Records a call that the other side understood and refused: it is up.
    pub(crate) fn record_refusal(&self) {
        self.lock().failures = 0;
    }

    /// Records a failed call. Returns whether the circuit was closed and is open now.
    pub(crate) fn record_failure(&self, reason: R, trip: Trip, now: Timestamp) -> bool {
        let mut state = self.lock();
        if trip == Trip::AfterSeveral {
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
        let wait = match trip {
            Trip::Pause(Some(pause)) => pause.clamp(INITIAL_OPEN, MAX_PAUSE),
            Trip::Pause(None) | Trip::AfterSeveral | Trip::AtOnce => backoff,
        };
        state.openings += 1;
        state.open = Some(Open {
            reason,
            until: now + wait,
            is_pause: matches!(trip, Trip::Pause(_)),
        });
        !was_open
    }

    fn lock(&self) -> MutexGuard<'_, Circuit<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Trip::{AfterSeveral, AtOnce, Pause};
    use super::*;
    use Reason::{Down, KeyRefused, Limit};

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Reason {
        Down,
        KeyRefused,
        Limit,
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000 + seconds).unwrap()
    }

    #[test]
    fn what_is_down_is_probed_ever_more_rarely() {
        let breaker = CircuitBreaker::default();
        for _ in 1..FAILURE_THRESHOLD {
            assert!(!breaker.record_failure(Down, AfterSeveral, at(0)));
            assert_eq!(breaker.state(at(0)), BreakerState::Closed);
        }
        assert!(breaker.record_failure(Down, AfterSeveral, at(0)));
        let mut now = 0;
        for wait in [1, 2, 4, 8, 16, 30, 30] {
            assert_eq!(
                breaker.state(at(now)),
                BreakerState::Open(Down, at(now + wait))
            );
            now += wait;
            assert_eq!(breaker.state(at(now)), BreakerState::HalfOpen(Down));
            assert!(!breaker.record_failure(Down, AfterSeveral, at(now)));
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
        assert!(breaker.record_failure(KeyRefused, AtOnce, at(0)));
        assert_eq!(breaker.state(at(1)), BreakerState::HalfOpen(KeyRefused));
        breaker.record_refusal();
        assert_eq!(breaker.state(at(1)), BreakerState::HalfOpen(KeyRefused));
    }

    #[test]
    fn a_refused_call_ends_a_row_of_failures() {
        let breaker = CircuitBreaker::default();
        for _ in 0..20 {
            assert!(!breaker.record_failure(Down, AfterSeveral, at(0)));
            breaker.record_refusal();
        }
    }

    #[test]
    fn a_pause_lasts_for_as_long_as_the_other_side_asks() {
        let breaker = CircuitBreaker::default();
        let limit = |seconds: Option<u64>, now| {
            breaker.record_failure(Limit, Pause(seconds.map(Duration::from_secs)), now)
        };
        assert!(limit(Some(70), at(0)));
        assert_eq!(breaker.state(at(69)), BreakerState::Open(Limit, at(70)));
        assert_eq!(breaker.state(at(70)), BreakerState::Closed);
        assert_eq!(breaker.open_reason(), Some(Limit));
        assert!(!breaker.end_pause(at(69)));
        assert!(breaker.end_pause(at(70)));
        assert!(!breaker.end_pause(at(70)));
        assert_eq!(breaker.open_reason(), None);
        assert!(limit(None, at(70)));
        assert_eq!(breaker.state(at(71)), BreakerState::Open(Limit, at(72)));
        assert!(!limit(Some(0), at(72)));
        assert_eq!(breaker.state(at(73)), BreakerState::Closed);
    }

    #[test]
    fn a_call_that_was_in_flight_when_it_opened_changes_nothing() {
        let breaker = CircuitBreaker::default();
        assert!(breaker.record_failure(Limit, Pause(Some(Duration::from_secs(70))), at(0)));
        assert!(!breaker.record_success(at(1)));
        assert!(!breaker.record_failure(KeyRefused, AtOnce, at(1)));
        assert_eq!(breaker.state(at(1)), BreakerState::Open(Limit, at(70)));
        assert!(breaker.record_success(at(70)));
        assert_eq!(breaker.state(at(70)), BreakerState::Closed);
    }
}
