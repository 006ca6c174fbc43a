//! When a running operation is polled.
//!
//! A small file is copied in the time of one call, a large one takes minutes; so the waits start short and
//! double up to a maximum. Jitter keeps operations that started together from being polled together.

use std::time::Duration;

/// The wait before the first poll.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(20);

/// The longest wait, before jitter.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// The largest part of a wait that jitter adds to it.
const JITTER: f64 = 0.2;

/// The waits between the polls of one operation.
#[derive(Debug)]
pub(super) struct PollSchedule {
    next: Duration,
}

impl PollSchedule {
    /// Starts when the operation has been submitted, or has been found running.
    pub(super) fn new() -> Self {
        Self { next: FIRST_WAIT }
    }

    /// The wait before the next poll, for a random number from 0 to 1.
    pub(super) fn next_wait(&mut self, random: f64) -> Duration {
        let wait = self.next.mul_f64(1.0 + JITTER * random.clamp(0.0, 1.0));
        self.next = (self.next * 2).min(MAX_WAIT);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many polls an operation of this duration takes, and when its end is seen.
    fn polls(duration: Duration, random: f64) -> (u32, Duration) {
        let (mut schedule, mut passed, mut count) = (PollSchedule::new(), Duration::ZERO, 0);
        while passed < duration {
            passed += schedule.next_wait(random);
            count += 1;
        }
        (count, passed)
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
