//! The gate that each call passes: the circuit breaker, then the budget.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Mutex;
use tracing::{info, warn};

use crate::circuit_breaker::{BreakerState, CircuitBreaker, Trip};
use crate::clock::Clock;
use crate::telemetry::ErrorChain;

use super::budget::{Budget, CallKind, InFlightPermit};
use super::error::{Error, ErrorClass};
use super::open_reason::OpenReason;

/// Decides when a call may be made, and learns from how calls end.
#[derive(Debug)]
pub(super) struct Gate {
    clock: Clock,
    breaker: CircuitBreaker<OpenReason>,
    budget: Budget,
    /// Held during a probe, so that there is only one at a time.
    probing: Mutex<()>,
    /// Whether the circuit closed since [`Gate::forget_recovery`] was last called.
    recovered: AtomicBool,
    /// Whether the portal accepted the key when it last showed that.
    key_accepted: AtomicBool,
}

impl Gate {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            breaker: CircuitBreaker::default(),
            budget: Budget::default(),
            probing: Mutex::default(),
            recovered: AtomicBool::new(false),
            key_accepted: AtomicBool::new(false),
        }
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    pub(super) fn budget_mut(&mut self) -> &mut Budget {
        &mut self.budget
    }

    pub(super) fn breaker_state(&self) -> BreakerState<OpenReason> {
        self.breaker.state(self.clock.now())
    }

    pub(super) fn open_reason(&self) -> Option<OpenReason> {
        self.breaker.open_reason()
    }

    pub(super) fn has_recovered(&self) -> bool {
        self.recovered.load(Ordering::Relaxed)
    }

    pub(super) fn has_accepted_key(&self) -> bool {
        self.key_accepted.load(Ordering::Relaxed)
    }

    pub(super) fn forget_recovery(&self) {
        self.recovered.store(false, Ordering::Relaxed);
    }

    /// Waits until a call may be made. Fails at once while the circuit is open.
    pub(super) async fn admit(
        &self,
        call: CallKind,
        probe: impl Future<Output = Result<(), Error>>,
    ) -> Result<InFlightPermit, Error> {
        self.ready(probe).await?;
        let permit = self.reserve(call).await?;
        // The circuit may have opened during the wait. What was reserved is lost then, which is rare and only
        // makes the budget more careful.
        match self.breaker_state() {
            BreakerState::Closed => Ok(permit),
            BreakerState::Open(reason, until) => Err(Error::CircuitOpen { reason, until }),
            BreakerState::HalfOpen(reason) => Err(Error::CircuitOpen {
                reason,
                until: self.clock.now(),
            }),
        }
    }

    /// Succeeds once the circuit is closed. If it is half-open, sends the probe, or waits for the one that
    /// another caller has sent.
    pub(super) async fn ready(
        &self,
        probe: impl Future<Output = Result<(), Error>>,
    ) -> Result<(), Error> {
        if self.breaker.end_pause(self.clock.now()) {
            self.note_recovery();
        }
        if let Some(decided) = self.decided() {
            return decided;
        }
        let _probing = self.probing.lock().await;
        if let Some(decided) = self.decided() {
            return decided;
        }
        match probe.await {
            Ok(()) => {
                self.close();
                Ok(())
            }
            // The portal knows the key, which only lacks the scope for the probe.
            Err(error)
                if matches!(error.class(), ErrorClass::Ambiguous | ErrorClass::Permanent) =>
            {
                self.close();
                Ok(())
            }
            Err(error) => {
                self.record_error(&error);
                self.decided().unwrap_or(Err(error))
            }
        }
    }

    /// Whether calls are let through; `None` while that depends on a probe.
    fn decided(&self) -> Option<Result<(), Error>> {
        match self.breaker_state() {
            BreakerState::Closed => Some(Ok(())),
            BreakerState::Open(reason, until) => Some(Err(Error::CircuitOpen { reason, until })),
            BreakerState::HalfOpen(_) => None,
        }
    }

    /// Waits for the budget, without regard to the circuit.
    pub(super) async fn reserve(&self, call: CallKind) -> Result<InFlightPermit, Error> {
        let admitted = self.budget.admit(call, &self.clock).await;
        admitted.map_err(|wait| Error::BudgetExhausted { wait })
    }

    /// Records how a call ended.
    pub(super) fn record<T>(&self, outcome: &Result<T, Error>) {
        match outcome {
            Ok(_) => {
                self.key_accepted.store(true, Ordering::Relaxed);
                if self.breaker.record_success(self.clock.now()) {
                    self.note_recovery();
                }
            }
            Err(error) => self.record_error(error),
        }
    }

    fn record_error(&self, error: &Error) {
        let (reason, trip) = match error.class() {
            ErrorClass::CircuitOpen(_) | ErrorClass::BudgetExhausted(_) | ErrorClass::Withdrawn => {
                return;
            }
            ErrorClass::Ambiguous | ErrorClass::Permanent => {
                self.key_accepted.store(true, Ordering::Relaxed);
                self.breaker.record_refusal();
                return;
            }
            ErrorClass::Retry => (OpenReason::Down, Trip::AfterSeveral),
            ErrorClass::KeyRefused => {
                self.key_accepted.store(false, Ordering::Relaxed);
                (OpenReason::KeyRefused, Trip::AtOnce)
            }
            ErrorClass::RateLimited(pause) => (OpenReason::Limit, Trip::Pause(pause)),
        };
        if self.breaker.record_failure(reason, trip, self.clock.now()) {
            let (error, sentence) = (ErrorChain(error).to_string(), reason.sentence());
            if error == sentence {
                warn!("calls to the portal are stopped: {sentence}");
            } else {
                warn!(error, "calls to the portal are stopped: {sentence}");
            }
        }
    }

    fn close(&self) {
        self.key_accepted.store(true, Ordering::Relaxed);
        if self.breaker.close() {
            self.note_recovery();
        }
    }

    fn note_recovery(&self) {
        info!("the portal is called again");
        self.recovered.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use futures_util::future::{join_all, pending, ready};

    use super::super::budget::BURST;
    use super::*;

    fn gate() -> Gate {
        Gate::new(Clock::manual("2026-03-02T09:00:00Z".parse().unwrap()))
    }

    fn open(gate: &Gate, error: Error) {
        gate.record::<()>(&Err(error));
        assert!(matches!(gate.breaker_state(), BreakerState::Open(..)));
    }

    fn no_probe() -> impl Future<Output = Result<(), Error>> {
        futures_util::future::poll_fn(|_| panic!("a probe was sent"))
    }

    /// What becomes of calls by several callers, and how many probes they sent.
    async fn call_together(
        gate: &Gate,
        answer: impl Fn() -> Result<(), Error>,
    ) -> (Vec<Result<(), Error>>, u32) {
        let probes = Cell::new(0);
        let probe = async || {
            probes.set(probes.get() + 1);
            tokio::task::yield_now().await;
            answer()
        };
        let calls = (0..8).map(|_| async {
            let permit = gate.admit(CallKind::Read, probe()).await;
            permit.map(drop)
        });
        (join_all(calls).await, probes.get())
    }

    #[tokio::test]
    async fn an_open_circuit_lets_no_call_through() {
        let gate = gate();
        open(&gate, Error::KeyRefused);
        let refused = gate.admit(CallKind::Write, no_probe()).await;
        assert!(
            matches!(
                refused,
                Err(Error::CircuitOpen {
                    reason: OpenReason::KeyRefused,
                    ..
                })
            ),
            "{refused:?}"
        );
        assert_eq!(gate.budget.calls_left(gate.clock.now()), BURST);
        assert!(gate.ready(no_probe()).await.is_err());
    }

    #[tokio::test]
    async fn one_probe_decides_for_all_callers() {
        for works in [true, false] {
            let gate = gate();
            open(&gate, Error::KeyRefused);
            gate.clock.advance(Duration::from_secs(1));
            let answer = || works.then_some(()).ok_or(Error::KeyRefused);
            let (calls, probes) = call_together(&gate, answer).await;
            assert_eq!(probes, 1);
            for call in calls {
                assert_eq!(call.is_ok(), works, "{call:?}");
                assert!(matches!(call, Ok(()) | Err(Error::CircuitOpen { .. })));
            }
            assert_eq!(gate.has_recovered(), works);
            gate.forget_recovery();
            assert!(!gate.has_recovered());
        }
    }

    #[tokio::test]
    async fn a_probe_that_is_given_up_leaves_it_to_the_next_caller() {
        let gate = gate();
        open(&gate, Error::KeyRefused);
        gate.clock.advance(Duration::from_secs(1));
        let given_up = gate.ready(pending()).now_or_never();
        assert!(given_up.is_none());
        assert!(gate.ready(async { Ok(()) }).await.is_ok());
    }

    #[tokio::test]
    async fn a_key_without_the_scope_for_the_probe_is_a_valid_key() {
        let gate = gate();
        open(&gate, Error::KeyRefused);
        gate.clock.advance(Duration::from_secs(1));
        assert!(gate.ready(async { Err(Error::Forbidden) }).await.is_ok());
        assert_eq!(gate.breaker_state(), BreakerState::Closed);
    }

    #[tokio::test]
    async fn after_a_rate_limit_no_probe_is_needed() {
        let gate = gate();
        let retry_after = Some(Duration::from_secs(70));
        open(&gate, Error::RateLimited { retry_after });
        gate.clock.advance(Duration::from_secs(69));
        assert!(gate.admit(CallKind::Read, no_probe()).await.is_err());
        gate.clock.advance(Duration::from_secs(1));
        assert!(gate.admit(CallKind::Read, no_probe()).await.is_ok());
        assert!(gate.has_recovered());
    }

    #[tokio::test]
    async fn what_was_not_sent_says_nothing_about_the_portal() {
        let gate = gate();
        for _ in 0..20 {
            gate.record::<()>(&Err(Error::BudgetExhausted {
                wait: Duration::from_secs(1),
            }));
            gate.record::<()>(&Err(Error::Forbidden));
        }
        assert_eq!(gate.breaker_state(), BreakerState::Closed);
    }

    #[tokio::test]
    async fn writes_that_are_refused_use_up_nothing() {
        const RECORDED: u64 = 9_000;

        let mut gate = gate();
        let recorded = Arc::new(AtomicU64::new(RECORDED));
        let store = Arc::clone(&recorded);
        gate.budget_mut().record_with(Box::new(move |block| {
            let writes = u64::from(block.writes);
            let today = store.fetch_add(writes, Ordering::Relaxed) + writes;
            ready(Ok(today)).boxed()
        }));
        gate.budget.set_writes_today(RECORDED, gate.clock.now());
        let mut sent = 0;
        for _ in 0..10 {
            let writes = join_all((0..100).map(|_| gate.reserve(CallKind::Write))).await;
            sent += writes.iter().filter(|write| write.is_ok()).count() as u64;
            gate.clock.advance(Duration::from_mins(2));
        }
        // The 1,000 writes that are left are spread over 15 hours.
        assert_eq!(sent, 10);
        assert_eq!(gate.budget.writes_left_today(gate.clock.now()), 990);
        // A block that was recorded for a refused write is used by the next ones.
        let unused = recorded.load(Ordering::Relaxed) - RECORDED - sent;
        assert!(unused <= 5, "{unused}");
    }

    #[tokio::test]
    async fn a_call_waits_for_the_store_no_longer_than_for_the_budget() {
        let mut gate = gate();
        let tries = AtomicU64::new(0);
        gate.budget_mut().record_with(Box::new(move |_| {
            assert!(tries.fetch_add(1, Ordering::Relaxed) < 100, "it never ends");
            ready(Err(Duration::from_secs(1))).boxed()
        }));
        let refused = gate.reserve(CallKind::Read).await;
        assert!(
            matches!(refused, Err(Error::BudgetExhausted { .. })),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn a_circuit_that_opens_while_a_call_waits_stops_the_call() {
        let gate = gate();
        let held = join_all((0..50).map(|_| gate.reserve(CallKind::Read))).await;
        let mut waiting = Box::pin(gate.admit(CallKind::Read, no_probe()));
        assert!((&mut waiting).now_or_never().is_none());
        open(&gate, Error::KeyRefused);
        drop(held);
        assert!(matches!(waiting.await, Err(Error::CircuitOpen { .. })));
    }
}
