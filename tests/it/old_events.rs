//! Deliveries of events that are older than the retention period: what was done for them is forgotten.

use std::time::Duration;

use docspace_courier::inbox::Replay;
use docspace_courier::journal::overview::overview;
use docspace_sandbox::UploadEvents;
use jiff::SignedDuration;

use crate::catch_up::deliver;
use crate::events::FIRST;
use crate::scene::{RETENTION, Scene, scenario};

/// What the decisions about an outdated event say.
const OUTDATED: &str = "longer ago than RETENTION_DAYS";

const DAY: Duration = Duration::from_hours(24);

impl Scene {
    /// Uploads a file whose delivery a test sends itself; returns its body.
    fn captured_upload(&self) -> String {
        let file = self
            .portal
            .upload(&self.client_room, "plan.docx", b"1", UploadEvents::None);
        let at = self.clock.now();
        format!(
            r#"{{"event":{{"id":7,"createOn":"{at}","trigger":"file.uploaded"}},"payload":{{"id":{file},"parentId":{room},"title":"plan.docx","modifiedOn":"{at}","fileEntryType":2}},"webhook":{{"id":417}}}}"#,
            room = self.client_room,
        )
    }

    /// Lets the retention period and this time pass, and removes what is older.
    async fn retention_passes(&self, and: Duration) {
        self.clock.advance(RETENTION + and);
        self.worker.prune().await.unwrap();
    }

    /// The reasons for which rules ignored an event as outdated.
    async fn outdated(&self) -> usize {
        let decisions = self.decisions().await;
        let outdated = decisions
            .iter()
            .filter(|(_, outcome, reason)| outcome == "ignored" && reason.contains(OUTDATED));
        outdated.count()
    }
}

#[tokio::test]
async fn a_captured_delivery_does_not_act_again_once_it_is_forgotten() {
    scenario(async |scene| {
        let body = scene.captured_upload();
        assert!(deliver(scene, &body).await.contains("accepted"));
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
        assert!(deliver(scene, &body).await.contains("duplicate"));

        scene.retention_passes(DAY).await;
        assert!(deliver(scene, &body).await.contains("accepted"));
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
        assert_eq!(scene.outdated().await, scene.rules().len());
    })
    .await;
}

#[tokio::test]
async fn an_event_within_the_retention_period_is_acted_on() {
    scenario(async |scene| {
        let body = scene.captured_upload();
        scene.clock.advance(RETENTION / 2);
        deliver(scene, &body).await;
        // It is as old as it was when it was received, however long it waits.
        scene.portal.set_down(true);
        scene.work().await;
        scene.clock.advance(RETENTION);
        scene.portal.set_down(false);
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
        assert_eq!(scene.outdated().await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_old_event_that_no_rule_wants_waits_for_nothing() {
    scenario(async |scene| {
        // Nothing has shown the portal's time yet.
        scene.portal.set_down(true);
        let body = scene
            .captured_upload()
            .replace("file.uploaded", "file.downloaded");
        scene.clock.advance(RETENTION + DAY);
        assert!(deliver(scene, &body).await.contains("accepted"));
        let overview = scene.db.read(overview).await.unwrap();
        assert_eq!(overview.events_waiting, 0);
        let decisions = scene.decisions().await;
        assert_eq!(decisions.len(), scene.rules().len());
        let is_ignored = |(_, outcome, _): &(_, String, _)| outcome == "ignored";
        assert!(decisions.iter().all(is_ignored), "{decisions:?}");
        scene.portal.set_down(false);
    })
    .await;
}

#[tokio::test]
async fn an_outdated_event_is_acted_on_once_when_a_person_replays_it() {
    scenario(async |scene| {
        let body = scene.captured_upload();
        scene.retention_passes(DAY).await;
        deliver(scene, &body).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.outdated().await, scene.rules().len());
        for _ in 0..2 {
            assert_eq!(scene.replay(FIRST).await, Some(Replay::Reevaluating));
            scene.work_to_the_end().await;
            assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
        }
    })
    .await;
}

#[tokio::test]
async fn the_portals_clock_decides_and_without_it_the_event_waits() {
    scenario(async |scene| {
        // Our clock is ahead by more than the retention period.
        let ahead = SignedDuration::try_from(RETENTION + DAY).unwrap();
        scene.clock.step_wall(ahead);
        scene.clock.restart();
        scene.crash_and_restart().await;
        scene.portal.set_down(true);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work().await;
        assert_eq!(scene.decisions().await, []);
        scene.portal.set_down(false);
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
        assert_eq!(scene.outdated().await, 0);
    })
    .await;
}
