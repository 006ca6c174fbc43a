//! Time, passed as an argument so that tests can set it.
//!
//! The service's own time starts at the wall clock's and then follows a monotonic clock, so a step of the wall
//! clock ends no lease and delays no retry. It approaches the wall clock slowly. Deadlines and stored times are
//! in the service's own time. Only what others compare with their own clocks is wall time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};

/// The length of a day in UTC, in seconds.
pub(crate) const SECONDS_A_DAY: i64 = 24 * 60 * 60;

/// The day of a time, in days since 1970, UTC.
pub(crate) fn day_of(time: Timestamp) -> i64 {
    time.as_second().div_euclid(SECONDS_A_DAY)
}

/// The service's own time is at most this part of the time that passes faster or slower than a second a second
/// while it approaches the wall clock.
const SLEW_DIVISOR: i32 = 10;

/// The time that a query may take; smaller differences to a followed clock are ignored.
const FOLLOW_TOLERANCE: SignedDuration = SignedDuration::from_millis(100);

/// Where the service takes the time from. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(ClockSource);

#[derive(Clone, Debug)]
enum ClockSource {
    System(Arc<Mutex<Timeline>>),
    Manual(ManualClock),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        let timeline = Timeline {
            now: machine_time(),
            read_at: monotonic_time(),
            ahead: SignedDuration::ZERO,
        };
        Self(ClockSource::System(Arc::new(Mutex::new(timeline))))
    }

    /// A clock that only [`Clock::advance`] and [`Clock::sleep_until`] move.
    pub fn manual(start: Timestamp) -> Self {
        Self(ClockSource::Manual(ManualClock {
            elapsed: Arc::new(Mutex::new(start)),
            wall_ahead_ms: Arc::default(),
            own_ahead_ms: Arc::default(),
        }))
    }

    /// The service's own time, in UTC. Steps of the wall clock do not change it.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            ClockSource::System(timeline) => {
                let mut timeline = timeline.lock().unwrap_or_else(PoisonError::into_inner);
                timeline.read(monotonic_time(), machine_time())
            }
            ClockSource::Manual(manual) => manual.read(&manual.own_ahead_ms),
        }
    }

    /// The wall clock's time, in UTC, for what others compare with their own clocks.
    pub fn wall(&self) -> Timestamp {
        match &self.0 {
            ClockSource::System(timeline) => {
                let timeline = timeline.lock().unwrap_or_else(PoisonError::into_inner);
                later(machine_time(), timeline.ahead)
            }
            ClockSource::Manual(manual) => manual.read(&manual.wall_ahead_ms),
        }
    }

    /// Follows another clock, such as that of a database that several machines share, which shows this time
    /// now. Differences within the time that a query takes are ignored. A manual clock does not follow.
    pub fn follow(&self, time: Timestamp) {
        if let ClockSource::System(timeline) = &self.0 {
            let machine = machine_time();
            let mut timeline = timeline.lock().unwrap_or_else(PoisonError::into_inner);
            let now = timeline.read(monotonic_time(), machine);
            if time.duration_since(now).abs() > FOLLOW_TOLERANCE {
                timeline.now = time;
                timeline.ahead = time.duration_since(machine);
            }
        }
    }

    /// The time that this clock would show if it followed another one that shows this time now.
    pub fn now_if_following(&self, time: Timestamp) -> Timestamp {
        let now = self.now();
        match &self.0 {
            ClockSource::System(_) if time.duration_since(now).abs() > FOLLOW_TOLERANCE => time,
            ClockSource::System(_) | ClockSource::Manual(_) => now,
        }
    }

    /// Waits until this time. A manual clock moves there at once.
    pub async fn sleep_until(&self, time: Timestamp) {
        match &self.0 {
            ClockSource::System(_) => {
                let wait = Duration::try_from(time.duration_since(self.now()));
                if let Some(wait) = wait.ok().filter(|wait| !wait.is_zero()) {
                    tokio::time::sleep(wait).await;
                }
            }
            ClockSource::Manual(manual) => {
                let wait = Duration::try_from(time.duration_since(self.now())).unwrap_or_default();
                manual.advance(wait);
            }
        }
    }

    /// Moves a manual clock forward, and its peers; does nothing to the machine's clock.
    pub fn advance(&self, by: Duration) {
        if let ClockSource::Manual(manual) = &self.0 {
            manual.advance(by);
        }
    }

    /// Steps the wall time of a manual clock, as NTP does after a wrong time. Its own time stays until
    /// [`Clock::restart`]. Does nothing to the machine's clock.
    pub fn step_wall(&self, by: SignedDuration) {
        if let ClockSource::Manual(manual) = &self.0 {
            let by = i64::try_from(by.as_millis()).unwrap_or_default();
            manual.wall_ahead_ms.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Sets a manual clock's own time by its wall time, as a new process does. Does nothing to the machine's
    /// clock.
    pub fn restart(&self) {
        if let ClockSource::Manual(manual) = &self.0 {
            let ahead = manual.wall_ahead_ms.load(Ordering::Relaxed);
            manual.own_ahead_ms.store(ahead, Ordering::Relaxed);
        }
    }

    /// The clock of another machine: [`Clock::advance`] on either moves both, but steps of one do not change
    /// the other.
    #[must_use]
    pub fn of_other_machine(&self) -> Self {
        match &self.0 {
            ClockSource::System(_) => Self::system(),
            ClockSource::Manual(manual) => Self(ClockSource::Manual(ManualClock {
                elapsed: Arc::clone(&manual.elapsed),
                wall_ahead_ms: Arc::default(),
                own_ahead_ms: Arc::default(),
            })),
        }
    }
}

/// The service's own time on a real machine.
#[derive(Debug)]
struct Timeline {
    now: Timestamp,
    /// The monotonic time at which `now` was read.
    read_at: Duration,
    /// How far the followed clock is ahead of the machine's.
    ahead: SignedDuration,
}

impl Timeline {
    fn read(&mut self, monotonic: Duration, machine: Timestamp) -> Timestamp {
        let passed = monotonic.saturating_sub(self.read_at);
        let passed = SignedDuration::try_from(passed).unwrap_or_default();
        self.read_at = monotonic;
        let unadjusted = later(self.now, passed);
        let behind = later(machine, self.ahead).duration_since(unadjusted);
        let most = passed / SLEW_DIVISOR;
        self.now = later(unadjusted, behind.clamp(-most, most));
        self.now
    }
}

/// A clock that tests move.
#[derive(Clone, Debug)]
struct ManualClock {
    /// The time without any step.
    elapsed: Arc<Mutex<Timestamp>>,
    wall_ahead_ms: Arc<AtomicI64>,
    own_ahead_ms: Arc<AtomicI64>,
}

impl ManualClock {
    fn read(&self, ahead_ms: &AtomicI64) -> Timestamp {
        let elapsed = *self.elapsed.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = SignedDuration::from_millis(ahead_ms.load(Ordering::Relaxed));
        later(elapsed, ahead)
    }

    fn advance(&self, by: Duration) {
        *self.elapsed.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the only place that reads the machine's wall clock"
)]
fn machine_time() -> Timestamp {
    Timestamp::now()
}

/// The time since the machine started. On Linux it includes the time in which the machine was suspended.
fn monotonic_time() -> Duration {
    #[cfg(target_os = "linux")]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: ClockId = ClockId::Monotonic;

    Duration::try_from(clock_gettime(CLOCK)).unwrap_or_default()
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        "2026-03-02T09:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_machines_clock_follows_and_a_manual_one_does_not() {
        let clock = Clock::system();
        let later = clock.now() + Duration::from_hours(1);
        let same = clock.clone();
        clock.follow(later);
        for time in [same.now(), same.wall()] {
            let off = time.duration_since(later).abs();
            assert!(off < SignedDuration::from_mins(1), "{off}");
        }

        let manual = Clock::manual(start());
        manual.follow(later);
        assert_eq!(manual.now(), start());
    }

    #[test]
    fn a_step_of_the_wall_clock_is_approached_slowly() {
        for hours in [1, -1] {
            let step = SignedDuration::from_hours(hours);
            let mut timeline = Timeline {
                now: start(),
                read_at: Duration::ZERO,
                ahead: SignedDuration::ZERO,
            };
            let stepped = start() + step;
            assert_eq!(timeline.read(Duration::ZERO, stepped), start());
            let minute = Duration::from_mins(1);
            let passed = timeline.read(minute, stepped + minute) - start();
            let expected = SignedDuration::from_secs(60 + 6 * hours);
            assert_eq!(SignedDuration::try_from(passed).unwrap(), expected);
            let later = Duration::from_hours(11);
            assert_eq!(timeline.read(later, stepped + later), stepped + later);
        }
    }

    #[test]
    fn a_step_of_a_manual_clock_shows_in_its_wall_time_until_a_restart() {
        let portal = Clock::manual(start());
        let clock = portal.of_other_machine();
        clock.step_wall(SignedDuration::from_hours(1));
        clock.advance(Duration::from_secs(5));
        let (now, stepped) = (
            start() + Duration::from_secs(5),
            start() + Duration::from_secs(3_605),
        );
        assert_eq!((clock.now(), clock.wall()), (now, stepped));
        clock.restart();
        assert_eq!((clock.now(), clock.wall()), (stepped, stepped));
        assert_eq!((portal.now(), portal.wall()), (now, now));
    }
}
