//! How long to wait before the next attempt.

use std::time::Duration;

/// The first wait, and the shortest.
const SHORTEST: Duration = Duration::from_secs(1);

/// The longest wait.
const LONGEST: Duration = Duration::from_mins(15);

/// The part of a wait that the random number takes away at the most, so that attempts that failed
/// together do not come back together.
const JITTER: f64 = 0.25;

/// The wait after this many failures, for a random number from 0 to 1.
///
/// Without jitter: 1, 2, 4, 8, 16, 32, 64, 128, 256, 512 s, then 15 min; so the twelve attempts of
/// the default span a little over half an hour.
pub fn backoff(failures: u32, random: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let full = SHORTEST.saturating_mul(1 << doublings).min(LONGEST);
    full.mul_f64(1.0 - JITTER * random.clamp(0.0, 1.0))
        .max(SHORTEST)
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
            prop_assert!(wait >= SHORTEST && wait <= LONGEST);
            prop_assert!(wait <= backoff(failures.saturating_add(1), 0.0));
        }
    }
}
