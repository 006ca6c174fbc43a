//! The bounds of every wait, so that a fault fails a test and never hangs it.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

/// The longest a test may take. No test comes near it on an idle machine; it only ends those that hang.
pub const TEST_BOUND: Duration = Duration::from_mins(4);

/// The longest a test may wait for one state of a real process.
pub const STATE_BOUND: Duration = Duration::from_mins(1);

/// How long a test may take after its bound to report why it did not end.
const GRACE: Duration = Duration::from_mins(3);

/// How often a state that is waited for is checked.
pub const CHECK_EVERY: Duration = Duration::from_millis(2);

/// Runs a test without a scene, and fails when it takes longer than [`TEST_BOUND`].
pub async fn bounded(test: impl Future<Output = ()>) {
    bounded_by(TEST_BOUND, test).await;
}

/// Runs a test whose length a variable sets, and fails when it takes longer than the bound.
pub async fn bounded_by(bound: Duration, test: impl Future<Output = ()>) {
    let _watchdog = Watchdog::start(bound);
    let in_time = tokio::time::timeout(bound, Box::pin(test)).await.is_ok();
    assert!(in_time, "the test did not end within {bound:?}");
}

/// Waits until a state is reached, and fails when that takes longer than the bound.
pub async fn until(bound: Duration, state: &str, mut reached: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !reached().await {
            tokio::time::sleep(CHECK_EVERY).await;
        }
    };
    let in_time = tokio::time::timeout(bound, waiting).await.is_ok();
    assert!(in_time, "not within {bound:?}: {state}");
}

/// Aborts the test process when a test blocks its thread, where a timeout of the runtime cannot fire.
pub struct Watchdog {
    /// Dropped with the watchdog, which ends its thread.
    _ended: Sender<()>,
}

impl Watchdog {
    /// Watches the test of this thread until the watchdog is dropped.
    pub fn start(bound: Duration) -> Self {
        let (ended, end) = mpsc::channel();
        let test = std::thread::current().name().map(str::to_owned);
        std::thread::spawn(move || {
            if end.recv_timeout(bound + GRACE) == Err(RecvTimeoutError::Timeout) {
                abort(test.as_deref().unwrap_or("a test"), bound);
            }
        });
        Self { _ended: ended }
    }
}

#[expect(clippy::print_stderr, reason = "the process ends before it can fail")]
fn abort(test: &str, bound: Duration) {
    eprintln!("{test} blocks its thread and did not end within {bound:?}; aborting all tests");
    std::process::abort();
}
