//! When a running operation is polled.
//!
//! A small file is copied in the time of one call, a large one takes minutes; so the waits start short and
//! double up to a maximum. Jitter keeps operations that started together from being polled together. Those of a
//! backfill may end unnoticed for a while; they are polled first when an operation on so many files is likely to
//! have ended.

use std::time::Duration;

/// The wait before the first poll.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(20);

/// The longest wait, before jitter.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// The first wait for each file of an operation that is polled seldom, and the longest wait then.
const FEW_POLLS_WAIT_PER_FILE: Duration = Duration::from_millis(40);
const FEW_POLLS_MAX_WAIT: Duration = Duration::from_secs(30);

/// The largest part of a wait that jitter adds to it.
const JITTER: f64 = 0.2;

/// The waits between the polls of one operation.
#[derive(Debug)]
pub(super) struct PollSchedule {
    next: Duration,
    longest: Duration,
}

impl PollSchedule {
    /// Sees an end soon. It starts when the operation has been submitted, or has been found running.
    pub(super) fn soon() -> Self {
        Self {
            next: FIRST_WAIT,
            longest: MAX_WAIT,
        }
    }

    /// Sees the end of an operation on this many files with one or two polls.
    pub(super) fn with_few_polls(files: usize) -> Self {
        let files = u32::try_from(files).unwrap_or(u32::MAX);
        let first = FEW_POLLS_WAIT_PER_FILE.saturating_mul(files);
        Self {
            next: first.clamp(FIRST_WAIT, FEW_POLLS_MAX_WAIT),
            longest: FEW_POLLS_MAX_WAIT,
        }
    }

    /// The wait before the next poll, for a random number from 0 to 1.
    pub(super) fn next_wait(&mut self, random: f64) -> Duration {
        let wait = self.next.mul_f64(1.0 + JITTER * random.clamp(0.0, 1.0));
        self.next = (self.next * 2).min(self.longest);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many polls an operation of this duration takes, and when its end is seen.
    fn polls_of(schedule: PollSchedule, duration: Duration, random: f64) -> (u32, Duration) {
        let (mut schedule, mut passed, mut count) = (schedule, Duration::ZERO, 0);
        while passed < duration {
            passed += schedule.next_wait(random);
            count += 1;
        }
        (count, passed)
    }

    fn polls(duration: Duration, random: f64) -> (u32, Duration) {
        polls_of(PollSchedule::soon(), duration, random)
    }

    #[test]
    fn operations_of_a_backfill_are_polled_once_or_twice() {
        let of_files = |files, seconds| {
            let schedule = PollSchedule::with_few_polls(files);
            polls_of(schedule, Duration::from_secs(seconds), 0.0).0
        };
        assert_eq!(of_files(250, 9), 1);
        assert_eq!(of_files(250, 30), 2);
        assert_eq!(of_files(1, 1), 5);
        let (_, seen) = polls_of(
            PollSchedule::with_few_polls(1),
            Duration::from_millis(30),
            0.0,
        );
        assert_eq!(seen, Duration::from_millis(40));
    }

    #[test]
    fn short_operations_are_seen_soon_and_long_ones_polled_seldom() {
        let ms = Duration::from_millis;
        assert_eq!(polls(ms(20), 0.0), (1, ms(20)));
        assert_eq!(polls(ms(20), 1.0), (1, ms(24)));
        assert_eq!(polls(ms(100), 0.0), (3, ms(140)));
        assert_eq!(polls(ms(1_000), 0.0), (6, ms(1_260)));
        let (count, passed) = polls(Duration::from_mins(10), 0.5);
        assert!(count < 300, "{count}");
        assert!(passed < ms(602_400), "{passed:?}");
    }
}
