//! A replay evaluates the current rules again, and replaces what is not done.

use docspace_courier::actions::failpoint::{Failpoint, Failpoints};
use docspace_courier::actions::{CopyTo, MoveTo};
use docspace_courier::audit::Through;
use docspace_courier::docspace::Conflict;
use docspace_courier::evaluator::Evaluator;
use docspace_courier::event::Trigger;
use docspace_courier::facts::FactFinder;
use docspace_courier::ids::FolderId;
use docspace_courier::inbox::{self, Replay};
use docspace_courier::journal::{self, EventFilter, EventState};
use docspace_courier::replay::{self, ReplayMode, ReplayPreview};
use docspace_courier::rules::{ActionPlan, Rule, RuleSet};

use crate::events::{FIRST, dead_letters, printed};
use crate::mail_server::MailServer;
use crate::notify::{by_mail, notify};
use crate::scene::{Leftover, Scene, folder_id, scenario};

fn copy_to(to: FolderId) -> ActionPlan {
    CopyTo {
        path: None,
        to: to.into(),
        conflict: Conflict::Duplicate,
    }
    .into()
}

fn move_to(to: FolderId) -> ActionPlan {
    MoveTo {
        path: None,
        to: to.into(),
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

    /// What a replay of these events would change under the scene's rules.
    async fn preview(&self, filter: &EventFilter) -> ReplayPreview {
        let events = self.select(filter).await;
        let facts = FactFinder::new(self.parts.portal.clone(), self.clock.clone());
        let rules = RuleSet::new(self.parts.rules.get().rules().to_vec());
        let evaluator = Evaluator::new(Ok(facts));
        replay::preview(&self.db, &rules, &evaluator, &events)
            .await
            .unwrap()
    }

    async fn select(&self, filter: &EventFilter) -> Vec<inbox::InboxId> {
        let filter = filter.clone();
        let select = self.db.read(move |sql| journal::select(sql, &filter));
        select.await.unwrap()
    }

    pub async fn order(&self, filter: &EventFilter, mode: ReplayMode) -> replay::Replayed {
        let (events, now) = (self.select(filter).await, self.clock.now());
        replay::order(&self.db, &events, mode, &Through::Console.into(), now)
            .await
            .unwrap()
    }

    /// Uploads these files, whose copies fail because their destination is mistyped.
    async fn upload_all_with_mistyped_destination(&mut self, titles: &[String]) {
        self.use_actions(vec![copy_to(mistyped())]);
        for title in titles {
            self.upload(&self.client_room, title);
        }
        self.work_to_the_end().await;
        assert_eq!(self.count("copy", "dead").await, titles.len());
    }

    /// Ends the worker as a crash does, and starts another one whose copy rule has this destination.
    async fn restart_with_rule_of(&mut self, to: FolderId) {
        self.crash_and_restart().await;
        self.use_actions(vec![copy_to(to)]);
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
async fn a_call_that_may_have_been_made_starts_over_like_the_others() {
    scenario(async |scene| {
        scene.leaving(Leftover::WaitingActions, 1);
        scene.upload_with_mistyped_destination().await;
        let unresolved = "UPDATE actions SET intent_at = 0, denials = 5, busy_file = file_id";
        let changed = scene.db.write(move |sql| sql.execute(unresolved, &[]));
        assert_eq!(changed.await.unwrap(), 1);
        scene.replay_first().await;
        scene.worker.decide_next().await.unwrap();
        let started_over = scene.db.read(|sql| {
            sql.exists(
                "SELECT 1 FROM actions WHERE state = 'waiting' AND intent_at IS NOT NULL
                   AND failures = 0 AND denials = 0 AND busy_file IS NULL AND reason IS NULL",
                &[],
            )
        });
        assert!(started_over.await.unwrap());
    })
    .await;
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
        assert_eq!(details.event.replayed_by, Some(Through::Console));
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
        assert!(page.contains("UTC, by command (anna)"), "{page}");
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
            .write(move |sql| inbox::replay_as_planned(sql, FIRST, &Through::Command.into(), now));
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

#[tokio::test]
async fn a_preview_says_what_a_replay_changes_and_changes_nothing() {
    scenario(async |scene| {
        let titles = ["one.docx".to_owned(), "two.docx".to_owned()];
        scene.upload_all_with_mistyped_destination(&titles).await;
        scene.use_actions(vec![copy_to(scene.internal_id())]);
        let preview = scene.preview(&dead_letters()).await;
        let internal = scene.internal.clone();
        let change = format!(
            "copy: copy to folder {} instead of copy to folder 99999999",
            internal.as_str()
        );
        assert_eq!((preview.events, preview.evaluated), (2, 2));
        assert_eq!(preview.changes.get(&change), Some(&2), "{preview:?}");
        assert_eq!(scene.count("copy", "dead").await, 2, "nothing was changed");

        // The replay does what its preview says, and the journal has the same words.
        scene.order(&dead_letters(), ReplayMode::CurrentRules).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), titles);
        assert_eq!(
            scene.details(FIRST).await.replay_changes,
            std::slice::from_ref(&change)
        );
        let page = printed(&scene.run(&["show", "1"]));
        assert!(page.contains(&change), "{page}");

        let all = scene.preview(&EventFilter::default()).await;
        let kept = format!(
            "copy: copy to folder {} is kept: already done, or possibly done",
            internal.as_str()
        );
        assert_eq!(all.changes.get(&kept), Some(&2), "{all:?}");
    })
    .await;
}

#[tokio::test]
async fn a_preview_names_what_is_dropped() {
    scenario(async |scene| {
        scene.leaving(Leftover::Discarded, 1);
        scene.upload_with_mistyped_destination().await;
        let mut rule = scene.rule(vec![copy_to(scene.internal_id())]);
        rule.triggers = vec![Trigger::new("file.deleted")];
        scene.change_rules(vec![rule]);
        let preview = scene.preview(&dead_letters()).await;
        let dropped =
            "copy: copy to folder 99999999 is dropped, because the rule no longer matches";
        assert_eq!(preview.changes.get(dropped), Some(&1), "{preview:?}");
        scene.order(&dead_letters(), ReplayMode::CurrentRules).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.details(FIRST).await.replay_changes, [dropped]);
    })
    .await;
}

/// The process is killed after each of the first calls, and once between the order and the decision.
#[tokio::test]
async fn a_mistyped_folder_is_replayed_once_although_the_process_is_killed() {
    scenario(async |scene| {
        let mut titles: Vec<String> = (10..40).map(|number| format!("{number}.docx")).collect();
        scene.upload_all_with_mistyped_destination(&titles).await;
        scene.use_actions(vec![copy_to(scene.internal_id())]);
        let ordered = scene.order(&dead_letters(), ReplayMode::CurrentRules).await;
        assert_eq!(ordered.reevaluating, 30);
        scene.restart_with_rule_of(scene.internal_id()).await;
        for point in [Failpoint::BeforeCall, Failpoint::AfterResponse] {
            let failpoints = Failpoints::stop_at(point);
            let rule = scene.rule(vec![copy_to(scene.internal_id())]);
            scene.replace_worker(
                vec![rule],
                docspace_courier::notify::Channels::default(),
                failpoints.clone(),
            );
            tokio::select! {
                () = scene.work_to_the_end() => {}
                () = failpoints.reached() => {}
            }
            scene.portal.wait_for_operations().await;
            scene.restart_with_rule_of(scene.internal_id()).await;
        }
        scene.work_to_the_end().await;
        titles.sort();
        assert_eq!(scene.titles(&scene.internal), titles);
        assert_eq!(scene.count("copy", "done").await, 30);
    })
    .await;
}

#[tokio::test]
async fn events_are_replayed_by_filter() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let titles = ["one.docx".to_owned(), "two.docx".to_owned()];
        scene.upload_all_with_mistyped_destination(&titles).await;
        scene.use_actions(vec![copy_to(scene.internal_id())]);
        let one = EventFilter {
            search: Some("ONE".to_owned()),
            rule: Some("copy".to_owned()),
            trigger: Some("file.uploaded".to_owned()),
            since: Some(scene.clock.now() - std::time::Duration::from_hours(24)),
            ..dead_letters()
        };
        scene.order(&one, ReplayMode::CurrentRules).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["one.docx"]);
        let later = EventFilter {
            since: Some(scene.clock.now() + std::time::Duration::from_secs(1)),
            ..EventFilter::default()
        };
        assert_eq!(scene.select(&later).await, []);
        let of_no_rule = EventFilter {
            rule: Some("another".to_owned()),
            ..EventFilter::default()
        };
        assert_eq!(scene.select(&of_no_rule).await, []);
    })
    .await;
}

