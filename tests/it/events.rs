//! What the `events` command shows and changes.

use std::process::{Command, Output};
use std::time::Duration;

use docspace_courier::audit::Through;
use docspace_courier::clock::Clock;
use docspace_courier::config::invoice_rule;
use docspace_courier::event::{Event, Trigger};
use docspace_courier::inbox::{self, Discarded, InboxId, Replay};
use docspace_courier::journal::{
    self, EventDetails, EventFilter, EventState, EventView, StateFilter,
};
use docspace_courier::rules::Condition;
use docspace_sandbox::{Fault, FaultEffect};
use jiff::Timestamp;

use crate::scene::{Leftover, MAX_ATTEMPTS, RETENTION, Scene, folder_id, scenario};

pub const FIRST: InboxId = InboxId(1);

/// Every event with a dead letter.
pub fn dead_letters() -> EventFilter {
    EventFilter {
        states: StateFilter::Dead,
        ..EventFilter::default()
    }
}

impl Scene {
    /// Fails this kind of operation until the attempts are used up.
    pub fn refuse(&self, path_contains: &'static str) {
        self.portal.inject_fault(Fault {
            method: Some("PUT"),
            path_contains,
            times: MAX_ATTEMPTS,
            effect: FaultEffect::OperationError("no"),
        });
    }

    /// Uploads a file whose event cannot be decided.
    async fn undecidable(&self) {
        self.portal.inject_fault(Fault {
            method: Some("GET"),
            path_contains: "/path",
            times: MAX_ATTEMPTS,
            effect: FaultEffect::Status(403),
        });
        self.upload(&self.subfolder, "plan.docx");
        self.work_to_the_end().await;
    }

    pub async fn replay(&self, id: InboxId) -> Option<Replay> {
        let now = self.clock.now();
        let replay = self
            .db
            .write(move |sql| inbox::replay(sql, id, &Through::Console.into(), now));
        replay.await.unwrap()
    }

    pub async fn discard(&self, id: InboxId) -> Option<Discarded> {
        let now = self.clock.now();
        let discard = self.db.write(move |sql| inbox::discard(sql, id, now));
        discard.await.unwrap()
    }

    pub async fn details(&self, id: InboxId) -> EventDetails {
        let details = self.db.read(move |sql| journal::find(sql, id.0));
        details.await.unwrap().unwrap()
    }

    pub async fn state(&self, id: InboxId) -> EventState {
        self.details(id).await.event.state
    }

    pub async fn list(&self, states: StateFilter) -> Vec<EventView> {
        let filter = EventFilter {
            states,
            ..EventFilter::default()
        };
        let list = self.db.read(move |sql| journal::list(sql, &filter, 50));
        list.await.unwrap()
    }

    /// Moves the scene's clock past the system's, which the command uses, so that replayed work is due.
    pub fn advance_past_the_system_clock(&self) {
        let ahead = Clock::system().now().duration_since(self.clock.now());
        let a_minute_more = Duration::try_from(ahead).unwrap_or_default() + Duration::from_mins(1);
        self.clock.advance(a_minute_more);
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        run(&self.store.url(), arguments)
    }
}

fn run(store: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_docspace-courier"))
        .arg("events")
        .args(arguments)
        .env_clear()
        .env("DATABASE_URL", store)
        .env("LOGNAME", "anna")
        .output()
        .unwrap()
}

pub fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn error_output(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
async fn an_event_that_waits_for_a_person_is_not_shown_as_continuing_by_itself() {
    scenario(async |scene| {
        scene.portal.set_key_valid(false);
        scene.upload(&scene.client_room, "plan.docx");
        scene.portal.wait_for_deliveries().await;
        scene.work().await;
        let page = printed(&scene.run(&["show", "1"]));
        assert!(page.contains("the portal refuses the API key"), "{page}");
        assert!(
            page.contains("`docspace-courier check` shows what to fix"),
            "{page}"
        );
        assert!(!page.contains("need not do anything"), "{page}");
        scene.portal.set_key_valid(true);
        scene.work_to_the_end().await;
    })
    .await;
}

#[tokio::test]
async fn a_replay_gives_dead_letters_all_their_attempts_again() {
    scenario(async |scene| {
        scene.refuse("fileops/move");
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work_to_the_end().await;
        assert_eq!(scene.state(FIRST).await, EventState::Dead);

        assert_eq!(scene.replay(FIRST).await, Some(Replay::Reevaluating));
        assert_eq!(scene.state(FIRST).await, EventState::Waiting);

        scene.work_to_the_end().await;
        let moving = scene.details(FIRST).await.actions.remove(1);
        assert_eq!((moving.failures, moving.reason), (0, None));
        assert_eq!(scene.state(FIRST).await, EventState::Done);
        assert_eq!(scene.replay(FIRST).await, Some(Replay::Reevaluating));
        assert_eq!(scene.replay(InboxId(99)).await, None);
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.incoming), ["Invoice.pdf"]);
    })
    .await;
}

