//! The budget: our own limits on calls, below the portal's (docs/DOCSPACE.md 7): calls a minute, writes a day,
//! calls in flight.
//!
//! The portal counts calls for the key's user, whose browser must keep working, so a part of each limit is
//! left to it. Calls are delayed rather than refused: a token bucket with a small burst limits the calls a
//! minute, and once most writes of a day are used up, the rest is spread over the remaining hours. The portal
//! reports what is left of a limit only when nothing is, and does not say when its day begins, so a day here
//! is a day in UTC.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::clock::{Clock, SECONDS_A_DAY, day_of};

mod call_kind;
mod in_flight;
mod ledger;

pub(super) use call_kind::CallKind;
use in_flight::InFlightLimit;
pub(super) use in_flight::InFlightPermit;
use ledger::Ledger;
pub use ledger::{CallBlock, RecordCalls};

/// Requests other than GET that the portal answers at the same time for one user.
const WRITES_IN_FLIGHT: u32 = 15;

/// GET requests that the portal answers at the same time for one user.
const READS_IN_FLIGHT: u32 = 50;

/// Size of the token bucket: calls that can start at once after a quiet time.
pub const BURST: u32 = 240;

/// Refill rate of the token bucket. With the burst that makes 1,380 in any minute; the portal takes 1,500.
pub const CALLS_A_SECOND: u32 = 19;

/// POST and PUT requests that the portal takes a day from one user.
const WRITES_A_DAY: u64 = 10_000;

/// Writes of a day that are left to the key's user in a browser.
const RESERVED_WRITES: u64 = 200;

/// With fewer writes left than this, they are spread over the rest of the day.
const SPREAD_BELOW: u64 = 2_500;

/// A call that would wait longer fails instead, so that its caller can do other work meanwhile.
const MAX_WAIT: SignedDuration = SignedDuration::from_secs(5);

/// The calls that this process may still make. With a ledger, what earlier processes and other instances have
/// spent counts too.
#[derive(Debug)]
pub struct Budget {
    state: Mutex<State>,
    reads: InFlightLimit,
    writes: InFlightLimit,
    ledger: Ledger,
}

#[derive(Debug)]
struct State {
    /// How many instances share the limits.
    instances: u32,
    /// Calls in the token bucket at `filled_at`; negative while calls wait for it.
    calls: f64,
    filled_at: Timestamp,
    day: Day,
    /// The earliest time of the next write, while the day's writes are spread.
    next_write: Timestamp,
}

#[derive(Clone, Copy, Debug, Default)]
struct Day {
    number: i64,
    /// Writes of all instances, as far as known.
    writes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                instances: 1,
                calls: f64::from(BURST),
                filled_at: Timestamp::UNIX_EPOCH,
                day: Day::default(),
                next_write: Timestamp::UNIX_EPOCH,
            }),
            reads: InFlightLimit::new(READS_IN_FLIGHT),
            writes: InFlightLimit::new(WRITES_IN_FLIGHT),
            ledger: Ledger::default(),
        }
    }
}

impl Budget {
    /// Divides the limits by this number of instances, which call the portal as one user.
    pub fn share_among(&self, instances: u32) {
        let instances = instances.max(1);
        self.lock().instances = instances;
        self.reads.resize((READS_IN_FLIGHT / instances).max(1));
        self.writes.resize((WRITES_IN_FLIGHT / instances).max(1));
    }

    /// Records the calls with this function before they are made.
    pub(super) fn record_with(&mut self, record: RecordCalls) {
        self.ledger = Ledger::new(record);
    }

    /// Sets the number of writes since midnight UTC that all instances have recorded.
    pub fn set_writes_today(&self, recorded: u64, now: Timestamp) {
        let made = recorded.saturating_sub(u64::from(self.ledger.unused_writes()));
        let mut state = self.lock();
        let day = state.day.at(now);
        state.day = Day {
            writes: made,
            ..day
        };
    }

    /// How many of the portal's writes a day are left, as far as the writes since midnight UTC are known.
    pub fn writes_left_today(&self, now: Timestamp) -> u64 {
        WRITES_A_DAY.saturating_sub(self.lock().day.at(now).writes)
    }

