//! Files that a person has open or locked: actions wait without using up attempts.

use std::time::Duration;

use docspace_courier::rules::Rule;
use docspace_sandbox::{Fault, FaultEffect};

use crate::scene::{Leftover, Scene, scenario};

/// Keeps only the rule that moves, without its notification.
fn only_move(scene: &mut Scene) {
    let mut rules: Vec<Rule> = scene.rules().into_iter().skip(1).collect();
    rules[0].actions.truncate(1);
    scene.change_rules(rules);
}

/// Refuses so many moves without a visible cause.
fn refuse_moves(scene: &Scene, times: u32) {
    scene.portal.inject_fault(Fault {
        method: Some("PUT"),
        path_contains: "fileops/move",
        times,
        effect: FaultEffect::Status(403),
    });
}

/// Does all work that becomes due within this time.
async fn work_for(scene: &Scene, time: Duration) {
    let end = scene.clock.now() + time;
    while scene.clock.now() < end {
        scene.work().await;
        scene.clock.advance(Duration::from_secs(5));
    }
}

/// The failures and the reason of the only action that waits.
async fn waiting(scene: &Scene) -> (i64, String) {
    let read = scene.db.read(|sql| {
        sql.query_one(
            "SELECT failures, reason FROM actions WHERE state = 'waiting'",
            &[],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    });
    read.await.unwrap()
}

#[tokio::test]
async fn a_file_open_for_hours_is_moved_as_soon_as_it_is_saved() {
    scenario(async |scene| {
        only_move(scene);
        scene.portal.add_webhook(&scene.address, &["file.updated"]);
        let file = scene.upload(&scene.client_room, "Invoice.pdf");
        scene.portal.open_in_editor(&file, true);
        work_for(scene, Duration::from_hours(2)).await;
        let (failures, reason) = waiting(scene).await;
        assert_eq!(failures, 0);
        assert!(reason.starts_with("waiting for a person: "), "{reason}");
        let calls = scene.calls("PUT", "fileops/move");
        assert!((20..60).contains(&calls), "{calls} calls in two hours");

        // No rule acts on the event, and the clock stands still.
        scene.portal.open_in_editor(&file, false);
        scene.portal.edit(&file, b"saved");
        scene.work().await;
        assert_eq!(scene.titles(&scene.incoming), ["Invoice.pdf"]);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_closed_without_an_event_is_moved_within_minutes() {
    scenario(async |scene| {
        only_move(scene);
        let file = scene.upload(&scene.client_room, "Invoice.pdf");
        scene.portal.open_in_editor(&file, true);
        work_for(scene, Duration::from_mins(45)).await;
        scene.portal.open_in_editor(&file, false);
        work_for(scene, Duration::from_mins(4)).await;
        assert_eq!(scene.titles(&scene.incoming), ["Invoice.pdf"]);
    })
    .await;
}

#[tokio::test]
async fn files_that_wait_for_people_share_a_call_and_delay_no_other_files() {
    scenario(async |scene| {
        only_move(scene);
        let open: Vec<_> = (0..10)
            .map(|number| scene.upload(&scene.client_room, &format!("Invoice open {number}.pdf")))
            .collect();
        for file in &open {
            scene.portal.open_in_editor(file, true);
        }
        scene.work().await;
        let before = scene.calls("PUT", "fileops/move");
        work_for(scene, Duration::from_mins(30)).await;
        let calls = scene.calls("PUT", "fileops/move") - before;
        assert!(calls <= 10, "{calls} calls in half an hour");

        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work().await;
        assert_eq!(scene.titles(&scene.incoming), ["Invoice.pdf"]);
        for file in &open {
            scene.portal.open_in_editor(file, false);
        }
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.incoming).len(), 11);
    })
    .await;
}

#[tokio::test]
async fn a_move_that_races_with_an_unlock_is_not_a_missing_right() {
    scenario(async |scene| {
        only_move(scene);
        scene.portal.inject_fault(Fault {
            method: Some("PUT"),
            path_contains: "fileops/move",
            times: 2,
            effect: FaultEffect::Status(500),
        });
        refuse_moves(scene, 3);
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.incoming), ["Invoice.pdf"]);
    })
    .await;
}

#[tokio::test]
async fn a_move_that_is_denied_for_minutes_is_a_missing_right() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        only_move(scene);
        refuse_moves(scene, 100);
        scene.upload(&scene.client_room, "Invoice.pdf");
        let start = scene.clock.now();
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some("no_right"));
        let passed = scene.clock.now().duration_since(start).as_mins();
        assert!((3..10).contains(&passed), "{passed} minutes");
        assert_eq!(scene.calls("PUT", "fileops/move"), 5);
    })
    .await;
}
