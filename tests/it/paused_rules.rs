//! A paused rule matches and plans, and what it plans is held until a person resumes it.

use docspace_courier::audit::Through;
use docspace_courier::clock::Clock;
use docspace_courier::finding::Severity;
use docspace_courier::journal::{self, EventFilter, EventState, StateFilter};
use docspace_courier::outbox::{self, Held, PausedRule};
use docspace_courier::rule_pause;

use crate::check::{Variables, check_with, finds};
use crate::events::FIRST;
use crate::scene::{Leftover, Scene, scenario};

impl Scene {
    pub async fn pause_rule(&self, rule: &str) -> bool {
        let now = self.clock.now();
        rule_pause::pause(&self.db, rule, &Through::Command.into(), now)
            .await
            .unwrap()
    }

    pub async fn resume_rule(&self, rule: &str, held: Held) -> usize {
        let now = self.clock.now();
        rule_pause::resume(&self.db, rule, held, &Through::Command.into(), now)
            .await
            .unwrap()
    }

    pub async fn paused_rules(&self) -> Vec<PausedRule> {
        self.db.read(outbox::paused_rules).await.unwrap()
    }
}

#[tokio::test]
async fn a_paused_rule_holds_what_it_matches_and_carries_it_out_once_resumed() {
    scenario(async |scene| {
        assert!(scene.pause_rule("copy").await);
        assert!(!scene.pause_rule("copy").await, "it is paused already");
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), Vec::<String>::new());
        assert_eq!(
            scene.titles(&scene.incoming),
            ["Invoice.pdf"],
            "the other rule goes on"
        );

        let details = scene.details(FIRST).await;
        assert_eq!(details.event.state, EventState::Held);
        assert_eq!(
            details.event.reason.as_deref(),
            Some("copy: the rule copy is paused")
        );
        assert!(details.actions[0].held);
        let held = EventFilter {
            states: StateFilter::Held,
            ..EventFilter::default()
        };
        let held = scene.db.read(move |sql| journal::select(sql, &held));
        assert_eq!(held.await.unwrap().len(), 2);
        assert_eq!(scene.paused_rules().await[0].held, 2);

        scene.crash_and_restart().await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), Vec::<String>::new());

        assert_eq!(scene.resume_rule("copy", Held::Do).await, 2);
        scene.work_to_the_end().await;
        assert_eq!(scene.paused_rules().await, []);
        assert_eq!(scene.titles(&scene.internal), ["Invoice.pdf", "plan.docx"]);
        assert_eq!(scene.state(FIRST).await, EventState::Done);
    })
    .await;
}

#[tokio::test]
async fn a_pause_holds_what_was_planned_before() {
    scenario(async |scene| {
        scene.leaving(Leftover::Discarded, 1);
        scene.portal.set_key_valid(false);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work().await;
        scene.pause_rule("copy").await;
        scene.portal.set_key_valid(true);
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), Vec::<String>::new());
        assert_eq!(scene.resume_rule("copy", Held::Drop).await, 1);
        scene.work_to_the_end().await;
        let event = scene.details(FIRST).await.event;
        assert_eq!(event.state, EventState::Discarded);
        assert_eq!(scene.titles(&scene.internal), Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn the_actions_behind_a_held_one_are_carried_out_in_order() {
    scenario(async |scene| {
        scene.pause_rule("invoice").await;
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work_to_the_end().await;
        assert_eq!(scene.count("move", "waiting").await, 1);
        assert_eq!(scene.count("notify", "waiting").await, 1);
        assert_eq!(scene.resume_rule("invoice", Held::Do).await, 1);
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.incoming), ["Invoice.pdf"]);
        assert_eq!(scene.count("notify", "done").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_held_action_does_not_hold_up_later_events_of_its_file() {
    scenario(async |scene| {
        scene.pause_rule("invoice").await;
        let file = scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work_to_the_end().await;
        scene.clock.advance(std::time::Duration::from_secs(5));
        scene.portal.overwrite(
            &file,
            b"a new version",
            docspace_sandbox::UploadEvents::Uploaded,
        );
        scene.work_to_the_end().await;
        assert_eq!(
            scene.titles(&scene.internal).len(),
            2,
            "both versions are copied"
        );
        scene.resume_rule("invoice", Held::Do).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.incoming), ["Invoice.pdf"]);
    })
    .await;
}

#[tokio::test]
async fn the_commands_pause_and_resume() {
    scenario(async |scene| {
        scene.advance_past_the_system_clock();
        let rules = |arguments: &[&str]| {
            std::process::Command::new(env!("CARGO_BIN_EXE_docspace-courier"))
                .arg("rules")
                .args(arguments)
                .env_clear()
                .env("DATABASE_URL", scene.store.url())
                .env("DOCSPACE_API_HOST", scene.host())
                .env("DOCSPACE_API_KEY", scene.portal.api_key())
                .env("SHARED_WITH_CLIENT_ROOM_ID", scene.client_room.as_str())
                .env("INTERNAL_PROCESSING_FOLDER_ID", scene.internal.as_str())
                .output()
                .unwrap()
        };
        let check = |arguments: &[&str], code: i32, expected: &str| {
            let output = rules(arguments);
            let said = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            assert!(said.contains(expected), "{arguments:?}: {said}");
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        };
        check(&["pause", "copyy"], 1, "the rules are: copy");
        check(&["resume", "copy"], 1, "is not paused");
        check(&["pause", "copy"], 0, "Rule copy is paused.");
        scene.clock.advance(
            Clock::system()
                .now()
                .duration_since(scene.clock.now())
                .unsigned_abs(),
        );
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        check(&[], 0, "actions held: 1");
        check(&["resume", "copy"], 2, "add --held do or --held drop");
        check(
            &["resume", "copy", "--held", "do"],
            0,
            "carries out 1 action",
        );
        scene.clock.advance(std::time::Duration::from_mins(2));
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}

#[tokio::test]
async fn held_actions_are_called_held_and_check_names_the_paused_rule() {
    scenario(async |scene| {
        let operator = scene.operator().await;
        scene.pause_rule("copy").await;
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        for path in ["/?show=held", "/events/1"] {
            let page = operator.page(path).await;
            assert!(page.contains("plan.docx"), "{path}: {page}");
            assert!(!page.contains(">waiting<"), "{path}: {page}");
        }
        assert!(!operator.page("/?show=waiting").await.contains("plan.docx"));
        let report = check_with(scene, Variables::of(scene)).await;
        finds(&report, Severity::Warning, "rule copy", "actions held: 1");
        finds(&report, Severity::Warning, "rule copy", "rules resume copy");
        scene.resume_rule("copy", Held::Do).await;
        scene.work_to_the_end().await;
    })
    .await;
}

/// Pausing is how an operator stops a rule in an emergency, so it needs no valid rules.
#[tokio::test]
async fn a_rule_is_paused_although_the_rules_cannot_be_read() {
    scenario(async |scene| {
        let run = |command: &str| {
            let output = std::process::Command::new(env!("CARGO_BIN_EXE_docspace-courier"))
                .args(["rules", command, "copy"])
                .env_clear()
                .env("DATABASE_URL", scene.store.url())
                .env("RULES_FILE", "/nowhere/rules.toml")
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
        };
        run("pause");
        assert_eq!(scene.paused_rules().await.len(), 1);
        run("resume");
        assert_eq!(scene.paused_rules().await.len(), 0);
    })
    .await;
}