    /// How many calls can start at once now; later ones wait for the token bucket.
    pub fn calls_left(&self, now: Timestamp) -> u32 {
        let state = self.lock();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the bucket holds a few hundred, and a negative number counts as zero"
        )]
        let calls = state.calls_at(now).max(0.0) as u32;
        calls
    }

    /// The time before which no write should start, because the day's writes run out. `None` if a write would
    /// wait for seconds only.
    pub fn no_write_before(&self, now: Timestamp) -> Option<Timestamp> {
        let state = self.lock();
        let next = state.write_slot(now).0;
        (next.duration_since(now) > MAX_WAIT).then_some(next)
    }

    /// Waits until a call may start, and for a slot among the calls in flight. Takes nothing and returns how long
    /// to wait if that is longer than [`MAX_WAIT`].
    pub(super) async fn admit(
        &self,
        call: CallKind,
        clock: &Clock,
    ) -> Result<InFlightPermit, Duration> {
        let recorded = self
            .ledger
            .take(call, clock, clock.now() + MAX_WAIT)
            .await?;
        if let Some(writes) = recorded.writes_today {
            // The write that was just taken is counted when it is reserved.
            let pending = u64::from(call == CallKind::Write);
            self.set_writes_today(writes.saturating_sub(pending), clock.now());
        }
        let start = self
            .reserve(call, clock.now())
            .inspect_err(|_| self.ledger.give_back(call, recorded.day))?;
        clock.sleep_until(start).await;
        // Last, so that calls that wait for the budget hold up no others.
        Ok(self.in_flight(call).await)
    }

    /// Takes one call from the budget and returns when it may start. Takes nothing and returns the wait if that
    /// is longer than [`MAX_WAIT`].
    fn reserve(&self, call: CallKind, now: Timestamp) -> Result<Timestamp, Duration> {
        let mut state = self.lock();
        let calls = state.calls_at(now) - 1.0;
        let missing = Duration::from_secs_f64((-calls).max(0.0) / state.calls_a_second());
        let mut start = now + missing;
        let mut next_write = None;
        if call == CallKind::Write {
            let (slot, spacing) = state.write_slot(now);
            start = start.max(slot);
            next_write = Some(start + spacing);
        }
        let wait = start.duration_since(now);
        if wait > MAX_WAIT {
            return Err(Duration::try_from(wait).unwrap_or_default());
        }
        state.calls = calls;
        state.filled_at = state.filled_at.max(now);
        if let Some(next_write) = next_write {
            state.next_write = next_write;
            let day = state.day.at(now);
            state.day = Day {
                writes: day.writes + 1,
                ..day
            };
        }
        Ok(start)
    }

    async fn in_flight(&self, call: CallKind) -> InFlightPermit {
        match call {
            CallKind::Read => self.reads.acquire().await,
            CallKind::Write | CallKind::Delete => self.writes.acquire().await,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn calls_a_second(&self) -> f64 {
        f64::from(CALLS_A_SECOND) / f64::from(self.instances)
    }

    fn calls_at(&self, now: Timestamp) -> f64 {
        let passed = now.duration_since(self.filled_at).as_secs_f64().max(0.0);
        let most = f64::from(BURST) / f64::from(self.instances);
        (self.calls + passed * self.calls_a_second()).min(most)
    }

    /// When the day's limit allows the next write, and the distance from it to the one after.
    fn write_slot(&self, now: Timestamp) -> (Timestamp, SignedDuration) {
        let left = WRITES_A_DAY.saturating_sub(self.day.at(now).writes);
        if left > SPREAD_BELOW {
            return (now, SignedDuration::ZERO);
        }
        let midnight = midnight_after(now);
        let Some(usable) = left
            .checked_sub(RESERVED_WRITES)
            .filter(|usable| *usable > 0)
        else {
            return (midnight, SignedDuration::ZERO);
        };
        let rest_ms = midnight.duration_since(now).as_millis();
        let spacing_ms = rest_ms * i128::from(self.instances) / i128::from(usable);
        let spacing = SignedDuration::from_millis(i64::try_from(spacing_ms).unwrap_or(i64::MAX));
        // The limit starts anew at midnight, so an earlier reservation delays no write beyond it.
        (self.next_write.clamp(now, midnight), spacing)
    }
}

impl Day {
    fn at(self, now: Timestamp) -> Self {
        let number = day_of(now);
        if number == self.number {
            self
        } else {
            Self {
                number,
                ..Self::default()
            }
        }
    }
}

fn midnight_after(now: Timestamp) -> Timestamp {
    Timestamp::from_second((day_of(now) + 1) * SECONDS_A_DAY).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Reserves calls one after the other, each at the start of the one before; returns when each starts.
    fn reserve_in_turn(
        budget: &Budget,
        call: CallKind,
        mut now: Timestamp,
        count: usize,
    ) -> Vec<Timestamp> {
        let mut starts = Vec::new();
        for _ in 0..count {
            now = loop {
                match budget.reserve(call, now) {
                    Ok(start) => break start,
                    Err(wait) => now += wait,
                }
            };
            starts.push(now);
        }
        starts
    }

    fn most_in_a_minute(starts: &[Timestamp]) -> usize {
        let within = |first: &Timestamp| {
            let later = starts.iter().filter(|start| **start >= *first);
            later
                .filter(|start| start.duration_since(*first) < SignedDuration::from_mins(1))
                .count()
        };
        starts.iter().map(within).max().unwrap_or(0)
    }

    #[test]
    fn a_burst_is_free_and_what_follows_flows_evenly() {
        let now = at("2026-03-02T09:00:00Z");
        let budget = Budget::default();
        let starts = reserve_in_turn(&budget, CallKind::Read, now, 3_000);
        assert!(starts[..BURST as usize].iter().all(|start| *start == now));
        let most = most_in_a_minute(&starts);
        assert!((1_300..=1_400).contains(&most), "{most}");
        assert_eq!(budget.calls_left(starts[2_999]), 0);
        let later = starts[2_999] + SignedDuration::from_mins(5);
        assert_eq!(budget.calls_left(later), BURST);
    }

    #[test]
    fn calls_side_by_side_get_their_turns_one_after_the_other() {
        let now = at("2026-03-02T09:00:00Z");
        let budget = Budget::default();
        for _ in 0..BURST {
            assert_eq!(budget.reserve(CallKind::Read, now), Ok(now));
        }
        let mut last = now;
        let refused = loop {
            match budget.reserve(CallKind::Read, now) {
                Ok(start) => {
                    assert!(start > last);
                    last = start;
                }
                Err(wait) => break wait,
            }
        };
        assert!(refused > Duration::from_secs(5));
        assert!(last.duration_since(now) <= MAX_WAIT);
    }

    #[test]
    fn instances_together_stay_within_the_limit() {
        let now = at("2026-03-02T09:00:00Z");
        let mut starts = Vec::new();
        for _ in 0..3 {
            let budget = Budget::default();
            budget.share_among(3);
            starts.extend(reserve_in_turn(&budget, CallKind::Read, now, 1_000));
        }
        let most = most_in_a_minute(&starts);
        assert!((1_300..=1_400).contains(&most), "{most}");
    }

    #[test]
    fn the_writes_of_yesterday_are_forgotten() {
        let evening = at("2026-03-02T23:59:59Z");
        let budget = Budget::default();
        assert_eq!(budget.writes_left_today(evening), WRITES_A_DAY);
        for _ in 0..3 {
            budget.reserve(CallKind::Write, evening).unwrap();
        }
        budget.reserve(CallKind::Read, evening).unwrap();
        budget.reserve(CallKind::Delete, evening).unwrap();
        assert_eq!(budget.writes_left_today(evening), WRITES_A_DAY - 3);
        let midnight = at("2026-03-03T00:00:00Z");
        assert_eq!(budget.writes_left_today(midnight), WRITES_A_DAY);
        budget.set_writes_today(100, midnight);
        budget.reserve(CallKind::Write, midnight).unwrap();
        assert_eq!(budget.writes_left_today(midnight), WRITES_A_DAY - 101);
    }

    #[test]
    fn writes_that_run_out_are_spread_over_the_rest_of_the_day() {
        let noon = at("2026-03-02T12:00:00Z");
        let budget = Budget::default();
        budget.set_writes_today(WRITES_A_DAY - 1_640, noon);
        assert_eq!(budget.no_write_before(noon), None);
        let starts = reserve_in_turn(&budget, CallKind::Write, noon, 1_440);
        // 43,200 s for 1,440 writes.
        let distances = starts
            .windows(2)
            .map(|pair| pair[1].duration_since(pair[0]));
        for distance in distances {
            assert!((29..=31).contains(&distance.as_secs()), "{distance}");
        }
        let night = starts[1_439];
        assert_eq!(budget.writes_left_today(night), RESERVED_WRITES);
        let midnight = at("2026-03-03T00:00:00Z");
        assert_eq!(budget.no_write_before(night), Some(midnight));
        assert!(budget.reserve(CallKind::Read, night).is_ok());
        assert_eq!(budget.reserve(CallKind::Write, midnight), Ok(midnight));
    }

    #[test]
    fn a_write_that_must_wait_long_is_announced() {
        let noon = at("2026-03-02T12:00:00Z");
        let budget = Budget::default();
        budget.set_writes_today(WRITES_A_DAY - 1_640, noon);
        budget.reserve(CallKind::Write, noon).unwrap();
        let next = budget.no_write_before(noon).unwrap();
        assert_eq!(next.duration_since(noon).as_secs(), 30);
        assert_eq!(
            budget.reserve(CallKind::Write, noon),
            Err(Duration::try_from(next.duration_since(noon)).unwrap())
        );
        assert_eq!(budget.writes_left_today(noon), 1_639);
    }

    proptest! {
        #[test]
        fn no_day_takes_more_than_its_writes(
            used in 0_u64..11_000,
            instances in 1_u32..4,
            hour in 0_i64..24,
        ) {
            let now = at("2026-03-02T00:00:00Z") + SignedDuration::from_hours(hour);
            let budget = Budget::default();
            budget.share_among(instances);
            budget.set_writes_today(used, now);
            let starts = reserve_in_turn(&budget, CallKind::Write, now, 300);
            let today = starts.iter().filter(|start| day_of(**start) == day_of(now)).count() as u64;
            prop_assert!(today <= (WRITES_A_DAY - RESERVED_WRITES).saturating_sub(used));
        }
    }
}
