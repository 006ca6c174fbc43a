//! What a listing of the watched rooms takes for an upload, after the webhook may have been off.

use std::time::Duration;

use docspace_courier::catch_up::ListRooms;
use docspace_sandbox::{Fault, FaultEffect, FileId, UploadEvents};

use crate::bounds::{STATE_BOUND, until};
use crate::scene::{Scene, TRIGGERS, scenario};

/// Catches up once, an hour before anything else happens.
async fn catch_up_first(scene: &Scene) {
    let catch_up = scene.catch_up();
    catch_up.run_once(ListRooms::IfNeeded).await.unwrap();
    scene.clock.advance(Duration::from_hours(1));
}

/// How many uploads a listing finds.
async fn found(scene: &Scene) -> Option<usize> {
    let catch_up = scene.catch_up();
    catch_up.run_once(ListRooms::Always).await.unwrap().found
}

#[tokio::test]
async fn a_file_whose_upload_no_event_reported_is_copied_although_a_later_change_was_reported() {
    scenario(async |scene| {
        catch_up_first(scene).await;
        scene.portal.set_webhook_triggers(scene.webhook, &[]);
        scene.portal.set_webhook_enabled(scene.webhook, false);
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.clock.advance(Duration::from_secs(10));
        scene.portal.set_webhook_enabled(scene.webhook, true);
        scene.portal.edit(&file, b"plan.docx");
        scene.work().await;
        assert_eq!(scene.titles(&scene.internal), Vec::<String>::new());
        assert_eq!(found(scene).await, Some(1));
        assert_eq!(found(scene).await, Some(0));
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}

#[tokio::test]
async fn what_led_to_a_reported_state_is_not_found_again_after_a_new_title() {
    scenario(async |scene| {
        catch_up_first(scene).await;
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.clock.advance(Duration::from_secs(10));
        scene
            .portal
            .overwrite(&file, b"two", UploadEvents::Uploaded);
        scene.work().await;
        scene.clock.advance(Duration::from_secs(10));
        scene.portal.rename(&file, "a new title.docx");
        // The change of the webhook may mean that it was off.
        scene.portal.set_webhook_triggers(scene.webhook, &TRIGGERS);
        assert_eq!(found(scene).await, Some(0));
        scene.work_to_the_end().await;
        assert_eq!(scene.contents(&scene.internal).len(), 2);
    })
    .await;
}

/// Delivers a file, and then changes it while the webhook is disabled.
async fn overwrite_unreported(scene: &Scene, file: &FileId) {
    scene.portal.wait_for_deliveries().await;
    scene.clock.advance(Duration::from_secs(10));
    scene.portal.set_webhook_enabled(scene.webhook, false);
    scene.portal.overwrite(file, b"two", UploadEvents::Uploaded);
}

#[tokio::test]
async fn a_listing_that_began_before_the_webhook_was_disabled_loses_no_upload() {
    scenario(async |scene| {
        catch_up_first(scene).await;
        scene.portal.inject_fault(Fault {
            method: Some("GET"),
            path_contains: "files/",
            times: 1,
            effect: FaultEffect::Status(500),
        });
        let interrupted = scene.catch_up().run_once(ListRooms::Always).await;
        assert!(interrupted.is_err());
        let file = scene.upload(&scene.client_room, "plan.docx");
        overwrite_unreported(scene, &file).await;
        scene.portal.set_webhook_enabled(scene.webhook, true);
        assert_eq!(found(scene).await, Some(1), "the listing goes on");
        scene.work_to_the_end().await;
        assert_eq!(scene.contents(&scene.internal).len(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_upload_after_the_webhook_was_disabled_in_the_middle_of_a_run_is_not_lost() {
    scenario(async |scene| {
        catch_up_first(scene).await;
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.portal.wait_for_deliveries().await;
        scene.portal.inject_fault(Fault {
            method: Some("GET"),
            path_contains: "files/",
            times: 1,
            effect: FaultEffect::Hold,
        });
        let catch_up = scene.catch_up();
        let run = tokio::spawn(async move { catch_up.run_once(ListRooms::Always).await });
        until(STATE_BOUND, "the first page is asked for", async || {
            scene.portal.held_calls() > 0
        })
        .await;
        overwrite_unreported(scene, &file).await;
        scene.portal.retain_faults(|_| false);
        scene.portal.release_held_calls().await;
        assert_eq!(run.await.unwrap().unwrap().found, Some(0));
        scene.portal.set_webhook_enabled(scene.webhook, true);
        let next = scene.catch_up().run_once(ListRooms::IfNeeded).await;
        assert_eq!(next.unwrap().found, Some(1));
        scene.work_to_the_end().await;
        assert_eq!(scene.contents(&scene.internal).len(), 2);
    })
    .await;
}
