//! Calls whose outcome is unknown for long: they are never repeated while the portal may still apply them, and
//! the search for their effect costs few calls.

use std::time::Duration;

use docspace_courier::actions::failpoint::{Failpoint, Failpoints};
use docspace_courier::rules::Rule;
use docspace_sandbox::{Fault, FaultEffect, UploadEvents};

use crate::bounds::{STATE_BOUND, until};
use crate::scene::{Scene, scenario};

/// Keeps only the rule that copies.
fn only_copy(scene: &mut Scene) {
    let rules: Vec<Rule> = scene.rules().into_iter().take(1).collect();
    scene.change_rules(rules);
}

/// Does all work that becomes due within this time.
async fn work_for(scene: &Scene, time: Duration) {
    let end = scene.clock.now() + time;
    while scene.clock.now() < end {
        scene.work().await;
        scene.clock.advance(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn a_call_that_the_portal_answers_late_is_not_repeated_after_a_crash() {
    scenario(async |scene| {
        for path_contains in ["fileops/copy", "fileops/move"] {
            scene.portal.inject_fault(Fault {
                method: Some("PUT"),
                path_contains,
                times: 1,
                effect: FaultEffect::Hold,
            });
        }
        scene.upload(&scene.client_room, "plan.docx");
        let called = until(STATE_BOUND, "the portal is called", async || {
            scene.calls("PUT", "fileops/copy") == 1
        });
        tokio::select! {
            () = scene.work() => panic!("the portal has answered"),
            () = called => {}
        }
        scene.crash_and_restart().await;
        work_for(scene, Duration::from_mins(3)).await;
        assert_eq!(scene.calls("PUT", "fileops/copy"), 1);

        scene.portal.release_held_calls().await;
        until(STATE_BOUND, "the first call is applied", async || {
            !scene.titles(&scene.internal).is_empty()
        })
        .await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
        assert_eq!(scene.calls("PUT", "fileops/copy"), 1);
    })
    .await;
}

#[tokio::test]
async fn a_call_that_never_arrived_is_made_again_once_it_can_no_longer_be_in_flight() {
    scenario(async |scene| {
        only_copy(scene);
        scene.portal.inject_fault(Fault {
            method: Some("PUT"),
            path_contains: "fileops",
            times: 1,
            effect: FaultEffect::DropBefore,
        });
        scene.upload(&scene.client_room, "plan.docx");
        let start = scene.clock.now();
        scene.work_to_the_end().await;
        let passed = scene.clock.now().duration_since(start).as_mins();
        assert!((17..20).contains(&passed), "{passed} minutes");
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}

#[tokio::test]
async fn the_effect_of_a_lost_response_is_found_within_seconds() {
    scenario(async |scene| {
        only_copy(scene);
        scene.portal.inject_fault(Fault {
            method: Some("PUT"),
            path_contains: "fileops",
            times: 1,
            effect: FaultEffect::DropAfter,
        });
        scene.upload(&scene.client_room, "plan.docx");
        let start = scene.clock.now();
        scene.work().await;
        scene.portal.wait_for_operations().await;
        scene.work_to_the_end().await;
        let passed = scene.clock.now().duration_since(start).as_secs();
        assert!(passed <= 5, "{passed} s");
        assert_eq!(scene.calls("PUT", "fileops/copy"), 1);
    })
    .await;
}

#[tokio::test]
async fn the_search_for_lost_files_costs_few_calls() {
    const LOST: usize = 6;

    scenario(async |scene| {
        scene.portal.set_operation_time(Duration::from_hours(1));
        for number in 0..LOST {
            scene.upload(&scene.client_room, &format!("plan {number}.docx"));
            let failpoints = Failpoints::stop_at(Failpoint::OperationStored);
            scene.restart_with(failpoints.clone()).await;
            tokio::select! {
                () = scene.work() => panic!("nothing was stopped"),
                () = failpoints.reached() => {}
            }
        }
        // The destination is busy: a search has several pages to read.
        for number in 0..350 {
            let title = format!("other {number}.docx");
            scene
                .portal
                .upload(&scene.internal, &title, b"", UploadEvents::Uploaded);
        }
        scene.portal.drop_operations();
        scene.clock.advance(Duration::from_mins(1));
        scene.crash_and_restart().await;

        let before = scene.portal.calls().len();
        work_for(scene, Duration::from_mins(10)).await;
        let calls = scene.portal.calls().len() - before;
        assert_eq!(scene.calls("PUT", "fileops/copy"), LOST);
        assert!(calls < 60, "{calls} calls in ten minutes");

        scene.portal.set_operation_time(Duration::from_millis(1));
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 350 + LOST);
        assert_eq!(scene.calls("PUT", "fileops/copy"), LOST + 1);
    })
    .await;
}

#[tokio::test]
async fn a_copy_is_found_under_the_title_that_the_file_had_during_the_call() {
    scenario(async |scene| {
        only_copy(scene);
        scene.portal.inject_fault(Fault {
            method: Some("PUT"),
            path_contains: "fileops",
            times: 1,
            effect: FaultEffect::DropAfter,
        });
        let file = scene.upload(&scene.client_room, "first.docx");
        scene.portal.rename(&file, "second.docx");
        scene.work().await;
        scene.portal.wait_for_operations().await;
        scene.clock.advance(Duration::from_secs(5));
        scene.portal.rename(&file, "third.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["second.docx"]);
    })
    .await;
}
