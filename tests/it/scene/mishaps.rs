//! What goes wrong: calls that fail, and a service that ends.

use docspace_courier::actions::failpoint::{Failpoint, Failpoints};
use docspace_sandbox::{Fault, FaultEffect};

use super::Scene;

impl Scene {
    /// Lets so many calls fail with this effect.
    pub fn fail(&self, method: &'static str, path: &'static str, times: u32, effect: FaultEffect) {
        self.portal.inject_fault(Fault {
            method: Some(method),
            path_contains: path,
            times,
            effect,
        });
    }

    /// Stops the worker at each arrival at a failpoint, starts it again, and lets it do all work.
    pub async fn crash_at(&mut self, failpoint: Failpoint, times: usize) {
        let rules = self.parts.rules.get().rules().to_vec();
        for _ in 0..times {
            let failpoints = Failpoints::stop_at(failpoint);
            self.restart_with_rules(rules.clone(), failpoints.clone())
                .await;
            tokio::select! {
                () = self.work_to_the_end() => panic!("nothing came to {failpoint:?}"),
                () = failpoints.reached() => {}
            }
            self.portal.wait_for_operations().await;
            // The event of the effect arrives before its result is known.
            self.decide().await;
        }
        self.restart_with_rules(rules, Failpoints::default()).await;
        self.work_to_the_end().await;
    }

    /// Waits for all deliveries and decides what is due.
    pub async fn decide(&self) {
        self.portal.wait_for_deliveries().await;
        self.worker.decide_next().await.unwrap();
    }

    /// How many decisions ignore an event because the rule itself has caused it.
    pub async fn own_effects(&self) -> usize {
        let decisions = self.decisions().await.into_iter();
        let own = decisions
            .filter(|(_, outcome, reason)| outcome == "ignored" && reason.contains("own action"));
        own.count()
    }
}
