//! The time of day, passed as an argument so that tests can set it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The length of a day in UTC, in seconds.
pub(crate) const SECONDS_A_DAY: i64 = 24 * 60 * 60;

/// Where the service takes the time of day from.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    /// The machine's clock, and how far the clock that it follows is ahead, in milliseconds.
    System(Arc<AtomicI64>),
    Manual(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System(Arc::default()))
    }

    /// A clock that only [`Clock::advance`] and [`Clock::sleep_until`] move.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(Mutex::new(start))))
    }

    /// The time of day, UTC.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(
                clippy::disallowed_methods,
                reason = "the only place that reads the machine's clock"
            )]
            Source::System(ahead_ms) => {
                let ahead = SignedDuration::from_millis(ahead_ms.load(Ordering::Relaxed));
                Timestamp::now().saturating_add(ahead).unwrap_or_default()
            }
            Source::Manual(time) => *time.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Follows another clock, such as that of a database that several machines share, which shows this time
    /// now. Differences within the time that a query takes are ignored. A manual clock does not follow.
    pub fn follow(&self, time: Timestamp) {
        /// The time that a query may take.
        const TOLERANCE: SignedDuration = SignedDuration::from_millis(100);

        let behind = time.duration_since(self.now());
        if let Source::System(ahead_ms) = &self.0
            && behind.abs() > TOLERANCE
        {
            let behind = i64::try_from(behind.as_millis()).unwrap_or_default();
            ahead_ms.fetch_add(behind, Ordering::Relaxed);
        }
    }

    /// Waits until this time. A manual clock moves there at once.
    pub async fn sleep_until(&self, time: Timestamp) {
        match &self.0 {
            Source::System(_) => {
                let wait = Duration::try_from(time.duration_since(self.now()));
                if let Some(wait) = wait.ok().filter(|wait| !wait.is_zero()) {
                    tokio::time::sleep(wait).await;
                }
            }
            Source::Manual(now) => {
                let mut now = now.lock().unwrap_or_else(PoisonError::into_inner);
                *now = time.max(*now);
            }
        }
    }

    /// Moves a manual clock forward; does nothing to the machine's clock.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(time) = &self.0 {
            *time.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_clock_follows_and_a_manual_one_does_not() {
        let clock = Clock::system();
        let later = clock.now() + Duration::from_hours(1);
        let same = clock.clone();
        clock.follow(later);
        let off = same.now().duration_since(later).abs();
        assert!(off < SignedDuration::from_mins(1), "{off}");

        let start = "2026-03-02T09:00:00Z".parse().unwrap();
        let manual = Clock::manual(start);
        manual.follow(later);
        assert_eq!(manual.now(), start);
    }
}
