//! The background tasks of a service, each under supervision.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::alerts::AlertMonitor;
use crate::backfill::Backfiller;
use crate::catch_up::CatchUp;
use crate::db::{Db, Queue};
use crate::instances::Instances;
use crate::reload::Reload;
use crate::server::tls::Tls;
use crate::supervise::Supervisor;
use crate::telemetry::ErrorChain;
use crate::wake::Wake;
use crate::worker::Worker;

use super::parts::Parts;

/// What runs beside the listeners.
#[derive(Debug)]
pub(super) struct Background {
    pub(super) worker: Worker,
    pub(super) catch_up: CatchUp,
    pub(super) catch_up_interval: Duration,
    pub(super) backfiller: Backfiller,
    pub(super) alerts: AlertMonitor,
    pub(super) instances: Instances,
    pub(super) reload: Arc<Reload>,
}

impl Background {
    /// Runs all tasks until `stop` is cancelled and the running attempts have finished.
    pub(super) async fn run(
        self,
        parts: &Parts,
        tls: Option<Arc<Tls>>,
        supervisor: &Supervisor,
        stop: &CancellationToken,
    ) {
        // The heartbeat goes on while attempts finish, or other instances would take over their actions.
        let left = CancellationToken::new();
        let membership = supervise_membership(&self.instances, parts, supervisor, &left);

        let alerts = Arc::new(Mutex::new(self.alerts));
        let reload = self.reload;
        let mut tasks = vec![
            // A restarted monitor keeps what it knows: messages that wait, and dead letters it reported.
            supervisor.spawn("alerts", stop, move |stop| {
                let alerts = Arc::clone(&alerts);
                async move { alerts.lock().await.run(stop).await }
            }),
            supervisor.spawn("reload_rules", stop, move |stop| {
                Arc::clone(&reload).run(stop)
            }),
        ];
        tasks.extend(tls.map(|tls| {
            supervisor.spawn("reload_certificate", stop, move |stop| {
                Arc::clone(&tls).watch(stop)
            })
        }));

        self.instances.wait_for_rebalance(stop).await;
        let (catch_up, interval) = (self.catch_up, self.catch_up_interval);
        tasks.push(supervisor.spawn("catch_up", stop, move |stop| {
            catch_up.clone().run(interval, stop)
        }));
        let backfiller = self.backfiller;
        tasks.push(supervisor.spawn("backfill", stop, move |stop| backfiller.clone().run(stop)));
        self.worker.run(supervisor, stop).await;

        // The next start repeats what these tasks have in progress.
        drop(tasks);
        left.cancel();
        for task in membership {
            let _ = task.await;
        }
        Instances::leave(&parts.db).await;
    }
}

/// What an instance does for as long as it is one of several: it writes heartbeats and receives the
/// notifications of the others.
fn supervise_membership(
    instances: &Instances,
    parts: &Parts,
    supervisor: &Supervisor,
    stop: &CancellationToken,
) -> Vec<tokio_util::task::AbortOnDropHandle<()>> {
    if !parts.db.is_shared() {
        return Vec::new();
    }
    let (instances, portal) = (instances.clone(), Arc::clone(&parts.portal));
    let wake = Arc::clone(&parts.wake);
    let heartbeat = supervisor.spawn("heartbeat", stop, move |stop| {
        instances
            .clone()
            .run(Arc::clone(&portal), Arc::clone(&wake), stop)
    });
    let (db, wake) = (parts.db.clone(), Arc::clone(&parts.wake));
    let notifications = supervisor.spawn("store_notifications", stop, move |stop| {
        listen(db.clone(), Arc::clone(&wake), stop)
    });
    vec![heartbeat, notifications]
}

/// Wakes the worker when another instance writes work to the store. Returns when the store's listener ends.
async fn listen(db: Db, wake: Arc<Wake>, stop: CancellationToken) {
    let ended = CancellationToken::new();
    // The listener drops its callback when it ends, and that cancels the token.
    let guard = ended.clone().drop_guard();
    let started = db.listen(move |queue| {
        let _ended = &guard;
        match queue {
            Queue::Inbox => wake.inbox.notify_one(),
            Queue::Outbox => wake.outbox.notify_one(),
        }
    });
    if let Err(error) = started {
        let error = ErrorChain(error.as_ref());
        error!(%error, "cannot start the store's listener");
        return;
    }
    tokio::select! {
        () = ended.cancelled() => {}
        () = stop.cancelled() => {}
    }
}
