//! Missed events are fetched from the portal's delivery log, or found by listing the watched rooms.

use std::time::Duration;

use docspace_courier::catch_up::{ListRooms, WebhookState};
use docspace_sandbox::UploadEvents;

use crate::scene::{Leftover, Scene, TRIGGERS, scenario};

impl Scene {
    /// Handles one upload and catches up once, so that the last healthy check of the webhook is recorded.
    async fn catch_up_once(&self) {
        self.upload(&self.client_room, "before.txt");
        self.work().await;
        let report = self.catch_up().run_once(ListRooms::Always).await.unwrap();
        assert_eq!((report.webhook, report.fetched), (WebhookState::On, 0));
        self.clock.advance(Duration::from_hours(1));
    }
}

#[tokio::test]
async fn deliveries_that_failed_while_the_service_was_down_are_handled_after_the_start() {
    scenario(async |scene| {
        scene.leaving(Leftover::FailedDeliveries, 122);
        scene.catch_up_once().await;
        scene.stop_receiving().await;
        for number in 0..120 {
            scene.upload(&scene.client_room, &format!("plan {number}.docx"));
        }
        scene.portal.upload(
            &scene.client_room,
            "Invoice.pdf",
            b"1",
            UploadEvents::CreatedAndUploaded,
        );
        scene.portal.wait_for_deliveries().await;
        scene.clock.advance(Duration::from_mins(5));
        scene.start_receiving();

        let report = scene
            .catch_up()
            .run_once(ListRooms::IfNeeded)
            .await
            .unwrap();
        assert_eq!(
            (report.undelivered, report.fetched, report.under_way),
            (122, 122, 0)
        );
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 122);
        assert_eq!(scene.titles(&scene.incoming), ["Invoice.pdf"]);
        assert_eq!(scene.count("notify", "done").await, 1);

        // The rows stay in the log forever; reading them again changes nothing.
        scene.clock.advance(Duration::from_mins(5));
        assert_eq!(
            scene
                .catch_up()
                .run_once(ListRooms::Always)
                .await
                .unwrap()
                .fetched,
            0
        );
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 122);
    })
    .await;
}

#[tokio::test]
async fn a_first_start_after_the_uploads_finds_them_too() {
    scenario(async |scene| {
        scene.leaving(Leftover::FailedDeliveries, 2);
        scene.stop_receiving().await;
        scene.upload(&scene.client_room, "early.txt");
        scene.portal.wait_for_deliveries().await;
        scene.clock.advance(Duration::from_mins(1));
        let report = scene.catch_up().run_once(ListRooms::Always).await.unwrap();
        assert_eq!((report.webhook, report.fetched), (WebhookState::On, 1));
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["early.txt"]);
    })
    .await;
}

#[tokio::test]
async fn a_dead_letter_is_not_revived_by_reading_the_log() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.leaving(Leftover::FailedDeliveries, 1);
        scene.catch_up_once().await;
        scene.stop_receiving().await;
        let file = scene.upload(&scene.client_room, "gone.txt");
        scene.portal.wait_for_deliveries().await;
        scene.portal.delete(&file);
        scene.clock.advance(Duration::from_mins(1));
        for _ in 0..3 {
            scene
                .catch_up()
                .run_once(ListRooms::IfNeeded)
                .await
                .unwrap();
            scene.work_to_the_end().await;
            assert_eq!(scene.dead_code().await.as_deref(), Some("file_gone"));
            scene.clock.advance(Duration::from_mins(1));
        }
        assert_eq!(scene.calls("PUT", "fileops/copy"), 2);
    })
    .await;
}

