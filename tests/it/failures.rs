//! Errors are read as what they are.

use std::time::Duration;

use docspace_courier::sandbox::{Announced, Fault, FaultEffect};

use crate::scene::{Leftover, MAX_ATTEMPTS, scenario};

fn fault(
    method: &'static str,
    path_contains: &'static str,
    times: u32,
    effect: FaultEffect,
) -> Fault {
    Fault {
        method: Some(method),
        path_contains,
        times,
        effect,
    }
}

#[tokio::test]
async fn a_portal_that_fails_now_and_then_is_asked_again() {
    for effect in [
        FaultEffect::Status(500),
        FaultEffect::Status(503),
        FaultEffect::Status(502),
        FaultEffect::Status(429),
        FaultEffect::StatusWithRetryAfter(429, 30),
        FaultEffect::StatusAfterDoing(500),
        FaultEffect::StatusAfterDoing(504),
        FaultEffect::DropBefore,
        FaultEffect::DropAfter,
        FaultEffect::OperationError("Es ist ein Fehler aufgetreten"),
        FaultEffect::OperationVanishes,
    ] {
        scenario(async |scene| {
            scene
                .portal
                .fail(fault("PUT", "fileops/copy", 3, effect.clone()));
            scene
                .portal
                .fail(fault("PUT", "fileops/move", 2, effect.clone()));
            scene.upload(&scene.client_room, "Invoice.pdf");
            scene.upload(&scene.client_room, "plan.docx");
            scene.work_to_the_end().await;
            assert_eq!(
                scene.titles(&scene.internal),
                ["Invoice.pdf", "plan.docx"],
                "{effect:?}"
            );
            assert_eq!(scene.titles(&scene.incoming), ["Invoice.pdf"], "{effect:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_lost_status_or_path_is_asked_for_again() {
    for effect in [
        FaultEffect::Status(500),
        FaultEffect::Status(429),
        FaultEffect::DropAfter,
    ] {
        scenario(async |scene| {
            scene
                .portal
                .fail(fault("GET", "fileops", 2, effect.clone()));
            scene.portal.fail(fault("GET", "/path", 2, effect.clone()));
            scene.upload(&scene.subfolder, "plan.docx");
            scene.work_to_the_end().await;
            assert_eq!(scene.titles(&scene.internal), ["plan.docx"], "{effect:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn after_a_pause_events_are_decided_as_soon_as_the_portal_may_be_asked() {
    scenario(async |scene| {
        scene
            .portal
            .fail(fault("GET", "/path", 1, FaultEffect::Status(429)));
        scene.upload(&scene.subfolder, "plan.docx");
        scene.work().await;
        assert_eq!(scene.titles(&scene.internal), [""; 0]);
        scene.clock.advance(Duration::from_secs(1));
        scene.work().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_gone_is_given_up_at_once() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.portal.deliveries_settled().await;
        scene.portal.delete(&file);
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some("file_gone"));
        assert_eq!(scene.calls("PUT", "fileops/copy"), 1);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_open_or_locked_is_moved_once_it_is_free() {
    scenario(async |scene| {
        let open = scene.upload(&scene.client_room, "Invoice 1.pdf");
        let locked = scene.upload(&scene.client_room, "Invoice 2.pdf");
        scene.portal.open_in_editor(&open, true);
        scene.portal.lock(&locked, true);
        scene.work().await;
        scene.clock.advance(Duration::from_mins(5));
        scene.work().await;
        assert_eq!(scene.count("move", "waiting").await, 2);
        assert_eq!(scene.titles(&scene.incoming), Vec::<String>::new());
        scene.portal.open_in_editor(&open, false);
        scene.portal.lock(&locked, false);
        scene.work_to_the_end().await;
        assert_eq!(
            scene.titles(&scene.incoming),
            ["Invoice 1.pdf", "Invoice 2.pdf"]
        );
    })
    .await;
}

#[tokio::test]
async fn without_right_it_is_given_up_and_other_files_go_on() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let file = scene.upload(&scene.client_room, "secret.docx");
        scene.portal.forbid(&file);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some("no_right"));
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}

#[tokio::test]
async fn a_destination_that_is_closed_gone_or_a_form_room_is_named() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.portal.forbid_destination(&scene.internal);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some("no_right"));
    })
    .await;

    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.portal.delete_folder(&scene.internal);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some("destination_gone"));
    })
    .await;

    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene
            .portal
            .make_form_room(&scene.portal.seed().internal_room.clone());
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some("form_room"));
    })
    .await;
}

