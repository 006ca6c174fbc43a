//! Days and times as bounds of a list of events.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// Why a text is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use a date such as 2026-03-02, or a time such as 2026-03-02T09:00:00Z")]
pub struct NoDay;

/// The beginning of a day (UTC), or a time.
pub fn start_of(text: &str) -> Result<Timestamp, NoDay> {
    time(text, 0)
}

/// The end of a day (UTC), or a time.
pub fn end_of(text: &str) -> Result<Timestamp, NoDay> {
    time(text, 1)
}

fn time(text: &str, days: i64) -> Result<Timestamp, NoDay> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let day = text
        .parse::<Date>()
        .and_then(|day| day.checked_add(days.days()));
    let start = day.and_then(|day| day.to_zoned(TimeZone::UTC));
    start.map(|start| start.timestamp()).map_err(|_| NoDay)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_include_their_end() {
        let check = |parsed: Result<Timestamp, NoDay>, expected: &str| {
            assert_eq!(parsed.map(|time| time.to_string()).as_deref(), Ok(expected));
        };
        check(start_of("2026-03-02"), "2026-03-02T00:00:00Z");
        check(end_of("2026-03-02"), "2026-03-03T00:00:00Z");
        check(end_of("2026-03-02T09:00:00+01:00"), "2026-03-02T08:00:00Z");
        assert!(start_of("yesterday").is_err());
    }
}
