//! A real process is stopped for longer than the others wait for it, as on a machine that swaps or is paused. It
//! continues in the middle of its work, and repeats nothing.

use docspace_sandbox::{Fault, FaultEffect};

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::services::Services;
use crate::store::Store;

const INSTANCES: usize = 3;
const UPLOADS: u64 = 30;

/// The number in the store of the instance that is calling the portal.
const CALLING: &str =
    "SELECT max(instance) FROM actions WHERE state = 'running' AND intent_at IS NOT NULL";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_stopped_during_a_call_repeats_nothing() {
    bounded(async {
        let services = Services::new(INSTANCES, Store::new()).await;
        let (deployment, portal) = (&services.deployment, &services.deployment.portal);
        let mut running = Vec::new();
        for place in 0..INSTANCES {
            let process = services.start(place);
            services.ready(place).await;
            let newest = "SELECT id FROM instances ORDER BY started_at DESC LIMIT 1";
            running.push((deployment.ask_store(newest).unwrap(), process));
        }
        portal.inject_fault(Fault {
            method: Some("PUT"),
            path_contains: "fileops",
            times: 1,
            effect: FaultEffect::Hold,
        });
        services.upload(0..UPLOADS);
        until(STATE_BOUND, "a call is held", async || {
            portal.held_calls() == 1
        })
        .await;
        until(STATE_BOUND, "only that call is made", async || {
            let running = "SELECT count(DISTINCT instance) FROM actions WHERE state = 'running'";
            deployment.ask_store(running) == Some(1)
        })
        .await;
        let calling = deployment.ask_store(CALLING).unwrap();
        let (_, stopped) = running.iter().find(|(id, _)| *id == calling).unwrap();
        stopped.signal("STOP");
        until(STATE_BOUND, "others have taken its work over", async || {
            let claimed = format!(
                "SELECT count(*) FROM actions WHERE state IN ('waiting', 'running') AND instance = {calling}"
            );
            deployment.ask_store(&claimed) == Some(0)
        })
        .await;

        portal.release_held_calls().await;
        stopped.signal("CONT");
        services.check(UPLOADS).await;
    })
    .await;
}
