//! Missed events are fetched from the portal's delivery log, or found by listing the watched rooms.

use std::time::Duration;

use docspace_courier::catch_up::{CatchUpError, ListRooms, WebhookState};
use docspace_courier::journal::{self, EventFilter};
use docspace_courier::signature::{SIGNATURE_HEADER, WebhookSecret};
use docspace_sandbox::{Fault, FaultEffect, UploadEvents};
use jiff::{SignedDuration, Timestamp};

use crate::notify::closed_port;
use crate::scene::{Leftover, Scene, TRIGGERS, scenario};

impl Scene {
    /// Handles one upload and catches up once, so that the last healthy check of the webhook is recorded.
    async fn catch_up_once(&self) {
        self.upload(&self.client_room, "before.txt");
        self.work().await;
        let report = self.catch_up().run_once(ListRooms::Always).await.unwrap();
        assert_eq!((report.webhook, report.fetched), (WebhookState::Enabled, 0));
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
        assert_eq!((report.webhook, report.fetched), (WebhookState::Enabled, 1));
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
            assert_eq!(
                (report.webhook, report.found),
                (WebhookState::Disabled, Some(2))
            );
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
            assert_eq!(
                (report.webhook, report.found),
                (WebhookState::Enabled, Some(1))
            );
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
async fn the_webhook_of_another_receiver_says_nothing_about_ours() {
    scenario(async |scene| {
        scene.leaving(Leftover::FailedDeliveries, 2);
        scene.catch_up_once().await;
        let other = format!("http://127.0.0.1:{}/webhook", closed_port());
        scene.portal.add_webhook(&other, &TRIGGERS);
        scene.portal.set_webhook_enabled(scene.webhook, false);
        scene.upload(&scene.client_room, "missed.txt");

        let report = scene.catch_up().run_once(ListRooms::IfNeeded).await;
        let report = report.unwrap();
        let fetched = (report.webhook, report.fetched, report.found);
        assert_eq!(fetched, (WebhookState::Disabled, 0, Some(1)));
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
        scene.portal.set_webhook_enabled(scene.webhook, false);
        scene
            .portal
            .overwrite(&file, b"two", UploadEvents::Uploaded);
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

#[tokio::test]
async fn files_that_people_rename_or_edit_are_not_copied_again_after_a_restart() {
    for is_reported in [true, false] {
        scenario(async |scene| {
            if is_reported {
                scene.portal.set_webhook_triggers(scene.webhook, &[]);
            }
            let renamed = scene.upload(&scene.client_room, "renamed.docx");
            let edited = scene.upload(&scene.client_room, "edited.docx");
            scene.work().await;
            scene.catch_up().run_once(ListRooms::Always).await.unwrap();
            scene.clock.advance(Duration::from_hours(1));
            scene.portal.rename(&renamed, "a new title.docx");
            scene.portal.edit(&edited, b"a new content");
            scene.work().await;
            scene.crash_and_restart().await;
            let report = scene.catch_up().run_once(ListRooms::Always).await.unwrap();
            scene.work_to_the_end().await;
            assert_eq!(
                scene.titles(&scene.internal),
                ["edited.docx", "renamed.docx"],
                "reported: {is_reported}"
            );
            assert_eq!(report.found, Some(0));
            let asked = if is_reported { 0 } else { 2 };
            assert_eq!(scene.calls("GET", "/log?fromDate"), asked);
        })
        .await;
    }
}

#[tokio::test]
async fn a_file_renamed_while_the_webhook_was_off_is_not_copied_again() {
    scenario(async |scene| {
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.work().await;
        scene.catch_up().run_once(ListRooms::Always).await.unwrap();
        scene.clock.advance(Duration::from_hours(1));
        scene.portal.set_webhook_enabled(scene.webhook, false);
        scene.portal.rename(&file, "a new title.docx");
        for _ in 0..2 {
            let catch_up = scene.catch_up();
            let report = catch_up.run_once(ListRooms::Always).await.unwrap();
            assert_eq!(report.found, Some(0));
            scene.work_to_the_end().await;
        }
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
        let (_, outcome, reason) = scene.decisions().await.pop().unwrap();
        assert_eq!(outcome, "ignored");
        assert!(reason.contains("file.updated"), "{reason}");
    })
    .await;
}

#[tokio::test]
async fn the_log_of_a_portal_in_any_time_zone_is_read() {
    const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
    const LOS_ANGELES: &str = "PST8PDT,M3.2.0,M11.1.0";

    // The hours around a change of daylight saving, one of which is missing or occurs twice.
    for (zone, first) in [
        ("IST-5:30", "2026-03-02T12:00:00Z"),
        ("PST8", "2026-03-02T12:00:00Z"),
        (BERLIN, "2026-03-29T01:30:00Z"),
        (BERLIN, "2026-10-25T01:30:00Z"),
        (LOS_ANGELES, "2026-03-08T01:30:00Z"),
        (LOS_ANGELES, "2026-11-01T00:30:00Z"),
    ] {
        scenario(async |scene| {
            scene.leaving(Leftover::FailedDeliveries, 4);
            scene.portal.set_log_time_zone(zone).unwrap();
            let first: Timestamp = first.parse().unwrap();
            let before = first - SignedDuration::from_hours(1);
            let wait = before.duration_since(scene.clock.now());
            scene.clock.advance(wait.try_into().unwrap());
            scene.catch_up_once().await;
            scene.stop_receiving().await;
            let mut expected = vec!["before.txt".to_owned()];
            for number in 0..4 {
                let title = format!("missed {number}.txt");
                scene.upload(&scene.client_room, &title);
                expected.push(title);
                scene.portal.wait_for_deliveries().await;
                scene.clock.advance(Duration::from_hours(1));
            }
            scene.start_receiving();
            let catch_up = scene.catch_up();
            let report = catch_up.run_once(ListRooms::IfNeeded).await.unwrap();
            assert_eq!((report.fetched, report.under_way), (4, 0), "{zone} {first}");
            scene.work_to_the_end().await;
            assert_eq!(scene.titles(&scene.internal), expected, "{zone} {first}");

            let again = catch_up.run_once(ListRooms::IfNeeded).await.unwrap();
            assert_eq!(again.fetched, 0, "{zone} {first}");
            scene.work_to_the_end().await;
            assert_eq!(scene.calls("PUT", "fileops/copy"), 2, "{zone} {first}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_log_that_moves_while_it_is_read_is_read_to_its_end() {
    scenario(async |scene| {
        scene.catch_up_once().await;
        scene.stop_receiving().await;
        for number in 0..420 {
            scene.upload(&scene.client_room, &format!("plan {number}.docx"));
        }
        scene.portal.wait_for_deliveries().await;
        scene.clock.advance(Duration::from_mins(5));
        scene.start_receiving();
        // Each page of the log shifts what follows by more rows than two pages have in common.
        scene.portal.set_delivered_per_log_page(25);
        let catch_up = scene.catch_up();
        catch_up.run_once(ListRooms::IfNeeded).await.unwrap();
        scene.portal.set_delivered_per_log_page(420);
        catch_up.run_once(ListRooms::IfNeeded).await.unwrap();
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 421);
    })
    .await;
}

#[tokio::test]
async fn a_reading_that_breaks_off_is_done_again() {
    scenario(async |scene| {
        scene.leaving(Leftover::FailedDeliveries, 120);
        scene.catch_up_once().await;
        scene.stop_receiving().await;
        for number in 0..120 {
            scene.upload(&scene.client_room, &format!("plan {number}.docx"));
        }
        scene.portal.wait_for_deliveries().await;
        scene.clock.advance(Duration::from_mins(40));
        scene.start_receiving();
        scene.portal.inject_fault(Fault {
            method: Some("GET"),
            path_contains: "startIndex=90",
            times: 1,
            effect: FaultEffect::Status(400),
        });
        let catch_up = scene.catch_up();
        let failed = catch_up.run_once(ListRooms::IfNeeded).await;
        assert!(failed.is_err(), "{failed:?}");
        scene.clock.advance(Duration::from_mins(40));
        catch_up.run_once(ListRooms::IfNeeded).await.unwrap();
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 121);
    })
    .await;
}

#[tokio::test]
async fn a_log_that_grows_faster_than_it_is_read_is_read_again_later() {
    scenario(async |scene| {
        scene.catch_up_once().await;
        scene.stop_receiving().await;
        for number in 0..150 {
            scene.upload(&scene.client_room, &format!("plan {number}.docx"));
        }
        scene.portal.wait_for_deliveries().await;
        scene.clock.advance(Duration::from_mins(5));
        scene.start_receiving();
        scene.portal.set_added_per_log_page(100);
        let catch_up = scene.catch_up();
        let failed = catch_up.run_once(ListRooms::IfNeeded).await;
        assert!(
            matches!(failed, Err(CatchUpError::LogKeepsGrowing)),
            "{failed:?}"
        );
        scene.portal.set_added_per_log_page(0);
        scene.clock.advance(Duration::from_mins(40));
        catch_up.run_once(ListRooms::IfNeeded).await.unwrap();
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 151);
        // Nothing is left to deliver.
        scene.portal.set_delivered_per_log_page(usize::MAX);
        catch_up.run_once(ListRooms::IfNeeded).await.unwrap();
    })
    .await;
}

/// A signed delivery of an upload that another portal sends with the same secret.
pub async fn deliver(scene: &Scene, body: &str) -> String {
    let signature = WebhookSecret::new(scene.portal.secret()).sign(body.as_bytes());
    let response = reqwest::Client::builder()
        .build()
        .unwrap()
        .post(&scene.address)
        .header(SIGNATURE_HEADER, signature)
        .body(body.to_owned())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status().as_u16(), 200);
    response.text().await.unwrap()
}

#[tokio::test]
async fn another_event_under_a_known_key_is_stored_and_handled() {
    scenario(async |scene| {
        let portal = &scene.portal;
        portal.set_webhook_enabled(scene.webhook, false);
        let body = |title: &str| {
            let content = title.as_bytes();
            let file = portal.upload(&scene.client_room, title, content, UploadEvents::None);
            format!(
                r#"{{"event":{{"id":7,"createOn":"2026-03-02T09:00:00Z","trigger":"file.uploaded"}},"payload":{{"id":{file},"parentId":{room},"title":"{title}","modifiedOn":"2026-03-02T09:00:00Z","fileEntryType":2}},"webhook":{{"id":417}}}}"#,
                room = scene.client_room,
            )
        };
        let (one, other) = (body("one.txt"), body("other.txt"));
        for (body, expected) in [
            (&one, "accepted"),
            (&other, "accepted"),
            (&one, "duplicate"),
            (&other, "duplicate"),
        ] {
            let response = deliver(scene, body).await;
            assert!(response.contains(expected), "{response}");
        }
        scene.work().await;
        assert_eq!(scene.titles(&scene.internal), ["one.txt", "other.txt"]);
        let listed = scene.db.read(|sql| journal::list(sql, &EventFilter::default(), 10));
        let numbers = listed.await.unwrap().into_iter().map(|event| event.docspace_numbers());
        let expected = Some("event 7 of webhook 417".to_owned());
        assert_eq!(numbers.collect::<Vec<_>>(), [expected.clone(), expected]);
    })
    .await;
}