#[tokio::test]
async fn what_never_succeeds_becomes_a_dead_letter_and_a_redelivery_revives_it() {
    scenario(async |scene| {
        scene.portal.fail(fault(
            "PUT",
            "fileops/copy",
            MAX_ATTEMPTS,
            FaultEffect::OperationError("no"),
        ));
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some("attempts_used_up"));
        assert_eq!(scene.calls("PUT", "fileops/copy"), MAX_ATTEMPTS as usize);

        let uploaded = scene.portal.log().into_iter().next().unwrap();
        scene.portal.retry_delivery(uploaded.event);
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}

#[tokio::test]
async fn a_refused_key_or_a_portal_that_is_down_costs_no_attempts() {
    for down in [true, false] {
        scenario(async |scene| {
            let disturb = |on: bool| {
                if down {
                    scene.portal.set_down(on);
                } else {
                    scene.portal.set_key_valid(!on);
                }
            };
            disturb(true);
            for number in 0..10 {
                scene.upload(&scene.client_room, &format!("Invoice {number}.pdf"));
                scene.upload(&scene.subfolder, &format!("plan {number}.docx"));
            }
            for _ in 0..200 {
                scene.work().await;
                scene.clock.advance(Duration::from_secs(30));
            }
            assert!(
                scene.portal.calls().len() < 300,
                "{}",
                scene.portal.calls().len()
            );
            disturb(false);
            scene.work_to_the_end().await;
            assert_eq!(scene.titles(&scene.internal).len(), 20);
            assert_eq!(scene.titles(&scene.incoming).len(), 10);
        })
        .await;
    }
}

#[tokio::test]
async fn a_key_that_may_not_ask_who_it_is_still_finds_the_portal_well_again() {
    scenario(async |scene| {
        scene.portal.set_scopes(&["files:write", "rooms:read"]);
        scene.portal.set_down(true);
        for number in 0..10 {
            scene.upload(&scene.client_room, &format!("plan {number}.docx"));
        }
        scene.work().await;
        scene.clock.advance(Duration::from_mins(5));
        scene.portal.set_down(false);
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 10);
    })
    .await;
}

#[tokio::test]
async fn a_refused_key_proves_nothing_about_a_call_whose_answer_was_lost() {
    scenario(async |scene| {
        scene
            .portal
            .fail(fault("PUT", "fileops/copy", 1, FaultEffect::DropAfter));
        scene.upload(&scene.client_room, "plan.docx");
        scene.work().await;
        scene.portal.set_key_valid(false);
        for _ in 0..5 {
            scene.clock.advance(Duration::from_mins(1));
            scene.work().await;
        }
        scene.portal.set_key_valid(true);
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}

#[tokio::test]
async fn a_folder_that_is_gone_is_an_answer_and_a_closed_one_is_a_dead_letter() {
    scenario(async |scene| {
        let folder = scene
            .portal
            .create_folder(&scene.client_room, "short-lived");
        let file = scene.upload(&folder, "plan.docx");
        scene.portal.deliveries_settled().await;
        scene.portal.delete(&file);
        scene.portal.delete_folder(&folder);
        scene.work_to_the_end().await;
        for (_, outcome, _) in scene.decisions().await {
            assert_eq!(outcome, "ignored");
        }
    })
    .await;

    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene
            .portal
            .fail(fault("GET", "/path", 100, FaultEffect::Status(403)));
        scene.upload(&scene.subfolder, "plan.docx");
        scene.work_to_the_end().await;
        let state: String = scene
            .db
            .read(|sql| sql.query_one("SELECT state FROM events", &[], |row| row.get(0)))
            .await
            .unwrap();
        assert_eq!(state, "dead");
    })
    .await;
}

#[tokio::test]
async fn one_file_one_thing_at_a_time_in_the_order_things_happened() {
    scenario(async |scene| {
        scene.portal.fail(fault(
            "PUT",
            "fileops/copy",
            2,
            FaultEffect::OperationError("busy"),
        ));
        let file =
            scene
                .portal
                .upload(&scene.client_room, "plan.docx", b"one", Announced::Uploaded);
        scene.work().await;
        scene.clock.advance(Duration::from_millis(500));
        scene.portal.overwrite(&file, b"two", Announced::Uploaded);
        scene.work().await;
        // The second upload waits behind the first, which waits for its next attempt.
        assert_eq!(scene.count("copy", "waiting").await, 2);
        assert_eq!(scene.calls("PUT", "fileops/copy"), 1);
        scene.work_to_the_end().await;
        assert_eq!(scene.count("copy", "done").await, 2);
    })
    .await;
}
