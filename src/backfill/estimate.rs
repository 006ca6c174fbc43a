//! How many calls a backfill needs, and when it is done.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::docspace::{FILES_IN_ONE_LARGE_CALL, WRITES_A_DAY};
use crate::outbox::WRITES_LEFT_TO_LIVE_WORK;

use super::progress::Counts;

/// Files that are copied or moved in one call.
const FILES_PER_CALL: u64 = FILES_IN_ONE_LARGE_CALL as u64;

/// Calls for one batch of files: the copy or move, and asking for its progress.
const CALLS_PER_BATCH: u64 = 3;

/// Writes that a backfill makes on one day.
const BACKFILLED_A_DAY: u64 = WRITES_A_DAY - WRITES_LEFT_TO_LIVE_WORK;

/// What a backfill costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Calls to the portal, those for reading the files included.
    pub calls: u64,
    /// Those of them that count towards the portal's limit of 10,000 writes a day.
    pub writes: u64,
    /// How many days the writes take.
    pub days: u64,
}

impl Cost {
    /// The cost of reading and doing this.
    pub fn of(counts: Counts) -> Self {
        let batches = counts.transfers.div_ceil(FILES_PER_CALL);
        let writes = batches + counts.writes;
        Self {
            calls: counts.pages + batches * CALLS_PER_BATCH + counts.writes,
            writes,
            days: writes.div_ceil(BACKFILLED_A_DAY).max(1),
        }
    }
}

/// When a backfill that has read this much since a time will be done; `None` before the first page.
pub fn done_at(counts: Counts, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
    if counts.files == 0 || counts.total == 0 {
        return None;
    }
    let left = counts.total.saturating_sub(counts.files);
    let share = |number: u64| number.saturating_mul(left) / counts.files;
    let elapsed = u64::try_from(now.duration_since(since).as_millis()).unwrap_or(0);
    let at_this_rate = milliseconds(share(elapsed));
    let writes = share(counts.transfers.div_ceil(FILES_PER_CALL) + counts.writes);
    let day = 86_400_000;
    let by_the_limit = milliseconds(writes.saturating_mul(day) / BACKFILLED_A_DAY);
    now.checked_add(at_this_rate.max(by_the_limit)).ok()
}

fn milliseconds(number: u64) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(number).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_thousand_copies_need_few_calls() {
        let counts = Counts {
            pages: 222,
            transfers: 20_000,
            ..Counts::default()
        };
        let expected = Cost {
            calls: 222 + 240,
            writes: 80,
            days: 1,
        };
        assert_eq!(Cost::of(counts), expected);
        let comments = Counts {
            writes: 20_000,
            ..Counts::default()
        };
        assert_eq!(Cost::of(comments).days, 4);
    }

    #[test]
    fn the_end_depends_on_the_rate_and_on_the_limit() {
        let start: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        let now = start + SignedDuration::from_mins(10);
        let half = Counts {
            files: 1_000,
            total: 2_000,
            transfers: 1_000,
            ..Counts::default()
        };
        let expected = now + SignedDuration::from_mins(10);
        assert_eq!(done_at(half, start, now), Some(expected));
        let many_writes = Counts {
            total: 11_000,
            writes: 1_000,
            ..half
        };
        let end = done_at(many_writes, start, now).unwrap();
        assert_eq!(end.duration_since(now).as_hours(), 48);
        assert_eq!(done_at(Counts::default(), start, now), None);
    }
}
