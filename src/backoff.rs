//! The wait before the next attempt.

use std::time::Duration;

/// The first wait, which is also the shortest.
const MIN_WAIT: Duration = Duration::from_secs(1);

/// The longest wait.
const MAX_WAIT: Duration = Duration::from_mins(15);

/// The largest part of a wait that the random number takes away, so that attempts that failed together are
/// not repeated together.
const JITTER: f64 = 0.25;

/// The wait after this many failures, for a random number from 0 to 1.
///
/// Without jitter: 1, 2, 4, 8, 16, 32, 64, 128, 256, 512 s, then 15 min. The default of twelve attempts spans
/// a little over half an hour.
pub fn backoff(failures: u32, random: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let full = MIN_WAIT.saturating_mul(1 << doublings).min(MAX_WAIT);
    full.mul_f64(1.0 - JITTER * random.clamp(0.0, 1.0))
        .max(MIN_WAIT)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_waits_of_the_comment() {
        let seconds: Vec<u64> = (1..=12).map(|n| backoff(n, 0.0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    }

    proptest! {
        #[test]
        fn every_wait_is_within_bounds(failures: u32, random in 0.0..=1.0) {
            let wait = backoff(failures, random);
            prop_assert!(wait >= MIN_WAIT && wait <= MAX_WAIT);
            prop_assert!(wait <= backoff(failures.saturating_add(1), 0.0));
        }
    }
}
