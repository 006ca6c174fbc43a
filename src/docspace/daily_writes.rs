//! The portal's daily limit of writes, as far as we use it up ourselves (CONTRACT 7).
//!
//! The portal tells what is left of it only when nothing is, and its window begins when it likes; so the
//! day here is that of UTC, and the writes are those of this process. The key's user in a browser, and
//! another service with the same key, take from the same limit unseen.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// POST and PUT requests that the portal takes a day from one user (CONTRACT 7).
const WRITES_A_DAY: u64 = 10_000;

const SECONDS_A_DAY: i64 = 24 * 60 * 60;

/// The writes of the current day.
#[derive(Debug, Default)]
pub(super) struct DailyWrites(Mutex<Day>);

#[derive(Clone, Copy, Debug, Default)]
struct Day {
    number: i64,
    writes: u64,
}

impl DailyWrites {
    /// A write was sent.
    pub(super) fn note(&self, now: Timestamp) {
        let mut day = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *day = Day {
            writes: day.at(now).writes + 1,
            ..day.at(now)
        };
    }

    /// How many may still be sent today.
    pub(super) fn left(&self, now: Timestamp) -> u64 {
        let day = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        WRITES_A_DAY.saturating_sub(day.at(now).writes)
    }
}

impl Day {
    fn at(self, now: Timestamp) -> Self {
        let number = now.as_second().div_euclid(SECONDS_A_DAY);
        if number == self.number {
            self
        } else {
            Self { number, writes: 0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writes_of_yesterday_are_forgotten() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let writes = DailyWrites::default();
        assert_eq!(writes.left(at("2026-03-02T09:00:00Z")), WRITES_A_DAY);
        for _ in 0..3 {
            writes.note(at("2026-03-02T23:59:59Z"));
        }
        assert_eq!(writes.left(at("2026-03-02T23:59:59Z")), WRITES_A_DAY - 3);
        assert_eq!(writes.left(at("2026-03-03T00:00:00Z")), WRITES_A_DAY);
        writes.note(at("2026-03-03T00:00:00Z"));
        assert_eq!(writes.left(at("2026-03-03T12:00:00Z")), WRITES_A_DAY - 1);
    }
}
