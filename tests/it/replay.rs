//! A replay evaluates the current rules again, and replaces what is not done.

use docspace_courier::actions::failpoint::{Failpoint, Failpoints};
use docspace_courier::actions::{CopyTo, MoveTo};
use docspace_courier::docspace::Conflict;
use docspace_courier::event::Trigger;
use docspace_courier::ids::FolderId;
use docspace_courier::inbox::{self, Replay, ReplayedBy};
use docspace_courier::journal::EventState;
use docspace_courier::rules::{ActionPlan, Rule};

use crate::events::{FIRST, printed};
use crate::scene::{Leftover, Scene, folder_id, scenario};

fn copy_to(to: FolderId) -> ActionPlan {
    CopyTo {
        to,
        conflict: Conflict::Duplicate,
    }
    .into()
}

fn move_to(to: FolderId) -> ActionPlan {
    MoveTo {
        to,
        conflict: Conflict::Duplicate,
    }
    .into()
}

fn mistyped() -> FolderId {
    FolderId::new("99999999").unwrap()
}

impl Scene {
    /// The copy rule with these actions instead.
    fn rule(&self, actions: Vec<ActionPlan>) -> Rule {
        let mut rule = self.rules().remove(0);
        rule.actions = actions;
        rule
    }

    fn use_actions(&mut self, actions: Vec<ActionPlan>) {
        let rule = self.rule(actions);
        self.change_rules(vec![rule]);
    }

    fn internal_id(&self) -> FolderId {
        folder_id(&self.internal)
    }

    fn incoming_id(&self) -> FolderId {
        folder_id(&self.incoming)
    }

    /// Uploads a file whose copy fails because its destination is mistyped.
    async fn upload_with_mistyped_destination(&mut self) {
        self.use_actions(vec![copy_to(mistyped())]);
        self.upload(&self.client_room, "plan.docx");
        self.work_to_the_end().await;
        assert_eq!(self.dead_code().await.as_deref(), Some("destination_gone"));
    }

    async fn replay_first(&self) {
        assert_eq!(self.replay(FIRST).await, Some(Replay::Reevaluating));
    }

    async fn action_states(&self) -> Vec<String> {
        let actions = self.actions().await.into_iter();
        actions.map(|(_, state, _)| state).collect()
    }
}

#[tokio::test]
async fn a_mistyped_destination_is_replaced_by_the_corrected_one() {
    scenario(async |scene| {
        scene.upload_with_mistyped_destination().await;
        scene.use_actions(vec![copy_to(scene.internal_id())]);
        scene.replay_first().await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
        let details = scene.details(FIRST).await;
        assert_eq!(details.event.state, EventState::Done);
        assert_eq!(details.event.replayed_by, Some(ReplayedBy::Console));
        assert_eq!(
            details.actions[0].to.as_deref(),
            Some(scene.internal.as_str())
        );
        assert_eq!(details.actions[0].failures, 0);
    })
    .await;
}

