//! Supervision: keeps the background tasks running, and records how they do.
//!
//! A background task runs until the service shuts down. One that panics or returns before that is logged,
//! counted and started again after a backoff. While it is down, or when it fails again and again,
//! [`TaskHealth::check`] names it; the health endpoints report that.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::error;

use crate::backoff::backoff;
use crate::clock::Clock;
use crate::metrics::Metrics;

/// How far back failures count.
const WINDOW: Duration = Duration::from_mins(5);

/// With this many failures within `WINDOW`, a task keeps failing.
const MANY_FAILURES: usize = 3;

/// The longest wait before a restart; shorter than that of an attempt, because everything waits for it.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// Starts background tasks and restarts those that fail.
#[derive(Debug)]
pub struct Supervisor {
    clock: Clock,
    metrics: Arc<Metrics>,
    health: TaskHealth,
}

impl Supervisor {
    /// A supervisor without tasks, which counts restarts in these metrics.
    pub fn new(clock: Clock, metrics: Arc<Metrics>) -> Self {
        Self {
            clock,
            metrics,
            health: TaskHealth::default(),
        }
    }

    /// How the tasks of this supervisor do.
    pub fn health(&self) -> TaskHealth {
        self.health.clone()
    }

    /// Runs a task until `stop` is cancelled, and restarts it when it ends earlier. The task receives the
    /// token and ends itself; dropping the handle aborts it.
    pub fn spawn<T, F>(
        &self,
        name: &'static str,
        stop: &CancellationToken,
        task: T,
    ) -> AbortOnDropHandle<()>
    where
        T: Fn(CancellationToken) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        self.metrics.register_task(name);
        let supervised = Supervised {
            name,
            clock: self.clock.clone(),
            metrics: Arc::clone(&self.metrics),
            health: self.health.clone(),
        };
        let stop = stop.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            supervised.run(&stop, task).await;
        }))
    }
}

/// One task under supervision.
struct Supervised {
    name: &'static str,
    clock: Clock,
    metrics: Arc<Metrics>,
    health: TaskHealth,
}

