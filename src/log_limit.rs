//! Limits how often one kind of line is logged, so that a client cannot fill the log.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// Shortest time between two lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// Occurrences since the last line about them, and the time of that line.
#[derive(Debug, Default)]
pub(crate) struct LogLimit(Mutex<(u64, Option<Timestamp>)>);

impl LogLimit {
    /// Counts an occurrence. Returns how many there were since the last line, when the next one is due.
    pub(crate) fn count(&self, now: Timestamp) -> Option<u64> {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, logged_at) = &mut *guard;
        *count += 1;
        if logged_at.is_some_and(|at| now < at + INTERVAL) {
            return None;
        }
        *logged_at = Some(now);
        Some(std::mem::take(count))
    }
}

/// Limits lines for several reasons, each by itself.
#[derive(Debug, Default)]
pub(crate) struct LogLimits(Mutex<BTreeMap<&'static str, LogLimit>>);

impl LogLimits {
    /// Counts an occurrence for a reason. Returns how many there were since the last line for the same reason,
    /// when the next one is due.
    pub(crate) fn count(&self, reason: &'static str, now: Timestamp) -> Option<u64> {
        let mut limits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        limits.entry(reason).or_default().count(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occurrences_are_logged_together() {
        let limit = LogLimit::default();
        let at = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        assert_eq!(limit.count(at(0)), Some(1));
        assert_eq!(limit.count(at(1)), None);
        assert_eq!(limit.count(at(9)), None);
        assert_eq!(limit.count(at(10)), Some(3));
        assert_eq!(limit.count(at(60)), Some(1));
    }
}
