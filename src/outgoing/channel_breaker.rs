//! The circuit breaker of one channel: the mail server, the chat, or a pipeline.
//!
//! A channel that is down, or that rejects our set-up, is the fault of none of the messages. They wait for it
//! and use up no attempts. When a probe is due, one of the waiting messages is sent as the probe.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use crate::circuit_breaker::{BreakerState, CircuitBreaker, Trip};
use crate::clock::Clock;

use super::failure::{ChannelProblem, Failure};

/// The circuit breaker of one channel.
#[derive(Debug)]
pub struct ChannelBreaker {
    /// What the channel is called in texts, such as "the mail server".
    name: &'static str,
    breaker: CircuitBreaker<ChannelProblem>,
    /// Whether a message is being sent as the probe.
    probing: AtomicBool,
    /// Why the circuit opened and when.
    outage: Mutex<Option<Outage>>,
    /// Whether the channel has handled a message since the start.
    has_worked: AtomicBool,
}

/// Why and since when a channel is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// What is wrong.
    pub problem: ChannelProblem,
    /// The cause, for the operator.
    pub reason: String,
    /// When it began.
    pub since: Timestamp,
}

impl ChannelBreaker {
    /// A closed circuit for the channel of this name.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            breaker: CircuitBreaker::default(),
            probing: AtomicBool::new(false),
            outage: Mutex::default(),
            has_worked: AtomicBool::new(false),
        }
    }

    /// Whether a message would be sent now.
    pub fn is_available(&self, now: Timestamp) -> bool {
        self.end_pause(now);
        match self.breaker.state(now) {
            BreakerState::Closed => true,
            BreakerState::Open(..) => false,
            BreakerState::HalfOpen(_) => !self.probing.load(Ordering::Relaxed),
        }
    }

    /// Why the channel is not used; `None` while the circuit is closed.
    pub fn outage(&self) -> Option<Outage> {
        self.breaker.open_reason()?;
        self.lock().clone()
    }

    /// Whether the channel is used and has handled a message since the start.
    pub fn has_recovered(&self) -> bool {
        self.breaker.open_reason().is_none() && self.has_worked.load(Ordering::Relaxed)
    }

    /// Sends a message, unless the circuit is open; learns from how that ends.
    pub(crate) async fn send(
        &self,
        clock: &Clock,
        send: impl Future<Output = Result<(), Failure>>,
    ) -> Result<(), Failure> {
        self.end_pause(clock.now());
        let _probe = match self.breaker.state(clock.now()) {
            BreakerState::Closed => None,
            BreakerState::Open(_, until) => return Err(self.paused(until)),
            BreakerState::HalfOpen(_) => match ProbeGuard::start(&self.probing) {
                Some(probe) => Some(probe),
                None => return Err(self.paused(clock.now())),
            },
        };
        let outcome = send.await;
        self.record(outcome, clock.now())
    }

    fn record(&self, outcome: Result<(), Failure>, now: Timestamp) -> Result<(), Failure> {
        match outcome {
            Err(Failure::Channel {
                problem,
                reason,
                retry_after,
            }) => {
                self.record_outage(problem, &reason, retry_after, now);
                match self.breaker.state(now) {
                    BreakerState::Open(_, until) => Err(Failure::CircuitOpen { reason, until }),
                    BreakerState::Closed | BreakerState::HalfOpen(_) => Err(Failure::Transient {
                        reason,
                        retry_after,
                    }),
                }
            }
            // The channel handled the message, or rejected this message only.
            handled => {
                self.has_worked.store(true, Ordering::Relaxed);
                if matches!(self.breaker.state(now), BreakerState::Closed) {
                    self.breaker.record_refusal();
                }
                if self.breaker.record_success(now) {
                    self.log_recovery();
                }
                handled
            }
        }
    }

    fn end_pause(&self, now: Timestamp) {
        if self.breaker.end_pause(now) {
            self.log_recovery();
        }
    }

    fn log_recovery(&self) {
        info!("{} is used again", self.name);
    }

    fn record_outage(
        &self,
        problem: ChannelProblem,
        reason: &str,
        retry_after: Option<Duration>,
        now: Timestamp,
    ) {
        let trip = match problem {
            ChannelProblem::Failing => Trip::AfterSeveral,
            ChannelProblem::Unreachable | ChannelProblem::SetUpRejected => Trip::AtOnce,
            ChannelProblem::Limit => Trip::Pause(retry_after),
        };
        let was_closed = self.breaker.record_failure(problem, trip, now);
        if was_closed {
            warn!(reason, "{} is not used for now", self.name);
        }
        let mut outage = self.lock();
        let since = match &*outage {
            Some(outage) if !was_closed => outage.since,
            _ => now,
        };
        *outage = Some(Outage {
            problem,
            reason: reason.to_owned(),
            since,
        });
    }

    /// The failure of a message that was not sent.
    fn paused(&self, until: Timestamp) -> Failure {
        let cause = self.lock().as_ref().map(|outage| outage.reason.clone());
        let reason = cause.unwrap_or_else(|| format!("{} is not used at the moment", self.name));
        Failure::CircuitOpen { reason, until }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Outage>> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to send a message as the probe.
struct ProbeGuard<'a>(&'a AtomicBool);