#[tokio::test]
async fn an_event_that_could_not_be_decided_is_decided_after_a_replay() {
    scenario(async |scene| {
        scene.undecidable().await;
        assert_eq!(scene.state(FIRST).await, EventState::Dead);
        let dead = scene.db.read(|sql| journal::select(sql, &dead_letters()));
        assert_eq!(dead.await.unwrap(), [FIRST]);

        assert_eq!(scene.replay(FIRST).await, Some(Replay::Reevaluating));
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}

#[tokio::test]
async fn discarding_a_dead_letter_discards_the_actions_behind_it() {
    scenario(async |scene| {
        scene.leaving(Leftover::Discarded, 2);
        scene.refuse("fileops/move");
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work_to_the_end().await;
        assert_eq!(scene.count("notify", "waiting").await, 1);

        let discarded = Discarded {
            decisions: 0,
            actions: 1,
            behind: 1,
        };
        assert_eq!(scene.discard(FIRST).await, Some(discarded));
        let details = scene.details(FIRST).await;
        let states: Vec<&str> = details.actions.iter().map(|a| a.state.as_str()).collect();
        assert_eq!(states, ["done", "discarded", "discarded"]);
        let code = details.actions[1].reason_code.as_deref();
        assert_eq!(code, Some("attempts_used_up"), "the reason is kept");
        assert_eq!(details.event.state, EventState::Discarded);

        assert_eq!(scene.discard(FIRST).await, Some(Discarded::default()));
        assert_eq!(scene.discard(InboxId(99)).await, None);
        scene.work_to_the_end().await;
        assert_eq!(scene.calls("PUT", "fileops/move"), MAX_ATTEMPTS as usize);
    })
    .await;
}

#[tokio::test]
async fn a_discarded_event_keeps_its_reason_and_can_be_replayed() {
    scenario(async |scene| {
        scene.undecidable().await;
        let reason = scene.details(FIRST).await.event.reason;
        let page = printed(&scene.run(&["show", "1"]));
        let sentence = reason.as_deref().unwrap();
        assert!(
            page.starts_with(&format!("Event 1: dead\n{sentence}\n")),
            "{page}"
        );
        let discarded = scene.discard(FIRST).await.unwrap();
        assert_eq!((discarded.decisions, discarded.actions), (1, 0));
        let event = scene.details(FIRST).await.event;
        assert_eq!((event.state, event.reason), (EventState::Discarded, reason));

        assert_eq!(scene.replay(FIRST).await, Some(Replay::Reevaluating));
        scene.work_to_the_end().await;
        assert_eq!(scene.state(FIRST).await, EventState::Done);
    })
    .await;
}

#[tokio::test]
async fn a_replay_applies_changed_rules_and_repeats_nothing() {
    scenario(async |scene| {
        scene.upload(&scene.client_room, "Rechnung.pdf");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.incoming), Vec::<String>::new());
        let before = scene.details(FIRST).await.decisions;

        let mut rules = scene.rules();
        rules[1] = invoice_rule(
            folder_id(&scene.client_room),
            folder_id(&scene.incoming),
            Condition::title_prefix(["rechnung"]).unwrap(),
            Vec::new(),
            vec![Trigger::new("file.uploaded")],
        );
        scene.change_rules(rules);
        assert_eq!(scene.replay(FIRST).await, Some(Replay::Reevaluating));
        assert_eq!(scene.state(FIRST).await, EventState::Waiting);
        scene.work_to_the_end().await;

        let after = scene.details(FIRST).await.decisions;
        assert_eq!(after[0], before[0], "the planned decision stays");
        let outcomes: Vec<&str> = after.iter().map(|d| d.outcome.as_str()).collect();
        assert_eq!(outcomes, ["planned", "planned"]);
        assert_eq!(scene.titles(&scene.incoming), ["Rechnung.pdf"]);
        assert_eq!(scene.calls("PUT", "fileops/copy"), 1);
        assert_eq!(scene.replay(FIRST).await, Some(Replay::Reevaluating));
        scene.work_to_the_end().await;
        assert_eq!(scene.details(FIRST).await.decisions, after);
        assert_eq!(scene.calls("PUT", "fileops/copy"), 1);
        assert_eq!(scene.calls("PUT", "fileops/move"), 1);
    })
    .await;
}

