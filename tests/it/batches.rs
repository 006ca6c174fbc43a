//! Files with the same destination are batched into one call; the outcome of each is known, and one bad file
//! does not fail the rest.

use std::time::Duration;

use docspace_courier::actions::failpoint::{Failpoint, Failpoints};
use docspace_courier::rules::Rule;
use docspace_courier::worker::Progress;
use docspace_sandbox::{Fault, FaultEffect, FileId};

use crate::bounds::{STATE_BOUND, until};
use crate::scene::{Leftover, Scene, scenario};

/// Keeps only the rule that copies, or only the one that moves, without its notification.
fn keep_only(scene: &mut Scene, kind: &str) {
    let mut rules: Vec<Rule> = scene
        .rules()
        .into_iter()
        .filter(|rule| rule.actions[0].kind == kind)
        .collect();
    rules[0].actions.truncate(1);
    scene.change_rules(rules);
}

/// Uploads this many invoices.
fn upload(scene: &Scene, count: usize) -> Vec<FileId> {
    (0..count)
        .map(|number| scene.upload(&scene.client_room, &format!("Invoice {number:04}.pdf")))
        .collect()
}

/// Waits for every delivery and decides it, so that all actions are due before the first call.
async fn decide_all(scene: &Scene) {
    scene.portal.wait_for_deliveries().await;
    while scene.worker.decide_next().await.unwrap() == Progress::Worked {}
}

/// For each state and reason code: the number of actions, and the most attempts of any of them.
async fn states(scene: &Scene) -> Vec<(String, Option<String>, i64, i64)> {
    scene
        .db
        .read(|sql| {
            sql.query(
                "SELECT state, reason_code, count(*), max(attempt) FROM actions
                 GROUP BY state, reason_code ORDER BY state, reason_code",
                &[],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
        })
        .await
        .unwrap()
}

fn state(
    state: &str,
    code: Option<&str>,
    count: i64,
    attempts: i64,
) -> (String, Option<String>, i64, i64) {
    (state.to_owned(), code.map(str::to_owned), count, attempts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_bad_files_in_a_burst_of_a_thousand_cost_one_more_call_each() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 4);
        keep_only(scene, "move");
        let files = upload(scene, 1_000);
        decide_all(scene).await;
        for gone in [&files[0], &files[501], &files[999]] {
            scene.portal.delete(gone);
        }
        for locked in [&files[250], &files[251]] {
            scene.portal.lock(locked, true);
        }
        scene.portal.make_file_read_only(&files[777]);
        scene.work().await;

        // Each call with bad files is repeated once without them; the order in which the deliveries arrived
        // decides which calls these are.
        let calls = scene.portal.calls();
        let refused = calls
            .iter()
            .filter(|call| call.method == "PUT" && call.status != Some(200))
            .count();
        assert!((1..=6).contains(&refused), "{refused}");
        assert_eq!(scene.calls("PUT", "fileops/move"), 10 + refused);
        assert_eq!(
            states(scene).await,
            [
                state("dead", Some("file_gone"), 3, 1),
                state("dead", Some("no_right"), 1, 1),
                state("done", None, 994, 1),
                state("waiting", None, 2, 1),
            ]
        );
        let reads = scene.calls("GET", "");
        assert!(reads < 150, "{reads} reads for {refused} refused calls");

        scene.portal.lock(&files[250], false);
        scene.portal.lock(&files[251], false);
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.incoming).len(), 996);
        assert_eq!(scene.count("move", "done").await, 996);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_takes_one_call_per_hundred_files() {
    scenario(async |scene| {
        keep_only(scene, "copy");
        let files = upload(scene, 250);
        decide_all(scene).await;
        scene.work().await;
        assert_eq!(scene.calls("PUT", "fileops/copy"), 3);
        assert_eq!(scene.titles(&scene.internal).len(), files.len());
    })
    .await;
}

#[tokio::test]
async fn a_file_deleted_during_the_operation_fails_alone() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        keep_only(scene, "copy");
        let files = upload(scene, 20);
        scene.portal.set_operation_time(Duration::from_millis(200));
        let work = scene.work();
        let vanish = async {
            while scene.calls("PUT", "fileops/copy") == 0 {
                tokio::task::yield_now().await;
            }
            scene.portal.delete(&files[7]);
        };
        tokio::join!(work, vanish);
        assert_eq!(
            states(scene).await,
            [
                state("dead", Some("file_gone"), 1, 1),
                state("done", None, 19, 1),
            ]
        );
        assert_eq!(scene.titles(&scene.internal).len(), 19);
    })
    .await;
}

#[tokio::test]
async fn a_lost_response_for_many_files_is_reconciled_with_few_reads() {
    for kind in ["copy", "move"] {
        scenario(async |scene| {
            keep_only(scene, kind);
            upload(scene, 50);
            scene.portal.inject_fault(Fault {
                method: Some("PUT"),
                path_contains: "fileops",
                times: 1,
                effect: FaultEffect::DropAfter,
            });
            scene.work().await;
            scene.portal.wait_for_operations().await;
            scene.portal.forget_results();
            scene.work_to_the_end().await;
            assert_eq!(scene.calls("PUT", "fileops"), 1, "{kind}");
            let reads = scene.calls("GET", "");
            assert!(reads < 15, "{kind}: {reads} reads");
        })
        .await;
    }
}

