//! Restarts forget neither the minute's calls nor the day's writes.

use std::time::Duration;

use docspace_courier::actions::failpoint::Failpoints;
use docspace_courier::docspace::Error;
use docspace_courier::notify::Channels;
use jiff::{SignedDuration, Timestamp};

use crate::scene::{Scene, folder_id, scenario};

/// How long each process runs before it is killed.
const LIFE: SignedDuration = SignedDuration::from_millis(600);

/// How many processes are killed: for more than a minute.
const KILLS: usize = 120;

/// Ends the process as a kill does, and starts another one.
fn restart(scene: &mut Scene) {
    scene.replace_worker(scene.rules(), Channels::default(), Failpoints::default());
}

/// Makes as many calls as it can until this time; returns when they were made.
async fn call_until(scene: &Scene, end: Timestamp) -> Vec<Timestamp> {
    let room = folder_id(&scene.client_room);
    let mut calls = Vec::new();
    while scene.clock.now() < end {
        match scene.parts.portal.files().folder(&room).await {
            Ok(_) => calls.push(scene.clock.now()),
            Err(Error::BudgetExhausted { wait }) => scene.clock.advance(wait),
            Err(error) => panic!("{error}"),
        }
    }
    calls
}

#[tokio::test]
async fn a_process_that_is_killed_again_and_again_stays_within_the_minutes_calls() {
    scenario(async |scene| {
        let mut calls = Vec::new();
        for _ in 0..KILLS {
            restart(scene);
            let end = scene.clock.now() + LIFE;
            calls.extend(call_until(scene, end).await);
        }
        let minute = SignedDuration::from_mins(1);
        let within = |first: &Timestamp| {
            let later = calls.iter().skip_while(|at| *at < first);
            later
                .take_while(|at| at.duration_since(*first) < minute)
                .count()
        };
        let most = calls.iter().map(within).max().unwrap();
        assert!((500..=1_500).contains(&most), "{most} calls in a minute");
    })
    .await;
}

#[tokio::test]
async fn the_writes_of_the_day_outlive_a_restart() {
    scenario(async |scene| {
        for number in 0..3 {
            scene.upload(&scene.client_room, &format!("{number}.docx"));
            scene.work().await;
        }
        let left = scene.parts.portal.writes_left_today();
        assert_eq!(left, 9_997);
        restart(scene);
        scene.upload(&scene.client_room, "last.docx");
        scene.clock.advance(Duration::from_secs(1));
        scene.work().await;
        let left = scene.parts.portal.writes_left_today();
        // A restart counts the rest of a block as used.
        assert!((9_990..=9_996).contains(&left), "{left}");
    })
    .await;
}
