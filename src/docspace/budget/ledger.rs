//! The ledger: calls are recorded in blocks before they are made, so that a restart forgets none.
//!
//! Where they are recorded is up to the function that records them. A process that ends leaves a part of a block
//! unused, which only makes the budget more careful. The first blocks are small, so that a process that is
//! restarted again and again still makes calls.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

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
    unused: Mutex<Unused>,
    /// Held while a block is being recorded, so that the callers who wait for it share it.
    recording: tokio::sync::Mutex<()>,
}

/// What is recorded and not made.
#[derive(Debug)]
struct Unused {
    calls: u32,
    writes: u32,
    /// The day of the writes.
    day: i64,
    /// The size of the next block.
    next_block: u32,
}

impl Default for Unused {
    fn default() -> Self {
        Self {
            calls: 0,
            writes: 0,
            day: 0,
            next_block: MIN_CALLS,
        }
    }
}

/// A call that was taken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RecordedCall {
    /// The day on which it was taken.
    pub(super) day: i64,
    /// The writes recorded for that day, if anything had to be recorded.
    pub(super) writes_today: Option<u64>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Ledger")
            .field("unused", &self.unused)
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
        self.lock().writes
    }

    /// Takes one call, after recording a block if none is left. If none can be recorded by `latest`, returns how
    /// long to wait.
    pub(super) async fn take(
        &self,
        call: CallKind,
        clock: &Clock,
        latest: Timestamp,
    ) -> Result<RecordedCall, Duration> {
        let Some(record) = &self.record else {
            return Ok(RecordedCall::default());
        };
        let mut writes_today = None;
        loop {
            let day = day_of(clock.now());
            if self.lock().take(call, day) {
                return Ok(RecordedCall { day, writes_today });
            }
            let recording = self.recording.lock().await;
            let Some(block) = self.lock().missing(call) else {
                continue;
            };
            match record(block).await {
                Ok(writes) => {
                    writes_today = Some(writes);
                    self.lock().add(block);
                }
                Err(wait) => {
                    drop(recording);
                    let retry_at = clock.now() + wait;
                    if retry_at > latest {
                        return Err(wait);
                    }
                    clock.sleep_until(retry_at).await;
                }
            }
        }
    }

    /// Returns a call that was taken on this day and is not made.
    pub(super) fn give_back(&self, call: CallKind, day: i64) {
        let mut unused = self.lock();
        unused.calls += 1;
        if call == CallKind::Write && unused.day == day {
            unused.writes += 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Unused> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unused {
    /// Takes one call, if it is recorded.
    fn take(&mut self, call: CallKind, today: i64) -> bool {
        if self.day != today {
            self.day = today;
            self.writes = 0;
        }
        if self.missing(call).is_some() {
            return false;
        }
        self.calls -= 1;
        self.writes -= u32::from(call == CallKind::Write);
        true
    }

    /// What must be recorded before this call.
    fn missing(&self, call: CallKind) -> Option<CallBlock> {
        let calls = if self.calls == 0 { self.next_block } else { 0 };
        let writes = if call == CallKind::Write && self.writes == 0 {
            WRITES
        } else {
            0
        };
        let block = CallBlock { calls, writes };
        (block != CallBlock::default()).then_some(block)
    }

    fn add(&mut self, block: CallBlock) {
        self.calls += block.calls;
        self.writes += block.writes;
        if block.calls > 0 {
            self.next_block = (self.next_block * 2).min(MAX_CALLS);
        }
    }
}