#[tokio::test]
async fn discarded_work_is_repeated_as_planned() {
    scenario(async |scene| {
        scene.refuse("fileops/move");
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work_to_the_end().await;
        scene.discard(FIRST).await.unwrap();
        assert_eq!(
            scene.action_states().await,
            ["done", "discarded", "discarded"]
        );

        let discarded = EventFilter {
            states: journal::StateFilter::Discarded,
            ..EventFilter::default()
        };
        let replayed = scene.order(&discarded, ReplayMode::AsPlanned).await;
        assert_eq!(replayed.retried, 2);
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.incoming), ["Invoice.pdf"]);
        assert_eq!(scene.calls("PUT", "fileops/copy"), 1);
        let changes = scene.details(FIRST).await.replay_changes;
        assert!(changes[0].ends_with("is tried again"), "{changes:?}");
    })
    .await;
}

/// The action after the dropped one is done, and takes its position.
#[tokio::test]
async fn a_dead_letter_whose_position_another_action_takes_leaves_a_trace() {
    scenario(async |scene| {
        scene.leaving(Leftover::Discarded, 1);
        let server = MailServer::start(&["--refuse", "gone@example.com"]);
        let channels = || by_mail(server.mailer());
        let everybody = notify(&["one@example.com", "gone@example.com", "two@example.com"]);
        scene.notify_after_move(channels(), everybody);
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work_to_the_end().await;
        assert_eq!(scene.count("notify", "dead").await, 1);

        let others = notify(&["one@example.com", "two@example.com"]);
        scene.notify_after_move(channels(), others);
        let dropped =
            "invoice: notify gone@example.com is dropped, because the rule no longer has this action";
        let preview = scene.preview(&dead_letters()).await;
        assert_eq!(preview.changes.get(dropped), Some(&1), "{preview:?}");
        for _ in 0..2 {
            scene.replay_first().await;
            scene.work_to_the_end().await;
            let details = scene.details(FIRST).await;
            assert_eq!(details.actions.len(), 5, "{details:?}");
            let states = ["done", "done", "done", "discarded", "done"];
            assert_eq!(scene.action_states().await, states);
        }
        assert_eq!(server.mails(2).await.len(), 2, "nothing is sent again");
    })
    .await;
}

/// An action that is done makes room for one that is planned at its position.
#[tokio::test]
async fn actions_that_change_places_are_planned_once_each() {
    scenario(async |scene| {
        let server = MailServer::start(&["--refuse", "gone@example.com"]);
        let channels = || by_mail(server.mailer());
        scene.notify_after_move(channels(), notify(&["gone@example.com", "one@example.com"]));
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work_to_the_end().await;
        assert_eq!(scene.count("notify", "dead").await, 1);

        scene.leaving(Leftover::DeadLetters, 1);
        scene.notify_after_move(channels(), notify(&["one@example.com", "gone@example.com"]));
        scene.replay_first().await;
        scene.work_to_the_end().await;
        // The copy, the move, and the two in the order in which they were planned first.
        let states = ["done", "done", "dead", "done"];
        assert_eq!(scene.action_states().await, states);
        let changes = scene.details(FIRST).await.replay_changes;
        let retried = "invoice: notify gone@example.com is tried again".to_owned();
        assert!(changes.contains(&retried), "{changes:?}");
        assert_eq!(server.mails(1).await.len(), 1, "nothing is sent again");
    })
    .await;
}
