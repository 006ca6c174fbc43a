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
pub const WRITES_A_DAY: u64 = 10_000;

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
    state: Mutex<BudgetState>,
    reads: InFlightLimit,
    writes: InFlightLimit,
    ledger: Ledger,
}

#[derive(Debug)]
struct BudgetState {
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
            state: Mutex::new(BudgetState {
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
            reason = "the bucket contains a few hundred, and a negative number counts as zero"
        )]
        let calls = state.calls_at(now).max(0.0) as u32;
        calls
    }

    /// Whether more than half of the calls that can start at once are left, so that work in the background delays no other.
    pub fn has_spare_calls(&self, now: Timestamp) -> bool {
        let state = self.lock();
        state.calls_at(now) > state.burst() / 2.0
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
        // Last, so that calls that wait for the budget delay no others.
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

    fn lock(&self) -> MutexGuard<'_, BudgetState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BudgetState {
    fn calls_a_second(&self) -> f64 {
        f64::from(CALLS_A_SECOND) / f64::from(self.instances)
    }

    fn calls_at(&self, now: Timestamp) -> f64 {
        let passed = now.duration_since(self.filled_at).as_secs_f64().max(0.0);
        (self.calls + passed * self.calls_a_second()).min(self.burst())
    }

    /// The size of the token bucket of this instance.
    fn burst(&self) -> f64 {
        f64::from(BURST) / f64::from(self.instances)
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
mod tests;