#[tokio::test]
async fn a_crash_before_the_call_repeats_it_for_all_files() {
    scenario(async |scene| {
        for number in 0..50 {
            scene.upload(&scene.client_room, &format!("plan {number}.docx"));
        }
        let failpoints = Failpoints::stop_at(Failpoint::BeforeCall);
        scene.restart_with(failpoints.clone()).await;
        tokio::select! {
            () = scene.work() => panic!("nothing was stopped"),
        () = failpoints.reached() => {}
        }
        scene.crash_and_restart().await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 50);
        assert_eq!(scene.calls("PUT", "fileops/copy"), 1);
    })
    .await;
}

#[tokio::test]
async fn an_unusable_destination_costs_one_call() {
    for (code, close) in [("destination_gone", 0), ("no_right", 1), ("form_room", 2)] {
        scenario(async |scene| {
            scene.leaving(Leftover::DeadLetters, 80);
            keep_only(scene, "copy");
            upload(scene, 40);
            for number in 0..40 {
                scene.upload(&scene.client_room, &format!("plan {number}.docx"));
            }
            decide_all(scene).await;
            match close {
                0 => scene.portal.delete_folder(&scene.internal),
                1 => scene.portal.make_folder_read_only(&scene.internal),
                _ => scene
                    .portal
                    .make_form_room(&scene.portal.seed().internal_room),
            }
            scene.work().await;
            assert_eq!(states(scene).await, [state("dead", Some(code), 80, 1)]);
            if code != "form_room" {
                assert_eq!(scene.calls("PUT", "fileops/copy"), 1, "{code}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_batch_refused_without_a_cause_is_bisected() {
    scenario(async |scene| {
        keep_only(scene, "copy");
        upload(scene, 40);
        decide_all(scene).await;
        scene.portal.inject_fault(Fault {
            method: Some("PUT"),
            path_contains: "fileops",
            times: 3,
            effect: FaultEffect::Status(415),
        });
        scene.work().await;
        // The calls with 40, 20 and 10 files are refused, those with 5, 5, 10 and 20 are not.
        assert_eq!(scene.calls("PUT", "fileops/copy"), 7);
        assert_eq!(scene.titles(&scene.internal).len(), 40);
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_keeps_failing_is_split_into_smaller_ones() {
    scenario(async |scene| {
        keep_only(scene, "copy");
        upload(scene, 30);
        for _ in 0..3 {
            scene.portal.inject_fault(Fault {
                method: Some("PUT"),
                path_contains: "fileops",
                times: 1,
                effect: FaultEffect::Status(500),
            });
        }
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 30);
        // 30 files; then 25 and 5; then those that failed twice in fives.
        let calls = scene.calls("PUT", "fileops/copy");
        assert!((4..=12).contains(&calls), "{calls}");
    })
    .await;
}

#[tokio::test]
async fn a_folder_path_is_requested_once_for_all_its_files() {
    scenario(async |scene| {
        keep_only(scene, "copy");
        for folder in 0..5 {
            let folder = scene
                .portal
                .create_folder(&scene.subfolder, &format!("folder {folder}"));
            for file in 0..20 {
                scene.upload(&folder, &format!("{folder} {file}.docx"));
            }
        }
        decide_all(scene).await;
        assert_eq!(scene.calls("GET", "/path"), 5);
        scene.work().await;
        assert_eq!(scene.titles(&scene.internal).len(), 100);
    })
    .await;
}

#[tokio::test]
async fn a_failing_folder_path_is_requested_once_per_pass() {
    scenario(async |scene| {
        keep_only(scene, "copy");
        for file in 0..20 {
            scene.upload(&scene.subfolder, &format!("plan {file}.docx"));
        }
        scene.portal.wait_for_deliveries().await;
        scene.portal.inject_fault(Fault {
            method: Some("GET"),
            path_contains: "/path",
            times: 1,
            effect: FaultEffect::Status(500),
        });
        scene.worker.decide_next().await.unwrap();
        assert_eq!(scene.calls("GET", "/path"), 1);
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 20);
    })
    .await;
}

#[tokio::test]
async fn the_halves_of_a_refused_batch_run_at_the_same_time() {
    scenario(async |scene| {
        scene.leaving(Leftover::RunningActions, 40);
        keep_only(scene, "copy");
        upload(scene, 40);
        decide_all(scene).await;
        scene.portal.set_operation_time(Duration::from_hours(1));
        scene.portal.inject_fault(Fault {
            method: Some("PUT"),
            path_contains: "fileops",
            times: 1,
            effect: FaultEffect::Status(415),
        });
        // The refused call, and one for each half.
        let submitted = until(STATE_BOUND, "both halves are submitted", async || {
            scene.calls("PUT", "fileops/copy") == 3
        });
        tokio::select! {
            () = scene.work() => panic!("the attempt has ended"),
            () = submitted => {}
        }
    })
    .await;
}
