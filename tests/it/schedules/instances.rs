//! The instances of the service in a schedule: the one that works, and those that are frozen.

use std::sync::Arc;
use std::time::Duration;

use docspace_courier::actions::failpoint::{Failpoint, Failpoints};
use docspace_courier::db::{Db, Sql};
use docspace_courier::service::Parts;
use docspace_courier::worker::Progress;
use docspace_courier::{inbox, outbox};
use docspace_sandbox::{Fault, FaultEffect};
use tokio::task::JoinHandle;

use super::run::Run;
use crate::bounds::{STATE_BOUND, until};

/// The most instances that are frozen at the same time.
const MOST_FROZEN: usize = 2;

/// An instance that stands still in the middle of an attempt.
pub struct Frozen {
    failpoints: Failpoints,
    attempt: JoinHandle<()>,
}

impl Run<'_> {
    /// Starts the service as a new process does, which stops at the failpoint.
    pub async fn restart(&mut self, failpoints: Failpoints) {
        self.start_worker(failpoints);
        let now = self.scene.clock.now();
        // A frozen instance keeps its claims, as in a shared store.
        let is_alone = self.frozen.is_empty();
        let resume = move |sql: &Sql| {
            inbox::make_due(sql, now)?;
            outbox::reset_due_times(sql, now)?;
            if is_alone {
                outbox::release_all_leases(sql)?;
            }
            Ok(())
        };
        self.scene.db.write(resume).await.unwrap();
    }

    fn start_worker(&mut self, failpoints: Failpoints) {
        let channels = self.scene.parts.channels.clone();
        self.scene
            .replace_worker(self.rules(), channels, failpoints);
    }

    pub async fn crash(&mut self, failpoint: Failpoint) {
        let failpoints = Failpoints::stop_at(failpoint);
        self.restart(failpoints.clone()).await;
        tokio::select! {
            () = self.scene.work() => {}
            () = failpoints.reached() => {}
        }
        self.restart(Failpoints::default()).await;
    }

    pub async fn kill_after(&mut self, calls: usize) {
        let calls = self.scene.portal.calls().len() + calls;
        tokio::select! {
            () = self.scene.work() => {}
            () = until(STATE_BOUND, "the portal is called", async || {
                self.scene.portal.calls().len() >= calls
            }) => {}
        }
        self.kills += 1;
        self.restart(Failpoints::default()).await;
    }

    /// The work of the present instance, as a task that a test can leave alone.
    fn spawn_work(&self) -> JoinHandle<()> {
        let worker = Arc::clone(&self.scene.worker);
        tokio::spawn(async move {
            while worker.decide_next().await.unwrap() == Progress::Worked
                || worker.process_next().await.unwrap() == Progress::Worked
            {}
        })
    }

    /// The portal takes this long for the next copy or move.
    pub async fn slow_call(&mut self, time: Duration, killed: bool) {
        let portal = self.scene.portal.clone();
        portal.inject_fault(Fault {
            method: Some("PUT"),
            path_contains: "fileops/",
            times: 1,
            effect: FaultEffect::Hold,
        });
        let mut work = self.spawn_work();
        let held = until(STATE_BOUND, "a call is held", async || {
            portal.held_calls() > 0
        });
        let ended = tokio::select! {
            ended = &mut work => Some(ended),
            () = held => None,
        };
        portal.retain_faults(|fault| fault.effect != FaultEffect::Hold);
        if let Some(ended) = ended {
            return ended.unwrap();
        }
        if killed {
            work.abort();
            let _ = work.await;
            self.kills += 1;
            self.restart(Failpoints::default()).await;
            self.scene.work().await;
            self.scene.clock.advance(time);
            self.scene.work().await;
            portal.release_held_calls().await;
        } else {
            self.scene.clock.advance(time);
            portal.release_held_calls().await;
            joined(work).await;
        }
    }

    /// Freezes the present instance at the failpoint, and starts another one.
    pub async fn freeze(&mut self, failpoint: Failpoint) {
        if self.frozen.len() >= MOST_FROZEN {
            return;
        }
        let failpoints = Failpoints::stop_at(failpoint);
        self.start_worker(failpoints.clone());
        let mut attempt = self.spawn_work();
        let ended = tokio::select! {
            ended = &mut attempt => Some(ended),
            () = failpoints.reached() => None,
        };
        match ended {
            Some(ended) => ended.unwrap(),
            None => self.frozen.push_back(Frozen {
                failpoints,
                attempt,
            }),
        }
        if self.scene.db.is_shared() {
            // Another instance has a connection, and with it a number, of its own.
            self.scene.parts = Parts {
                db: Db::open(self.scene.store.location()).unwrap(),
                ..self.scene.parts.clone()
            };
        }
        self.start_worker(Failpoints::default());
    }

    /// Lets the instance continue that was frozen first.
    pub async fn resume(&mut self) {
        if let Some(frozen) = self.frozen.pop_front() {
            frozen.failpoints.resume();
            joined(frozen.attempt).await;
        }
    }
}

async fn joined(work: JoinHandle<()>) {
    let ended = tokio::time::timeout(STATE_BOUND, work).await;
    ended.expect("the attempt ends").unwrap();
}