impl<'a> ProbeGuard<'a> {
    fn start(probing: &'a AtomicBool) -> Option<Self> {
        (!probing.swap(true, Ordering::Relaxed)).then_some(Self(probing))
    }
}

impl Drop for ProbeGuard<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::FutureExt as _;

    use super::ChannelProblem::{Failing, Limit, SetUpRejected, Unreachable};
    use super::*;

    struct Channel {
        clock: Clock,
        breaker: ChannelBreaker,
    }

    impl Channel {
        fn new() -> Self {
            Self {
                clock: Clock::manual("2026-03-02T09:00:00Z".parse().unwrap()),
                breaker: ChannelBreaker::new("the channel"),
            }
        }

        /// A word for how sending ends if the channel would respond like this.
        fn send(&self, response: Result<(), Failure>) -> &'static str {
            let sent = self.breaker.send(&self.clock, ready(response));
            match sent.now_or_never().unwrap() {
                Ok(()) => "sent",
                Err(Failure::CircuitOpen { .. }) => "paused",
                Err(Failure::Transient { .. }) => "transient",
                Err(Failure::Permanent { .. }) => "permanent",
                Err(Failure::Channel { .. }) => "channel",
            }
        }

        fn pass(&self, seconds: u64) {
            self.clock.advance(Duration::from_secs(seconds));
        }
    }

    fn fails(problem: ChannelProblem) -> Result<(), Failure> {
        Err(Failure::channel(problem, "it fails"))
    }

    fn rejected() -> Result<(), Failure> {
        Err(Failure::Permanent {
            code: "refused",
            reason: "the message is refused".to_owned(),
        })
    }

    #[test]
    fn messages_wait_for_a_channel_that_is_down() {
        for problem in [Unreachable, SetUpRejected, Limit] {
            let channel = Channel::new();
            assert_eq!(channel.send(fails(problem)), "paused");
            assert_eq!(channel.send(Ok(())), "paused", "nothing is sent");
            let outage = channel.breaker.outage().unwrap();
            assert_eq!(
                (outage.problem, outage.since),
                (problem, channel.clock.now())
            );
            channel.pass(1);
            assert_eq!(channel.send(Ok(())), "sent");
            assert_eq!(channel.breaker.outage(), None);
        }
    }

    #[test]
    fn a_server_error_counts_as_an_outage_only_if_it_recurs() {
        let channel = Channel::new();
        for _ in 0..4 {
            assert_eq!(channel.send(fails(Failing)), "transient");
        }
        assert_eq!(channel.send(rejected()), "permanent");
        for _ in 0..4 {
            assert_eq!(channel.send(fails(Failing)), "transient");
        }
        assert_eq!(channel.send(fails(Failing)), "paused");
    }

    #[test]
    fn the_probe_is_one_of_the_messages() {
        let channel = Channel::new();
        channel.send(fails(Unreachable));
        channel.pass(1);
        let mut probe = Box::pin(channel.breaker.send(&channel.clock, pending()));
        assert!(channel.breaker.is_available(channel.clock.now()));
        assert!((&mut probe).now_or_never().is_none());
        assert!(!channel.breaker.is_available(channel.clock.now()));
        assert_eq!(channel.send(Ok(())), "paused", "one probe at a time");
        drop(probe);
        assert_eq!(channel.send(rejected()), "permanent");
        assert_eq!(channel.breaker.outage(), None, "it responded");
    }

    #[test]
    fn a_long_outage_is_probed_every_half_minute_and_keeps_its_start() {
        let channel = Channel::new();
        let start = channel.clock.now();
        let mut probes = 0;
        for _ in 0..3_600 {
            if channel.breaker.is_available(channel.clock.now()) {
                channel.send(fails(Unreachable));
                probes += 1;
            }
            channel.pass(1);
        }
        assert!((115..=130).contains(&probes), "{probes}");
        assert_eq!(channel.breaker.outage().unwrap().since, start);
    }
}
