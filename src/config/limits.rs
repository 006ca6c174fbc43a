//! Attempts and times that the operator may change.

use std::time::Duration;

use super::reader::Reader;

/// Default of `MAX_ATTEMPTS`.
const MAX_ATTEMPTS: u32 = 12;

/// Default of `RETENTION_DAYS`.
const RETENTION_DAYS: u32 = 30;

/// Default of `CATCH_UP_INTERVAL`.
const CATCH_UP_INTERVAL: Duration = Duration::from_mins(5);

/// The shortest `CATCH_UP_INTERVAL`: every catch-up makes calls that count against the portal's limits.
const MIN_CATCH_UP_INTERVAL: Duration = Duration::from_secs(1);

/// Attempts and times.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `MAX_ATTEMPTS`: failed attempts of an action before it becomes a dead letter.
    pub max_attempts: u32,
    /// `RETENTION_DAYS`: how long finished events are kept.
    pub retention: Duration,
    /// `CATCH_UP_INTERVAL`: how often the portal's delivery log is read for missed deliveries.
    pub catch_up_interval: Duration,
}

/// Attempts and times.
pub(super) fn limits(reader: &mut Reader<'_>) -> Option<Limits> {
    let max_attempts = reader.number("MAX_ATTEMPTS", MAX_ATTEMPTS);
    let retention_days = reader.number("RETENTION_DAYS", RETENTION_DAYS);
    let catch_up_interval = catch_up_interval(reader);
    Some(Limits {
        max_attempts: max_attempts?,
        retention: Duration::from_hours(24 * u64::from(retention_days?)),
        catch_up_interval: catch_up_interval?,
    })
}

fn catch_up_interval(reader: &mut Reader<'_>) -> Option<Duration> {
    const NAME: &str = "CATCH_UP_INTERVAL";

    let Some(text) = reader.get(NAME) else {
        return Some(CATCH_UP_INTERVAL);
    };
    let interval = text.parse::<jiff::SignedDuration>().ok();
    let interval = interval
        .and_then(|interval| Duration::try_from(interval).ok())
        .filter(|interval| *interval >= MIN_CATCH_UP_INTERVAL);
    if interval.is_none() {
        reader.problem(
            NAME,
            format!("must be a duration such as 5m or 90s, not {text}"),
        );
    }
    interval
}
