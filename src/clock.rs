//! The time of day, handed in so that tests can move it.

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
    /// The machine's clock, and by how many milliseconds the one it follows is ahead.
    System(Arc<AtomicI64>),
    Manual(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System(Arc::default()))
    }

    /// A clock that stands still until it is moved with [`Clock::advance`].
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(Mutex::new(start))))
    }

    /// The time of day, UTC.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place that reads the clock"
            )]
            Source::System(ahead_ms) => {
                let ahead = SignedDuration::from_millis(ahead_ms.load(Ordering::Relaxed));
                Timestamp::now().saturating_add(ahead).unwrap_or_default()
            }
            Source::Manual(time) => *time.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Follows another clock, such as that of the database that several machines share, which says that it
    /// is `time` just now; differences too small to matter are left alone. A manual clock follows nobody.
    pub fn follow(&self, time: Timestamp) {
        /// What an answer may take to come.
        const SMALL: SignedDuration = SignedDuration::from_millis(100);

        let behind = time.duration_since(self.now());
        if let Source::System(ahead_ms) = &self.0
            && behind.abs() > SMALL
        {
            let behind = i64::try_from(behind.as_millis()).unwrap_or_default();
            ahead_ms.fetch_add(behind, Ordering::Relaxed);
        }
    }

    /// Waits until this time of day. A manual clock stands for time that passes unseen: it is moved there
    /// at once.
    pub async fn sleep_until(&self, moment: Timestamp) {
        match &self.0 {
            Source::System(_) => {
                let wait = Duration::try_from(moment.duration_since(self.now()));
                if let Some(wait) = wait.ok().filter(|wait| !wait.is_zero()) {
                    tokio::time::sleep(wait).await;
                }
            }
            Source::Manual(time) => {
                let mut time = time.lock().unwrap_or_else(PoisonError::into_inner);
                *time = moment.max(*time);
            }
        }
    }

    /// Moves a manual clock forward; the machine's clock is left alone.
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