#[tokio::test]
async fn an_ignored_event_can_be_replayed_repeatedly() {
    scenario(async |scene| {
        let rules = scene.rules();
        scene.change_rules(Vec::new());
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let event = scene.details(FIRST).await.event;
        assert_eq!(event.state, EventState::Ignored);
        assert_eq!(event.reason.as_deref(), Some("there was no rule"));

        scene.change_rules(rules);
        for _ in 0..3 {
            assert_eq!(scene.replay(FIRST).await, Some(Replay::Reevaluating));
            scene.work_to_the_end().await;
        }
        assert_eq!(scene.details(FIRST).await.decisions.len(), 2);
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}

#[tokio::test]
async fn events_are_listed_by_state() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.leaving(Leftover::WaitingActions, 2);
        scene.leaving(Leftover::UnreadableEvents, 1);
        scene.refuse("fileops/move");
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work_to_the_end().await;
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let unreadable = Event::parse(b"[]").unwrap_err();
        let now = scene.clock.now();
        let keep = move |sql: &_| inbox::keep_unreadable(sql, b"[]", &unreadable, now);
        scene.db.write(keep).await.unwrap();
        scene.upload(&scene.client_room, "later.docx");
        scene.portal.wait_for_deliveries().await;

        let words = |events: &[EventView]| -> Vec<EventState> {
            events.iter().map(|event| event.state).collect()
        };
        let all = scene.list(StateFilter::Any).await;
        assert_eq!(
            words(&all),
            [
                EventState::Waiting,
                EventState::Unreadable,
                EventState::Ignored,
                EventState::Done,
                EventState::Ignored,
                EventState::Dead
            ],
            "the ignored ones are the copies of the service itself"
        );
        assert!(all.is_sorted_by(|one, other| one.id > other.id));
        assert_eq!(
            words(&scene.list(StateFilter::Dead).await),
            [EventState::Dead]
        );
        let waiting = scene.list(StateFilter::Waiting).await;
        assert_eq!(words(&waiting), [EventState::Waiting]);
        let dead_reason = all[5].reason.as_deref().unwrap();
        assert!(
            dead_reason.starts_with("move: 12 attempts"),
            "{dead_reason}"
        );

        let file = all[3].file_id.clone();
        let filter = EventFilter {
            file,
            ..EventFilter::default()
        };
        let of_file = scene.db.read(move |sql| journal::list(sql, &filter, 50));
        assert_eq!(words(&of_file.await.unwrap()), [EventState::Done]);
    })
    .await;
}

#[tokio::test]
async fn the_command_lists_and_shows_events() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.leaving(Leftover::WaitingActions, 1);
        scene.refuse("fileops/move");
        scene.upload(&scene.client_room, "Invoice \u{1b}[31m.pdf");
        scene.work_to_the_end().await;

        let list = scene.run(&["list"]);
        assert!(list.status.success(), "{}", error_output(&list));
        let table = printed(&list);
        assert!(table.starts_with("ID  RECEIVED (UTC)"), "{table}");
        assert!(table.contains("Invoice [31m.pdf"), "{table}");
        assert!(table.contains("  dead     move: 12 attempts"), "{table}");
        assert!(!table.contains('\u{1b}'), "{table}");

        let json: serde_json::Value =
            serde_json::from_slice(&scene.run(&["list", "--json", "--dead"]).stdout).unwrap();
        assert_eq!(json.as_array().unwrap().len(), 1);
        assert_eq!(json[0]["id"], 1);
        assert_eq!(json[0]["state"], "dead");
        assert_eq!(json[0]["received_at"], "2026-03-02T09:00:00Z");

        let show = scene.run(&["show", "1"]);
        let page = printed(&show);
        for expected in [
            "Event 1: dead",
            "invoice  planned",
            "(attempts_used_up)",
            "waits for the move (action 2), which is dead",
            "docspace-courier events replay 1 ",
        ] {
            assert!(page.contains(expected), "{expected}: {page}");
        }
        assert!(!page.contains('\u{1b}'), "{page}");

        let json: serde_json::Value =
            serde_json::from_slice(&scene.run(&["show", "1", "--json"]).stdout).unwrap();
        assert_eq!(json["decisions"][0]["outcome"], "planned");
        assert_eq!(json["actions"][1]["reason_code"], "attempts_used_up");
        assert_eq!(json["actions"][1]["to"], scene.incoming.as_str());
        let event_id = json["body"]["event"]["id"].as_i64().unwrap();
        assert_eq!(json["event_id"], event_id);
        assert!(event_id > 100, "not an id of the store: {event_id}");
        let by_event_id = scene.run(&["show", &event_id.to_string()]);
        assert_eq!(printed(&by_event_id), page);
    })
    .await;
}

