//! Polls: when an operation is looked at.
//!
//! A small file is copied in the time of a call, a large one takes minutes; so the waits are short first and
//! double up to a bound. There is one poll per operation, however many files it is about, and operations that
//! were begun together are not asked for together.

use std::time::Duration;

/// The first wait.
pub(super) const FIRST: Duration = Duration::from_millis(20);

/// The longest wait, without what is added to it.
const LONGEST: Duration = Duration::from_secs(2);

/// The part of a wait that a random number adds to it at the most.
const JITTER: f64 = 0.2;

/// The waits between the looks at one operation.
#[derive(Debug)]
pub(super) struct Polls {
    next: Duration,
}

impl Polls {
    /// From the moment on that the operation was begun, or first seen.
    pub(super) fn begin() -> Self {
        Self { next: FIRST }
    }

    /// How long to wait before the next look, for a random number from 0 to 1.
    pub(super) fn wait(&mut self, random: f64) -> Duration {
        let wait = self.next.mul_f64(1.0 + JITTER * random.clamp(0.0, 1.0));
        self.next = (self.next * 2).min(LONGEST);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often an operation is looked at that takes so long, and when its end is seen.
    fn looks(takes: Duration, random: f64) -> (u32, Duration) {
        let (mut polls, mut passed, mut count) = (Polls::begin(), Duration::ZERO, 0);
        while passed < takes {
            passed += polls.wait(random);
            count += 1;
        }
        (count, passed)
    }

    #[test]
    fn short_operations_are_seen_soon_and_long_ones_asked_for_seldom() {
        let ms = Duration::from_millis;
        assert_eq!(looks(ms(20), 0.0), (1, ms(20)));
        assert_eq!(looks(ms(20), 1.0), (1, ms(24)));
        assert_eq!(looks(ms(100), 0.0), (3, ms(140)));
        assert_eq!(looks(ms(1_000), 0.0), (6, ms(1_260)));
        let (count, passed) = looks(Duration::from_mins(10), 0.5);
        assert!(count < 300, "{count}");
        assert!(passed < ms(602_400), "{passed:?}");
    }
}
