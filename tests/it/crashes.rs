//! A worker stops at a failpoint; the next one continues its work and repeats nothing.

use std::time::Duration;

use docspace_courier::actions::failpoint::{Failpoint, Failpoints};
use docspace_sandbox::{Fault, FaultEffect};

use crate::scene::scenario;

/// Uploads files, stops the worker at the failpoint, restarts it, and checks the portal.
async fn crash_at(failpoint: Failpoint) {
    scenario(async |scene| {
        scene.upload(&scene.client_room, "plan.docx");
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.upload(&scene.client_room, "plan.docx");
        // Three calls reach the failpoint: the batch of copies, the copy with an equal title, and the move.
        for _ in 0..3 {
            let failpoints = Failpoints::stop_at(failpoint);
            scene.restart_with(failpoints.clone()).await;
            tokio::select! {
            () = scene.work_to_the_end() => panic!("nothing came to {failpoint:?}"),
            () = failpoints.reached() => {}
            }
            scene.portal.wait_for_operations().await;
        }
        scene.crash_and_restart().await;
        scene.work_to_the_end().await;
        assert_eq!(
            scene.titles(&scene.internal),
            ["Invoice.pdf", "plan (1).docx", "plan.docx"],
            "{failpoint:?}"
        );
        assert_eq!(
            scene.titles(&scene.incoming),
            ["Invoice.pdf"],
            "{failpoint:?}"
        );
        assert_eq!(scene.count("notify", "done").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_crash_before_the_call() {
    crash_at(Failpoint::BeforeCall).await;
}

#[tokio::test]
async fn a_crash_after_the_response_before_storing_it() {
    crash_at(Failpoint::AfterResponse).await;
}

#[tokio::test]
async fn a_crash_after_storing_the_operation_before_its_end() {
    crash_at(Failpoint::OperationStored).await;
}

#[tokio::test]
async fn a_crash_after_the_operation_ended_before_storing_it() {
    crash_at(Failpoint::BeforeFinish).await;
}

#[tokio::test]
async fn a_crash_after_the_call_before_its_response() {
    scenario(async |scene| {
        scene.portal.inject_fault(Fault {
            method: Some("PUT"),
            path_contains: "fileops",
            times: 3,
            effect: FaultEffect::DropAfter,
        });
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.upload(&scene.client_room, "plan.docx");
        scene.work().await;
        scene.crash_and_restart().await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["Invoice.pdf", "plan.docx"]);
        assert_eq!(scene.titles(&scene.incoming), ["Invoice.pdf"]);
        // Both copies were in one call.
        assert_eq!(
            (
                scene.calls("PUT", "fileops/copy"),
                scene.calls("PUT", "fileops/move")
            ),
            (1, 1)
        );
    })
    .await;
}

#[tokio::test]
async fn a_crash_between_move_and_notification() {
    scenario(async |scene| {
        scene.upload(&scene.client_room, "Invoice.pdf");
        while scene.count("move", "done").await == 0 {
            scene.portal.wait_for_deliveries().await;
            scene.worker.decide_next().await.unwrap();
            scene.worker.process_next().await.unwrap();
        }
        assert_eq!(scene.count("notify", "waiting").await, 1);
        scene.crash_and_restart().await;
        scene.work_to_the_end().await;
        assert_eq!(
            (
                scene.calls("PUT", "fileops/move"),
                scene.count("notify", "done").await
            ),
            (1, 1)
        );
    })
    .await;
}

#[tokio::test]
async fn an_operation_that_is_still_queued_is_not_submitted_again() {
    scenario(async |scene| {
        scene.portal.set_operation_time(Duration::from_secs(2));
        scene.portal.inject_fault(Fault {
            method: Some("PUT"),
            path_contains: "fileops",
            times: 1,
            effect: FaultEffect::DropAfter,
        });
        scene.upload(&scene.client_room, "plan.docx");
        scene.work().await;
        scene.crash_and_restart().await;
        // The call was long ago, but the portal lists an operation that it may have started.
        scene.clock.advance(Duration::from_mins(5));
        scene.work().await;
        assert_eq!(
            (
                scene.calls("PUT", "fileops/copy"),
                scene.count("copy", "waiting").await
            ),
            (1, 1)
        );
        scene.portal.wait_for_operations().await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
        assert_eq!(scene.calls("PUT", "fileops/copy"), 1);
    })
    .await;
}

#[tokio::test]
async fn a_result_that_another_client_consumed_is_found_in_the_destination() {
    scenario(async |scene| {
        for title in ["plan.docx", "plan.docx", "Invoice.pdf"] {
            scene.upload(&scene.client_room, title);
        }
        let failpoints = Failpoints::stop_at(Failpoint::OperationStored);
        scene.restart_with(failpoints.clone()).await;
        tokio::select! {
            () = scene.work_to_the_end() => panic!("nothing was stopped"),
        () = failpoints.reached() => {}
        }
        scene.portal.wait_for_operations().await;
        scene.portal.forget_results();
        scene.crash_and_restart().await;
        scene.work_to_the_end().await;
        assert_eq!(
            scene.titles(&scene.internal),
            ["Invoice.pdf", "plan (1).docx", "plan.docx"]
        );
        // One call with two files, and one with the second file of the same title.
        assert_eq!(scene.calls("PUT", "fileops/copy"), 2);
    })
    .await;
}

#[tokio::test]
async fn the_copy_of_a_title_with_a_number_is_recognised() {
    is_recognised("plan (1).docx").await;
}

#[tokio::test]
async fn the_copy_of_a_title_too_long_for_a_number_is_recognised() {
    for length in [160, 161, 165] {
        is_recognised(&format!("{}.docx", "x".repeat(length))).await;
    }
}

/// Uploads three files with this title, loses the outcome of each copy, and counts the calls.
async fn is_recognised(title: &str) {
    scenario(async |scene| {
        for _ in 0..3 {
            scene.upload(&scene.client_room, title);
        }
        for _ in 0..3 {
            let failpoints = Failpoints::stop_at(Failpoint::OperationStored);
            scene.restart_with(failpoints.clone()).await;
            tokio::select! {
                () = scene.work_to_the_end() => panic!("nothing was stopped"),
            () = failpoints.reached() => {}
            }
            scene.portal.wait_for_operations().await;
            scene.portal.forget_results();
        }
        scene.crash_and_restart().await;
        scene.work_to_the_end().await;
        assert_eq!(scene.calls("PUT", "fileops/copy"), 3);
        assert_eq!(scene.titles(&scene.internal).len(), 3);
    })
    .await;
}
