//! What the worker's parts share: the result of a step, and the wait between two of them.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::clock::Clock;
use crate::db::StoreError;
use crate::telemetry::ErrorChain;

/// How often each part polls, for work that other processes wrote and for lost signals.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The shortest wait; without it, work that is due but may not run yet would make a loop spin.
const MIN_WAIT: Duration = Duration::from_millis(20);

/// What one step achieved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It processed something; there may be more.
    Worked,
    /// Nothing was due.
    Idle,
}

/// Waits for a signal, until the next work is due, or for [`POLL_INTERVAL`].
pub(super) async fn wait_for_work(
    signal: &Notify,
    next_due: Option<Timestamp>,
    clock: &Clock,
    stop: &CancellationToken,
) {
    tokio::select! {
        () = signal.notified() => {}
        () = tokio::time::sleep(time_to_wait(next_due, clock)) => {}
        () = stop.cancelled() => {}
    }
}

/// The time until the next work is due, and [`POLL_INTERVAL`] at most.
pub(super) fn time_to_wait(next_due: Option<Timestamp>, clock: &Clock) -> Duration {
    let until_due = next_due
        .and_then(|due| Duration::try_from(due.duration_since(clock.now())).ok())
        .filter(|wait| !wait.is_zero());
    until_due.map_or(POLL_INTERVAL, |wait| wait.clamp(MIN_WAIT, POLL_INTERVAL))
}

/// Logs that the store failed; the loops try again.
pub(super) fn log_store_error(error: &StoreError) {
    error!(error = %ErrorChain(error), "the store failed; trying again");
}