#[tokio::test]
async fn the_command_replays_and_discards_events() {
    scenario(async |scene| {
        scene.leaving(Leftover::Discarded, 2);
        scene.advance_past_the_system_clock();
        let check = |arguments: &[&str], code: i32, expected: &str| {
            let output = scene.run(arguments);
            let said = printed(&output) + &error_output(&output);
            assert!(said.contains(expected), "{arguments:?}: {said}");
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        };
        for title in ["Invoice 1.pdf", "Invoice 2.pdf"] {
            scene.refuse("fileops/move");
            scene.upload(&scene.client_room, title);
            scene.work_to_the_end().await;
        }
        let file = scene.details(FIRST).await.event.file_id.unwrap();

        check(&["replay"], 2, "name the events to replay");
        check(&["replay", "--all"], 2, "name the events to replay");
        check(&["replay", "--dead"], 2, "add --all to confirm");
        check(&["replay", "--file", &file], 2, "add --all to confirm");
        check(&["replay", "1", "--dead"], 2, "cannot be used with");
        check(&["discard", "--dead"], 2, "add --all to confirm");
        check(&["show", "999999"], 1, "there is no event 999999");
        check(&["replay", "999999"], 1, "there is no event 999999");
        check(&["discard", "999999"], 1, "there is no event 999999");

        check(
            &["replay", "--file", &file, "--all"],
            0,
            "Replaying 1 event: a running service",
        );
        scene.work_to_the_end().await;
        check(&["discard", "1"], 1, "only dead letters can be discarded");
        check(
            &["discard", "--dead", "--all"],
            0,
            "Discarded 1 dead letter and 1 dependent action.",
        );
        scene.work_to_the_end().await;
        check(
            &["replay", "--dead", "--all"],
            0,
            "There is nothing to replay.",
        );
        check(
            &["replay", "1", "--as-planned"],
            0,
            "Event 1 has no dead letters.",
        );
        assert_eq!(scene.titles(&scene.incoming), ["Invoice 1.pdf"]);
    })
    .await;
}

#[test]
fn the_command_does_not_create_a_missing_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mistyped.db");
    let output = run(&format!("sqlite://{}", path.display()), &["list"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(error_output(&output).contains("there is no store"));
    assert!(!path.exists());

    let output = run("mysql://db/courier", &["list"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(error_output(&output).contains("DATABASE_URL"));
}

/// Every command that works on what the service has stored needs its store.
#[test]
fn no_command_creates_a_store_in_a_wrong_directory() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["catch-up"][..],
        &["backfill", "--status"],
        &["backfill", "--rule", "copy"],
        &["events", "export", "--csv"],
        &["rules", "pause", "copy"],
        &["rules", "try"],
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_docspace-courier"))
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .env("DOCSPACE_API_HOST", "http://127.0.0.1:9")
            .env("DOCSPACE_API_KEY", "sk-test")
            .env("DOCSPACE_WEBHOOK_SECRET", "a-secret-of-16-chars")
            .env("SHARED_WITH_CLIENT_ROOM_ID", "1")
            .env("INTERNAL_PROCESSING_FOLDER_ID", "2")
            .output()
            .unwrap();
        let said = error_output(&output);
        assert!(said.contains("there is no store"), "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn old_finished_events_are_pruned_and_unfinished_ones_are_kept() {
    scenario(async |scene| {
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let unreadable = Event::parse(b"[]").unwrap_err();
        let now: Timestamp = scene.clock.now();
        let keep = move |sql: &_| inbox::keep_unreadable(sql, b"[]", &unreadable, now);
        scene.db.write(keep).await.unwrap();
        scene.refuse("fileops/move");
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work_to_the_end().await;
        // Its room has to be looked up, so it is not decided yet.
        scene.upload(&scene.subfolder, "later.docx");
        scene.portal.wait_for_deliveries().await;
        assert_eq!(scene.worker.prune().await.unwrap(), 0);

        scene.clock.advance(RETENTION + Duration::from_secs(1));
        assert!(scene.worker.prune().await.unwrap() >= 3);
        let left: Vec<EventState> = scene
            .list(StateFilter::Any)
            .await
            .iter()
            .map(|event| event.state)
            .collect();
        assert_eq!(left, [EventState::Waiting, EventState::Dead]);
        assert_eq!(scene.actions().await.len(), 3, "the dead event's own");

        // A recent replay is not pruned at once.
        let dead = scene.list(StateFilter::Dead).await[0].id;
        assert_eq!(scene.replay(dead).await, Some(Replay::Reevaluating));
        scene.work_to_the_end().await;
        assert_eq!(scene.worker.prune().await.unwrap(), 0);
        assert_eq!(scene.state(dead).await, EventState::Done);
    })
    .await;
}