impl Supervised {
    async fn run<T, F>(self, stop: &CancellationToken, task: T)
    where
        T: Fn(CancellationToken) -> F,
        F: Future<Output = ()>,
    {
        loop {
            let run = async { task(stop.clone()).await };
            let ended = AssertUnwindSafe(run).catch_unwind().await;
            if stop.is_cancelled() {
                return;
            }
            let reason = match &ended {
                Ok(()) => "it returned",
                Err(panic) => panic_message(panic.as_ref()),
            };
            let failures = self.health.record_failure(self.name, self.clock.now());
            let wait = backoff(failures, fastrand::f64()).min(MAX_WAIT);
            error!(
                task = self.name,
                reason,
                wait_ms = wait.as_millis(),
                "a background task failed and will be restarted"
            );
            let restart_at = self.clock.now() + wait;
            tokio::select! {
                () = self.clock.sleep_until(restart_at) => {}
                () = stop.cancelled() => return,
            }
            self.metrics.count_task_restart(self.name);
            self.health.record_restart(self.name);
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it panicked")
}

/// How the background tasks do; clones share it.
#[derive(Clone, Debug, Default)]
pub struct TaskHealth(Arc<Mutex<BTreeMap<&'static str, TaskRecord>>>);

/// The failures of one task.
#[derive(Debug, Default)]
struct TaskRecord {
    is_down: bool,
    /// Those within `WINDOW`, oldest first.
    failed_at: VecDeque<Timestamp>,
}

/// A background task that does not do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskFailure {
    /// It failed and has not been restarted yet.
    #[error("the background task {0} is down")]
    Down(&'static str),
    /// It runs, but failed several times within the last minutes.
    #[error("the background task {0} keeps failing")]
    KeepsFailing(&'static str),
}

impl TaskHealth {
    /// An error that names a task which is down now, or failed at least `MANY_FAILURES` times within
    /// `WINDOW`.
    pub fn check(&self, now: Timestamp) -> Result<(), TaskFailure> {
        for (name, record) in self.lock().iter_mut() {
            record.forget_old_failures(now);
            if record.is_down {
                return Err(TaskFailure::Down(name));
            }
            if record.failed_at.len() >= MANY_FAILURES {
                return Err(TaskFailure::KeepsFailing(name));
            }
        }
        Ok(())
    }

    /// Records a failure, and returns how many there are within `WINDOW`.
    fn record_failure(&self, name: &'static str, now: Timestamp) -> u32 {
        let mut tasks = self.lock();
        let record = tasks.entry(name).or_default();
        record.is_down = true;
        record.forget_old_failures(now);
        record.failed_at.push_back(now);
        u32::try_from(record.failed_at.len()).unwrap_or(u32::MAX)
    }

    fn record_restart(&self, name: &'static str) {
        self.lock().entry(name).or_default().is_down = false;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, TaskRecord>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TaskRecord {
    fn forget_old_failures(&mut self, now: Timestamp) {
        let is_old = |failed_at: &Timestamp| *failed_at + WINDOW <= now;
        while self.failed_at.front().is_some_and(is_old) {
            self.failed_at.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use prometheus_client::registry::Registry;
    use tokio::sync::Notify;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn supervisor() -> Supervisor {
        Supervisor::new(Clock::manual(at(0)), Arc::default())
    }

    /// Runs a task that fails in this way the first time it is started, and then works until shutdown.
    async fn check_restart(fail: fn()) {
        let supervisor = supervisor();
        let stop = CancellationToken::new();
        let (starts, works) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (counted, notified) = (Arc::clone(&starts), Arc::clone(&works));
        let handle = supervisor.spawn("flaky", &stop, move |stop| {
            let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
            let works = Arc::clone(&notified);
            async move {
                if first {
                    return fail();
                }
                works.notify_one();
                stop.cancelled().await;
            }
        });
        works.notified().await;
        assert_eq!(supervisor.health().check(at(1)), Ok(()));
        let restarts = r#"courier_task_restarts_total{task="flaky"} 1"#;
        let metrics = supervisor.metrics.render(&Registry::default());
        assert!(metrics.contains(restarts), "{metrics}");

        stop.cancel();
        handle.await.unwrap();
        assert_eq!(starts.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_task_that_panics_once_is_restarted() {
        check_restart(|| panic!("out of luck")).await;
    }

    #[tokio::test]
    async fn a_task_that_returns_early_is_restarted() {
        check_restart(|| {}).await;
    }

    #[tokio::test]
    async fn a_task_that_never_starts_keeps_failing() {
        let supervisor = supervisor();
        let stop = CancellationToken::new();
        let (starts, stopped) = (AtomicUsize::new(0), stop.clone());
        let handle = supervisor.spawn("hopeless", &stop, move |_| {
            let failures = starts.fetch_add(1, Ordering::Relaxed);
            assert!(failures >= MANY_FAILURES, "it does not start");
            stopped.cancel();
            std::future::ready(())
        });
        handle.await.unwrap();
        assert_eq!(
            supervisor.health().check(supervisor.clock.now()),
            Err(TaskFailure::KeepsFailing("hopeless"))
        );
    }

    #[test]
    fn a_task_is_unhealthy_while_it_is_down_and_while_it_keeps_failing() {
        let health = TaskHealth::default();
        let check = |seconds: u64, expected: &str| {
            let found = health.check(at(seconds)).map_err(|error| error.to_string());
            let found = found.err().unwrap_or_default();
            assert_eq!(found, expected, "after {seconds} s");
        };
        check(0, "");
        for (seconds, failures) in [(0, 1), (10, 2), (20, 3)] {
            assert_eq!(health.record_failure("decide", at(seconds)), failures);
            check(seconds, "the background task decide is down");
            health.record_restart("decide");
        }
        check(21, "the background task decide keeps failing");
        check(299, "the background task decide keeps failing");
        // The first failure no longer counts.
        check(300, "");
        assert_eq!(health.record_failure("decide", at(311)), 2);
    }
}
