//! The ledger: calls are recorded in blocks before they are made, so that a restart forgets none.
//!
//! Where they are recorded is up to the function that records them. A process that ends leaves a part of a block
//! unused, which only makes the budget more careful. The first blocks are small, so that a process that is
//! restarted again and again still makes calls.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use tokio::sync::Mutex;

use crate::clock::{Clock, day_of};

use super::call_kind::CallKind;

/// The calls in the first block. Later blocks grow up to [`MAX_CALLS`].
const MIN_CALLS: u32 = 10;

/// The most calls in a block.
const MAX_CALLS: u32 = 80;

/// The writes in a block.
const WRITES: u32 = 5;

/// Calls to record before they are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallBlock {
    /// Calls of all kinds.
    pub calls: u32,
    /// Writes, as the limit of a day counts them.
    pub writes: u32,
}

/// Records a block of calls, and returns the writes recorded for today. If the minute's calls are used up, it
/// records nothing and returns how long to wait.
pub type RecordCalls =
    Box<dyn Fn(CallBlock) -> BoxFuture<'static, Result<u64, Duration>> + Send + Sync>;

/// Takes calls from recorded blocks.
#[derive(Default)]
pub(super) struct Ledger {
    /// `None` in a process whose calls are not recorded.
    record: Option<RecordCalls>,
    recorded: Mutex<Recorded>,
    /// Writes that are recorded and not made.
    unused_writes: AtomicU32,
}

/// What is recorded and not used.
#[derive(Debug)]
struct Recorded {
    calls: u32,
    /// The day of the unused writes.
    day: i64,
    /// The size of the next block.
    next_block: u32,
}

impl Default for Recorded {
    fn default() -> Self {
        Self {
            calls: 0,
            day: 0,
            next_block: MIN_CALLS,
        }
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Ledger")
            .field("recorded", &self.recorded)
            .finish_non_exhaustive()
    }
}

impl Ledger {
    pub(super) fn new(record: RecordCalls) -> Self {
        Self {
            record: Some(record),
            ..Self::default()
        }
    }

    /// Writes that are recorded and not made.
    pub(super) fn unused_writes(&self) -> u32 {
        self.unused_writes.load(Ordering::Relaxed)
    }

    /// Takes one call, after recording a block if none is left. Returns the writes recorded for today if it
    /// recorded any calls, or how long to wait if that is longer than `max_wait`.
    pub(super) async fn take(
        &self,
        call: CallKind,
        clock: &Clock,
        max_wait: SignedDuration,
    ) -> Result<Option<u64>, Duration> {
        let Some(record) = &self.record else {
            return Ok(None);
        };
        let mut recorded = self.recorded.lock().await;
        let mut writes_today = None;
        while let Some(block) = self.missing(&mut recorded, call, clock) {
            match record(block).await {
                Ok(writes) => {
                    writes_today = Some(writes);
                    recorded.calls += block.calls;
                    if block.calls > 0 {
                        recorded.next_block = (recorded.next_block * 2).min(MAX_CALLS);
                    }
                    self.unused_writes
                        .fetch_add(block.writes, Ordering::Relaxed);
                }
                Err(wait) if wait > max_wait.unsigned_abs() => return Err(wait),
                Err(wait) => clock.sleep_until(clock.now() + wait).await,
            }
        }
        recorded.calls -= 1;
        if call == CallKind::Write {
            self.unused_writes.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(writes_today)
    }

    /// What must be recorded before this call.
    fn missing(&self, recorded: &mut Recorded, call: CallKind, clock: &Clock) -> Option<CallBlock> {
        let today = day_of(clock.now());
        if recorded.day != today {
            recorded.day = today;
            self.unused_writes.store(0, Ordering::Relaxed);
        }
        let calls = if recorded.calls == 0 {
            recorded.next_block
        } else {
            0
        };
        let writes = if call == CallKind::Write && self.unused_writes() == 0 {
            WRITES
        } else {
            0
        };
        let block = CallBlock { calls, writes };
        (block != CallBlock::default()).then_some(block)
    }
}
