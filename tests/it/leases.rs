//! A claim lasts for as long as its attempt runs.

use std::sync::Arc;
use std::time::Duration;

use docspace_courier::actions::Comment;
use docspace_courier::actions::failpoint::Failpoints;
use docspace_courier::notify::Channels;
use docspace_courier::rules::{ActionPlan, Rule};
use docspace_courier::worker::{Progress, WorkerSettings};
use docspace_sandbox::{Fault, FaultEffect};

use crate::bounds::{STATE_BOUND, until};
use crate::scene::{MAX_ATTEMPTS, RETENTION, Scene, scenario};

/// How much time passes at once; less than a lease.
const STEP: Duration = Duration::from_mins(1);

impl Scene {
    /// Replaces the worker by one that renews its claims all the time.
    fn renew_often(&mut self, rules: Vec<Rule>) {
        self.change_rules(rules);
        let settings = WorkerSettings {
            max_attempts: MAX_ATTEMPTS,
            retention: RETENTION,
            renewal_interval: Duration::from_millis(5),
            failpoints: Failpoints::default(),
        };
        self.worker = Arc::new(self.parts.worker(Channels::default(), settings));
    }

    /// Whether all running actions are claimed for longer than the next step.
    async fn claims_are_renewed(&self) -> bool {
        let soon = (self.clock.now() + STEP).as_millisecond();
        let running = self.db.read(move |sql| {
            sql.query_one(
                "SELECT count(*), count(CASE WHEN lease_until > :soon THEN 1 END) FROM actions
                 WHERE state = 'running'",
                &[(":soon", soon.into())],
                |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)),
            )
        });
        let (running, renewed) = running.await.unwrap();
        running > 0 && running == renewed
    }
}

/// Uploads files, holds the first call of this kind for ten minutes, and checks that no other attempt is made
/// meanwhile.
async fn hold_a_call(
    plan: fn(&Scene) -> ActionPlan,
    method: &'static str,
    path: &'static str,
    calls: usize,
) {
    scenario(async |scene| {
        let mut rule = scene.rules().remove(0);
        rule.actions = vec![plan(scene)];
        scene.renew_often(vec![rule]);
        for number in 0..20 {
            scene.upload(&scene.client_room, &format!("file {number}.txt"));
        }
        scene.portal.wait_for_deliveries().await;
        while scene.worker.decide_next().await.unwrap() == Progress::Worked {}
        scene.portal.inject_fault(Fault {
            method: Some(method),
            path_contains: path,
            times: 1,
            effect: FaultEffect::Hold,
        });
        let attempt =
            async { while scene.worker.process_next().await.unwrap() == Progress::Worked {} };
        let others = async {
            until(STATE_BOUND, "the call is made", async || {
                scene.calls(method, path) > 0
            })
            .await;
            // What is not claimed together with the slow one does not wait for it.
            while scene.worker.process_next().await.unwrap() == Progress::Worked {}
            for _ in 0..10 {
                scene.clock.advance(STEP);
                let renewed = async || scene.claims_are_renewed().await;
                until(STATE_BOUND, "the claims are renewed", renewed).await;
                assert_eq!(scene.worker.process_next().await.unwrap(), Progress::Idle);
            }
            scene.portal.release_held_calls().await;
        };
        tokio::join!(attempt, others);
        scene.work_to_the_end().await;
        assert_eq!(scene.calls(method, path), calls);
        assert_eq!(scene.failures().await, 0);
    })
    .await;
}

#[tokio::test]
async fn files_of_a_slow_copy_are_not_claimed_again() {
    let copy = |scene: &Scene| scene.rules().remove(0).actions.remove(0);
    hold_a_call(copy, "PUT", "fileops/copy", 1).await;
}

#[tokio::test]
async fn comments_that_wait_for_a_slow_one_are_not_claimed_again() {
    let comment = |_: &Scene| {
        let text = "Received".to_owned();
        ActionPlan::from(Comment::Text { text })
    };
    hold_a_call(comment, "PUT", "comment", 20).await;
}
