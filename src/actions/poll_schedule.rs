//! When a running operation is polled.
//!
//! A small file is copied in the time of one call, a large one takes minutes. The first poll comes when operations have
//! ended lately, so that most take one. If it comes too early, a fourth of that wait follows, and then twice as long each
//! time, up to a maximum. Jitter keeps operations that started together from being polled together. Those of a backfill
//! may end unnoticed for a while; they are polled first when an operation on so many files is likely to have ended.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The shortest wait between two polls, and the wait before the search for an operation that the portal did not name.
pub(super) const SHORT_WAIT: Duration = Duration::from_millis(20);

/// The longest wait, before jitter.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// The shortest and the longest first wait, before jitter. A small file must not wait long after a large one.
const MIN_FIRST_WAIT: Duration = Duration::from_millis(5);
const MAX_FIRST_WAIT: Duration = Duration::from_millis(250);

/// The first wait for each file of an operation that is polled seldom, and the longest wait then.
const FEW_POLLS_WAIT_PER_FILE: Duration = Duration::from_millis(40);
const FEW_POLLS_MAX_WAIT: Duration = Duration::from_secs(30);

/// The largest part of a wait that jitter adds to it.
const JITTER: f64 = 0.2;

/// How long operations have taken lately, as far as polls showed it.
#[derive(Debug)]
pub struct OperationTime(Mutex<Duration>);

impl Default for OperationTime {
    fn default() -> Self {
        Self(Mutex::new(MIN_FIRST_WAIT))
    }
}

impl OperationTime {
    fn get(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, time: Duration) {
        let time = time.clamp(MIN_FIRST_WAIT, MAX_FIRST_WAIT);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }
}

/// The waits between the polls of one operation.
#[derive(Debug)]
pub(super) struct PollSchedule<'a> {
    next: Duration,
    longest: Duration,
    /// Where what this operation shows is kept, and its first wait before jitter.
    learned: Option<(&'a OperationTime, Duration)>,
    /// When the last poll was sent, and the one before it.
    last_polls: Option<(Duration, Option<Duration>)>,
}

impl<'a> PollSchedule<'a> {
    /// For an operation whose end matters. It starts when the operation has been submitted, or has been found running.
    pub(super) fn soon(time: &'a OperationTime) -> Self {
        let first = time.get();
        Self {
            next: first,
            longest: MAX_WAIT,
            learned: Some((time, first)),
            last_polls: None,
        }
    }

    /// Sees the end of an operation on this many files with one or two polls.
    pub(super) fn with_few_polls(files: usize) -> Self {
        let files = u32::try_from(files).unwrap_or(u32::MAX);
        let first = FEW_POLLS_WAIT_PER_FILE.saturating_mul(files);
        Self {
            next: first.clamp(SHORT_WAIT, FEW_POLLS_MAX_WAIT),
            longest: FEW_POLLS_MAX_WAIT,
            learned: None,
            last_polls: None,
        }
    }

    /// The wait before the next poll, this long after the start, for a random number from 0 to 1.
    pub(super) fn next_wait(&mut self, elapsed: Duration, random: f64) -> Duration {
        let wait = self.next.mul_f64(1.0 + JITTER * random.clamp(0.0, 1.0));
        let is_first = self.last_polls.is_none();
        self.next = match self.learned {
            // The operation takes longer than others do, but it may be about to end.
            Some(_) if is_first => (self.next / 4).max(SHORT_WAIT),
            _ => (self.next * 2).min(self.longest),
        };
        let before = self.last_polls.map(|(last, _)| last);
        self.last_polls = Some((elapsed + wait, before));
        wait
    }

    /// Learns from the last poll, which has seen the end of the operation.
    pub(super) fn ended(&self) {
        match (self.learned, self.last_polls) {
            // Several operations that began together shorten the time once.
            (Some((time, first)), Some((_, None))) => time.set(first * 7 / 8),
            (Some((time, _)), Some((last, Some(before)))) => time.set((before + last) / 2),
            (Some(_), None) | (None, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a poll takes.
    const POLL: Duration = ms(50);

    /// How many polls an operation of this duration takes, and when its end is seen.
    fn polls_of(
        mut schedule: PollSchedule<'_>,
        duration: Duration,
        random: f64,
    ) -> (u32, Duration) {
        let (mut elapsed, mut count) = (Duration::ZERO, 0);
        loop {
            elapsed += schedule.next_wait(elapsed, random);
            let has_ended = elapsed >= duration;
            elapsed += POLL;
            count += 1;
            if has_ended {
                schedule.ended();
                return (count, elapsed);
            }
        }
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn operations_of_a_backfill_are_polled_once_or_twice() {
        let of_files = |files, duration| {
            let schedule = PollSchedule::with_few_polls(files);
            polls_of(schedule, duration, 0.0)
        };
        assert_eq!(of_files(250, ms(9_000)).0, 1);
        assert_eq!(of_files(250, ms(30_000)).0, 2);
        assert_eq!(of_files(1, ms(1_000)).0, 5);
        assert_eq!(of_files(1, ms(30)), (1, ms(40) + POLL));
    }

    #[test]
    fn short_operations_are_seen_soon_and_long_ones_polled_seldom() {
        let polls = |duration, random| {
            let time = OperationTime::default();
            polls_of(PollSchedule::soon(&time), duration, random)
        };
        assert_eq!(polls(ms(5), 0.0), (1, ms(5) + POLL));
        assert_eq!(polls(ms(5), 1.0), (1, ms(6) + POLL));
        assert_eq!(polls(ms(20), 0.0), (2, ms(5) + POLL + ms(20) + POLL));
        assert_eq!(polls(ms(1_000), 0.0).0, 7);
        let (count, seen) = polls(Duration::from_mins(10), 0.5);
        assert!(count < 300, "{count}");
        assert!(seen < ms(602_400), "{seen:?}");
    }

    #[test]
    fn the_first_poll_comes_when_operations_have_ended_lately() {
        let time = OperationTime::default();
        let polls_of = |duration, random| polls_of(PollSchedule::soon(&time), duration, random);
        let polls: u32 = (0..100).map(|_| polls_of(ms(120), 0.5).0).sum();
        assert!(polls < 150, "{polls} polls");
        // A long operation does not delay the next short one for long.
        polls_of(Duration::from_mins(1), 0.5);
        assert_eq!(polls_of(ms(5), 0.0), (1, MAX_FIRST_WAIT + POLL));
        for _ in 0..50 {
            polls_of(ms(5), 0.5);
        }
        assert_eq!(time.get(), MIN_FIRST_WAIT);
    }

    #[test]
    fn operations_that_run_at_the_same_time_are_one_observation() {
        let time = OperationTime::default();
        time.set(ms(200));
        let schedules = [(); 15].map(|()| PollSchedule::soon(&time));
        for schedule in schedules {
            polls_of(schedule, ms(5), 0.5);
        }
        assert_eq!(time.get(), ms(175));
    }
}
