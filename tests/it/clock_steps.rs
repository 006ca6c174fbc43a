//! The wall clock steps, as after a wrong time or a suspension: no call is repeated and no work waits for it.

use std::time::Duration;

use docspace_courier::actions::failpoint::{Failpoint, Failpoints};
use docspace_courier::catch_up::ListRooms;
use docspace_sandbox::{Fault, FaultEffect};
use jiff::SignedDuration;

use crate::scene::{Leftover, Scene, scenario};

#[tokio::test]
async fn a_step_forward_ends_no_lease() {
    scenario(async |scene| {
        let failpoints = Failpoints::stop_at(Failpoint::AfterResponse);
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

/// Starts the service anew on a machine whose clock is wrong by so much.
async fn restart_with_wrong_clock(scene: &mut Scene, by: SignedDuration) {
    scene.clock.step_wall(by);
    scene.clock.restart();
    scene.crash_and_restart().await;
}

#[tokio::test]
async fn the_first_call_of_a_machine_with_a_wrong_clock_is_not_repeated() {
    for hours in [2, -2] {
        scenario(async |scene| {
            restart_with_wrong_clock(scene, SignedDuration::from_hours(hours)).await;
            scene.portal.inject_fault(Fault {
                method: Some("PUT"),
                path_contains: "fileops",
                times: 1,
                effect: FaultEffect::DropAfter,
            });
            scene.upload(&scene.client_room, "plan.docx");
            scene.work_to_the_end().await;
            assert_eq!(scene.titles(&scene.internal), ["plan.docx"], "{hours}");
        })
        .await;
    }
}

#[tokio::test]
async fn catching_up_misses_nothing_after_a_step_and_a_restart() {
    for hours in [2, -2] {
        for webhook_is_on in [true, false] {
            scenario(async |scene| {
                let catch_up = scene.catch_up();
                catch_up.run_once(ListRooms::IfNeeded).await.unwrap();
                scene.stop_receiving().await;
                let webhook = scene.webhook;
                scene.portal.set_webhook_enabled(webhook, webhook_is_on);
                scene.clock.advance(Duration::from_secs(10));
                scene.upload(&scene.client_room, "plan.docx");
                scene.portal.wait_for_deliveries().await;
                scene.clock.advance(Duration::from_mins(1));
                scene.start_receiving();
                restart_with_wrong_clock(scene, SignedDuration::from_hours(hours)).await;
                let catch_up = scene.catch_up();
                catch_up.run_once(ListRooms::Always).await.unwrap();
                scene.work_to_the_end().await;
                assert_eq!(scene.titles(&scene.internal), ["plan.docx"], "{hours}");
                let failed = scene.failed_deliveries();
                if failed > 0 {
                    scene.leaving(Leftover::FailedDeliveries, failed);
                }
            })
            .await;
        }
    }
}