#[tokio::test]
async fn all_events_with_a_mistyped_destination_are_replayed_by_one_command() {
    scenario(async |scene| {
        scene.advance_past_the_system_clock();
        scene.use_actions(vec![copy_to(mistyped())]);
        for title in ["one.docx", "three.docx", "two.docx"] {
            scene.upload(&scene.client_room, title);
        }
        scene.work_to_the_end().await;
        assert_eq!(scene.count("copy", "dead").await, 3);

        scene.use_actions(vec![copy_to(scene.internal_id())]);
        let replay = printed(&scene.run(&["replay", "--dead", "--all"]));
        assert!(replay.contains("Replaying 3 events"), "{replay}");
        scene.work_to_the_end().await;
        assert_eq!(
            scene.titles(&scene.internal),
            ["one.docx", "three.docx", "two.docx"]
        );
        let page = printed(&scene.run(&["show", "1"]));
        assert!(page.contains("UTC, by command"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn what_no_rule_plans_any_more_is_discarded() {
    scenario(async |scene| {
        scene.leaving(Leftover::Discarded, 1);
        scene.upload_with_mistyped_destination().await;
        let mut rules = scene.rules();
        scene.change_rules(vec![rules.remove(1)]);
        scene.replay_first().await;
        scene.work_to_the_end().await;
        let event = scene.details(FIRST).await.event;
        assert_eq!(event.state, EventState::Discarded);
        let reason = event.reason.as_deref();
        assert_eq!(reason, Some("copy: the rule no longer exists"));

        let mut elsewhere = scene.rule(vec![copy_to(scene.internal_id())]);
        elsewhere.triggers = vec![Trigger::new("file.deleted")];
        scene.change_rules(vec![elsewhere]);
        scene.replay_first().await;
        scene.work_to_the_end().await;
        let event = scene.details(FIRST).await.event;
        let reason = event.reason.as_deref();
        assert_eq!(reason, Some("copy: the rule no longer matches"));
    })
    .await;
}

#[tokio::test]
async fn a_done_action_stays_done_when_the_one_after_it_is_planned_again() {
    scenario(async |scene| {
        scene.use_actions(vec![copy_to(scene.internal_id()), move_to(mistyped())]);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.action_states().await, ["done", "dead"]);
        let before = scene.details(FIRST).await.actions.remove(0);

        scene.use_actions(vec![
            copy_to(scene.incoming_id()),
            move_to(scene.incoming_id()),
        ]);
        scene.replay_first().await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
        assert_eq!(scene.titles(&scene.incoming), ["plan.docx"]);
        assert_eq!(scene.calls("PUT", "fileops/copy"), 1);
        let after = scene.details(FIRST).await.actions.remove(0);
        assert_eq!(after.result_file, before.result_file);
        assert_eq!(after.finished_at, before.finished_at);
    })
    .await;
}

#[tokio::test]
async fn a_renamed_rule_does_not_repeat_what_it_did_under_its_old_name() {
    scenario(async |scene| {
        scene.use_actions(vec![copy_to(scene.internal_id()), move_to(mistyped())]);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;

        let mut renamed = scene.rule(vec![
            copy_to(scene.internal_id()),
            move_to(scene.incoming_id()),
        ]);
        renamed.name = "another name".to_owned();
        scene.change_rules(vec![renamed]);
        scene.leaving(Leftover::Discarded, 1);
        scene.replay_first().await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
        assert_eq!(scene.titles(&scene.incoming), ["plan.docx"]);
        assert_eq!(scene.calls("PUT", "fileops/copy"), 1);
    })
    .await;
}

#[tokio::test]
async fn an_action_before_a_done_one_does_not_make_it_run_twice() {
    scenario(async |scene| {
        scene.use_actions(vec![copy_to(scene.internal_id()), move_to(mistyped())]);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;

        scene.use_actions(vec![
            copy_to(scene.incoming_id()),
            copy_to(scene.internal_id()),
            move_to(scene.incoming_id()),
        ]);
        scene.replay_first().await;
        scene.work_to_the_end().await;
        assert_eq!(scene.calls("PUT", "fileops/copy"), 1);
        assert_eq!(scene.titles(&scene.incoming), ["plan.docx"]);
    })
    .await;
}

#[tokio::test]
async fn discarded_actions_are_planned_again() {
    scenario(async |scene| {
        scene.upload_with_mistyped_destination().await;
        scene.discard(FIRST).await.unwrap();
        scene.use_actions(vec![copy_to(scene.internal_id())]);
        scene.replay_first().await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
        assert_eq!(scene.state(FIRST).await, EventState::Done);
    })
    .await;
}

#[tokio::test]
async fn a_call_that_may_have_taken_effect_keeps_its_plan() {
    scenario(async |scene| {
        let failpoints = Failpoints::stop_at(Failpoint::AfterResponse);
        scene.restart_with(failpoints.clone()).await;
        scene.upload(&scene.client_room, "plan.docx");
        tokio::select! {
            () = scene.work_to_the_end() => panic!("nothing came to the failpoint"),
            () = failpoints.reached() => {}
        }
        scene.portal.wait_for_operations().await;
        scene.crash_and_restart().await;

        scene.use_actions(vec![copy_to(scene.incoming_id())]);
        scene.replay_first().await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
        assert_eq!(scene.titles(&scene.incoming), Vec::<String>::new());
        assert_eq!(scene.calls("PUT", "fileops/copy"), 1);
    })
    .await;
}

#[tokio::test]
async fn a_replay_as_planned_repeats_the_plan() {
    scenario(async |scene| {
        scene.refuse("fileops/copy");
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.action_states().await, ["dead"]);

        scene.use_actions(vec![copy_to(scene.incoming_id())]);
        let now = scene.clock.now();
        let replay = scene
            .db
            .write(move |sql| inbox::replay_as_planned(sql, FIRST, ReplayedBy::Command, now));
        assert_eq!(replay.await.unwrap(), Some(1));
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
        assert_eq!(scene.titles(&scene.incoming), Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_replay_during_an_outage_waits_and_then_decides() {
    scenario(async |scene| {
        scene.use_actions(vec![move_to(mistyped())]);
        scene.upload(&scene.subfolder, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.action_states().await, ["dead"]);

        scene.use_actions(vec![move_to(scene.incoming_id())]);
        scene.portal.set_down(true);
        scene.replay_first().await;
        scene.work().await;
        assert_eq!(scene.action_states().await, ["dead"], "not decided yet");
        assert!(scene.details(FIRST).await.event.due_at.is_some());

        scene.portal.set_down(false);
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.incoming), ["plan.docx"]);
        assert_eq!(scene.state(FIRST).await, EventState::Done);
    })
    .await;
}

#[tokio::test]
async fn an_action_that_waits_is_held_until_the_event_is_decided_again() {
    scenario(async |scene| {
        scene.upload(&scene.client_room, "plan.docx");
        scene.portal.wait_for_deliveries().await;
        scene.worker.decide_next().await.unwrap();
        assert_eq!(scene.action_states().await, ["waiting"]);

        scene.use_actions(vec![copy_to(scene.incoming_id())]);
        scene.replay_first().await;
        scene.worker.process_next().await.unwrap();
        assert_eq!(scene.action_states().await, ["waiting"], "it is held");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.incoming), ["plan.docx"]);
        assert_eq!(scene.titles(&scene.internal), Vec::<String>::new());
    })
    .await;
}
