//! Each error of the portal is handled according to its class: retry, wait, or fail permanently.

use std::time::Duration;

use docspace_courier::db::Sql;
use docspace_sandbox::{Fault, FaultEffect, UploadEvents};

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
async fn failed_calls_are_retried() {
    for effect in [
        FaultEffect::Status(500),
        FaultEffect::Status(503),
        FaultEffect::Status(502),
        FaultEffect::Status(429),
        FaultEffect::StatusWithRetryAfter(429, 30),
        FaultEffect::StatusAfter(500),
        FaultEffect::StatusAfter(504),
        FaultEffect::DropBefore,
        FaultEffect::DropAfter,
        FaultEffect::OperationError("Es ist ein Fehler aufgetreten"),
        FaultEffect::OperationResultLost,
    ] {
        scenario(async |scene| {
            scene
                .portal
                .inject_fault(fault("PUT", "fileops/copy", 3, effect.clone()));
            scene
                .portal
                .inject_fault(fault("PUT", "fileops/move", 2, effect.clone()));
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
async fn failed_status_and_path_requests_are_retried() {
    for effect in [
        FaultEffect::Status(500),
        FaultEffect::Status(429),
        FaultEffect::DropAfter,
    ] {
        scenario(async |scene| {
            scene
                .portal
                .inject_fault(fault("GET", "fileops", 2, effect.clone()));
            scene
                .portal
                .inject_fault(fault("GET", "/path", 2, effect.clone()));
            scene.upload(&scene.subfolder, "plan.docx");
            scene.work_to_the_end().await;
            assert_eq!(scene.titles(&scene.internal), ["plan.docx"], "{effect:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn after_a_rate_limit_events_are_decided_as_soon_as_calls_are_allowed() {
    scenario(async |scene| {
        scene
            .portal
            .inject_fault(fault("GET", "/path", 1, FaultEffect::Status(429)));
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
async fn a_deleted_file_fails_permanently_at_once() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.portal.wait_for_deliveries().await;
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
async fn a_missing_permission_fails_permanently_and_other_files_continue() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let file = scene.upload(&scene.client_room, "secret.docx");
        scene.portal.make_file_read_only(&file);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some("no_right"));
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}

#[tokio::test]
async fn an_unusable_destination_is_a_dead_letter_with_its_reason() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.portal.make_folder_read_only(&scene.internal);
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
async fn an_action_that_never_succeeds_becomes_a_dead_letter_and_a_redelivery_replays_it() {
    scenario(async |scene| {
        scene.portal.inject_fault(fault(
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
async fn a_key_without_the_account_scope_still_notices_that_the_portal_recovered() {
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
            .inject_fault(fault("PUT", "fileops/copy", 1, FaultEffect::DropAfter));
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
async fn events_of_a_deleted_folder_are_ignored_and_those_of_a_forbidden_one_are_dead_letters() {
    scenario(async |scene| {
        let folder = scene
            .portal
            .create_folder(&scene.client_room, "short-lived");
        let file = scene.upload(&folder, "plan.docx");
        scene.portal.wait_for_deliveries().await;
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
            .inject_fault(fault("GET", "/path", 100, FaultEffect::Status(403)));
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
async fn actions_on_one_file_run_one_at_a_time_in_order() {
    scenario(async |scene| {
        scene.portal.inject_fault(fault(
            "PUT",
            "fileops/copy",
            2,
            FaultEffect::OperationError("busy"),
        ));
        let file = scene.portal.upload(
            &scene.client_room,
            "plan.docx",
            b"one",
            UploadEvents::Uploaded,
        );
        scene.work().await;
        scene.clock.advance(Duration::from_millis(500));
        scene
            .portal
            .overwrite(&file, b"two", UploadEvents::Uploaded);
        scene.work().await;
        // The second upload waits for the first, which waits for its next attempt.
        assert_eq!(scene.count("copy", "waiting").await, 2);
        assert_eq!(scene.calls("PUT", "fileops/copy"), 1);
        scene.work_to_the_end().await;
        assert_eq!(scene.count("copy", "done").await, 2);
    })
    .await;
}

/// The statuses with which proxies, firewalls and captive portals respond themselves.
const GATEWAY_STATUSES: [u16; 15] = [
    200, 204, 302, 400, 401, 403, 404, 405, 407, 408, 409, 421, 423, 425, 451,
];

#[tokio::test]
async fn a_gateway_that_responds_in_the_portals_place_uses_up_no_attempt() {
    for status in GATEWAY_STATUSES {
        scenario(async |scene| {
            let all_calls = Fault {
                method: None,
                path_contains: "",
                times: 12,
                effect: FaultEffect::Gateway(status),
            };
            scene.portal.inject_fault(all_calls);
            scene.upload(&scene.client_room, "Invoice.pdf");
            scene.upload(&scene.subfolder, "plan.docx");
            scene.work_to_the_end().await;
            assert_eq!(
                scene.titles(&scene.internal),
                ["Invoice.pdf", "plan.docx"],
                "{status}"
            );
            assert_eq!(scene.titles(&scene.incoming), ["Invoice.pdf"], "{status}");
            assert_eq!(scene.failures().await, 0, "{status}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_call_that_the_portal_executed_is_not_repeated_after_a_gateways_response() {
    for status in [200, 403, 404, 409, 423] {
        scenario(async |scene| {
            let effect = FaultEffect::GatewayAfter(status);
            let copies = fault("PUT", "fileops/copy", 1, effect.clone());
            scene.portal.inject_fault(copies);
            let moves = fault("PUT", "fileops/move", 1, effect);
            scene.portal.inject_fault(moves);
            scene.upload(&scene.client_room, "Invoice.pdf");
            scene.work_to_the_end().await;
            assert_eq!(scene.titles(&scene.internal), ["Invoice.pdf"], "{status}");
            assert_eq!(scene.titles(&scene.incoming), ["Invoice.pdf"], "{status}");
            assert_eq!(scene.calls("PUT", "fileops"), 2, "{status}");
            assert_eq!(scene.failures().await, 0, "{status}");
        })
        .await;
    }
}

#[tokio::test]
async fn an_event_whose_decision_the_store_refuses_holds_up_no_other() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 2);
        let refuse = |sql: &Sql| {
            sql.execute(
                "CREATE UNIQUE INDEX one_plan ON decisions (rule) WHERE outcome = 'planned'",
                &[],
            )
        };
        scene.db.write(refuse).await.unwrap();
        for number in 1..=3 {
            scene.upload(&scene.client_room, &format!("{number}.docx"));
        }
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 1);
    })
    .await;
}
