//! The wall clock steps, as after a wrong time or a suspension: no call is repeated and no work waits for it.

use docspace_courier::actions::failpoint::{Failpoint, Failpoints};
use docspace_sandbox::{Fault, FaultEffect};
use jiff::SignedDuration;

use crate::scene::scenario;

#[tokio::test]
async fn a_step_forward_ends_no_lease() {
    scenario(async |scene| {
        let failpoints = Failpoints::stop_at(Failpoint::AfterAnswer);
        scene.restart_with(failpoints.clone()).await;
        scene.upload(&scene.client_room, "plan.docx");
        let attempt = async {
            scene.portal.wait_for_deliveries().await;
            scene.worker.decide_next().await.unwrap();
            scene.worker.process_next().await.unwrap();
        };
        let others = async {
            failpoints.reached().await;
            scene.clock.step_wall(SignedDuration::from_hours(1));
            scene.work().await;
        };
        tokio::select! {
            () = attempt => panic!("the attempt passed the failpoint"),
            () = others => {}
        }
        assert_eq!(scene.calls("PUT", "fileops"), 1);
        assert_eq!(scene.count("copy", "running").await, 1);

        scene.clock.restart();
        scene.crash_and_restart().await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
        assert_eq!(scene.calls("PUT", "fileops"), 1);
    })
    .await;
}

#[tokio::test]
async fn after_a_step_backward_and_a_restart_nothing_waits_for_the_old_time() {
    scenario(async |scene| {
        scene.portal.inject_fault(Fault {
            method: Some("PUT"),
            path_contains: "fileops",
            times: 1,
            effect: FaultEffect::Gateway(407),
        });
        scene.upload(&scene.client_room, "plan.docx");
        scene.work().await;
        assert_eq!(scene.count("copy", "waiting").await, 1);

        scene.clock.step_wall(SignedDuration::from_hours(-2));
        scene.clock.restart();
        scene.crash_and_restart().await;
        scene.work().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}