#[tokio::test]
async fn uploads_while_the_webhook_was_off_are_found_in_the_rooms() {
    for deleted in [false, true] {
        scenario(async |scene| {
            scene.catch_up_once().await;
            let deep = scene.portal.create_folder(&scene.subfolder, "deep");
            if deleted {
                scene.portal.delete_webhook(scene.webhook);
            } else {
                scene.portal.set_webhook_enabled(scene.webhook, false);
            }
            scene.upload(&scene.client_room, "missed.txt");
            scene.upload(&deep, "Invoice missed.pdf");
            scene.upload(&scene.portal.seed().other_room.clone(), "other room.txt");

            let report = scene
                .catch_up()
                .run_once(ListRooms::IfNeeded)
                .await
                .unwrap();
            assert_eq!((report.webhook, report.found), (WebhookState::Off, Some(2)));
            scene.work_to_the_end().await;

            // The webhook is still off: the next catch-up finds the new upload, and not the old ones again.
            scene.clock.advance(Duration::from_mins(5));
            scene.upload(&scene.client_room, "missed later.txt");
            assert_eq!(
                scene
                    .catch_up()
                    .run_once(ListRooms::IfNeeded)
                    .await
                    .unwrap()
                    .found,
                Some(1)
            );
            scene.work_to_the_end().await;

            // The webhook is on again, after one more upload since the last catch-up.
            scene.upload(&scene.client_room, "missed last.txt");
            if deleted {
                scene.portal.add_webhook(&scene.address, &TRIGGERS);
            } else {
                scene.portal.set_webhook_enabled(scene.webhook, true);
            }
            scene.clock.advance(Duration::from_mins(5));
            let report = scene
                .catch_up()
                .run_once(ListRooms::IfNeeded)
                .await
                .unwrap();
            assert_eq!((report.webhook, report.found), (WebhookState::On, Some(1)));
            scene.work_to_the_end().await;
            assert_eq!(
                scene.titles(&scene.internal),
                [
                    "Invoice missed.pdf",
                    "before.txt",
                    "missed last.txt",
                    "missed later.txt",
                    "missed.txt"
                ]
            );
            assert_eq!(scene.titles(&scene.incoming), ["Invoice missed.pdf"]);
            assert_eq!(
                scene
                    .catch_up()
                    .run_once(ListRooms::IfNeeded)
                    .await
                    .unwrap()
                    .found,
                None
            );
        })
        .await;
    }
}

#[tokio::test]
async fn a_webhook_that_was_off_between_two_turns_is_noticed_at_the_start() {
    scenario(async |scene| {
        scene.catch_up_once().await;
        scene.portal.set_webhook_enabled(scene.webhook, false);
        scene.upload(&scene.client_room, "missed.txt");
        scene.portal.set_webhook_enabled(scene.webhook, true);
        scene.clock.advance(Duration::from_mins(1));
        assert_eq!(
            scene
                .catch_up()
                .run_once(ListRooms::Always)
                .await
                .unwrap()
                .found,
            Some(1)
        );
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["before.txt", "missed.txt"]);
    })
    .await;
}

#[tokio::test]
async fn a_file_overwritten_while_the_webhook_was_off_is_copied_again() {
    scenario(async |scene| {
        let file = scene.portal.upload(
            &scene.client_room,
            "plan.docx",
            b"one",
            UploadEvents::Uploaded,
        );
        scene.work().await;
        scene
            .catch_up()
            .run_once(ListRooms::IfNeeded)
            .await
            .unwrap();
        scene.clock.advance(Duration::from_hours(1));
        scene.portal.overwrite(&file, b"two", UploadEvents::None);
        scene.catch_up().run_once(ListRooms::Always).await.unwrap();
        scene.work_to_the_end().await;
        assert_eq!(scene.contents(&scene.internal), [b"one", b"two"]);
    })
    .await;
}

#[tokio::test]
async fn a_key_without_the_webhook_scope_is_reported_and_not_an_error() {
    scenario(async |scene| {
        scene.catch_up_once().await;
        scene
            .portal
            .set_scopes(&["files:write", "rooms:read", "accounts.self:read"]);
        let report = scene
            .catch_up()
            .run_once(ListRooms::IfNeeded)
            .await
            .unwrap();
        assert_eq!(report.webhook, WebhookState::Hidden);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work().await;
        assert_eq!(scene.titles(&scene.internal), ["before.txt", "plan.docx"]);
    })
    .await;
}
