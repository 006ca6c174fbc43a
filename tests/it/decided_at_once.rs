//! Events that are stored together with what the rules decide about them.

use docspace_courier::db::Sql;
use docspace_courier::journal::{EventState, StateFilter};
use docspace_sandbox::UploadEvents;

use crate::floods::deliver;
use crate::scene::{Scene, scenario};

impl Scene {
    /// The state of each event, the newest first.
    async fn states(&self) -> Vec<EventState> {
        let events = self.list(StateFilter::Any).await;
        events.iter().map(|event| event.state).collect()
    }

    async fn change_store(&self, statement: &'static str) {
        let change = move |sql: &Sql| sql.execute(statement, &[]);
        self.db.write(change).await.unwrap();
    }
}

#[tokio::test]
async fn what_no_rule_wants_is_over_when_the_delivery_is_answered() {
    scenario(async |scene| {
        assert_eq!(deliver(scene, 1).await, 200);
        assert_eq!(scene.states().await, [EventState::Ignored]);
        let decisions = scene.decisions().await;
        let (_, outcome, reason) = decisions.last().unwrap();
        assert_eq!(outcome, "ignored");
        assert!(reason.contains("user.created"), "{reason}");
    })
    .await;
}

#[tokio::test]
async fn the_actions_of_an_upload_are_planned_when_the_delivery_is_answered() {
    scenario(async |scene| {
        scene.upload(&scene.client_room, "plan.docx");
        scene.portal.wait_for_deliveries().await;
        let planned = ("copy".to_owned(), "waiting".to_owned(), None);
        assert_eq!(scene.actions().await, [planned]);
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}

#[tokio::test]
async fn an_event_waits_behind_an_undecided_one_of_its_file() {
    scenario(async |scene| {
        // The room of a file in a subfolder has to be looked up.
        let file = scene.upload(&scene.subfolder, "plan.docx");
        scene.portal.wait_for_deliveries().await;
        assert_eq!(scene.states().await, [EventState::Waiting]);
        // These rules need no lookup.
        let mut rules = scene.rules();
        rules.truncate(1);
        rules[0].conditions.clear();
        scene.change_rules(rules);
        scene
            .portal
            .overwrite(&file, b"changed", UploadEvents::Uploaded);
        scene.upload(&scene.subfolder, "other.docx");
        scene.portal.wait_for_deliveries().await;
        assert_eq!(scene.states().await, [EventState::Waiting; 3]);
        assert_eq!(scene.actions().await.len(), 1, "that of the other file");
        scene.work_to_the_end().await;
        let copies = ["other.docx", "plan (1).docx", "plan.docx"];
        assert_eq!(scene.titles(&scene.internal), copies);
    })
    .await;
}

#[tokio::test]
async fn a_delivery_is_accepted_although_the_store_refuses_the_decision() {
    scenario(async |scene| {
        scene.upload(&scene.client_room, "first.docx");
        scene.portal.wait_for_deliveries().await;
        scene
            .change_store("CREATE UNIQUE INDEX only_one ON actions (kind)")
            .await;
        scene.upload(&scene.client_room, "second.docx");
        scene.portal.wait_for_deliveries().await;
        assert_eq!(scene.states().await, [EventState::Waiting; 2]);
        assert_eq!(scene.actions().await.len(), 1, "the second is undecided");
        scene.change_store("DROP INDEX only_one").await;
        scene.work_to_the_end().await;
        let copies = ["first.docx", "second.docx"];
        assert_eq!(scene.titles(&scene.internal), copies);
    })
    .await;
}
