//! Rules are applied to files that exist already, once, behind live work.

use std::time::Duration;

use docspace_courier::audit::Through;
use docspace_courier::backfill::{
    self, Backfill, BackfillRequest, BackfillState, BackfillStep, Backfiller, Cost,
};
use docspace_courier::catch_up::ListRooms;
use docspace_courier::journal::{EventFilter, StateFilter};
use docspace_courier::outbox::Held;
use docspace_courier::replay::ReplayMode;
use docspace_sandbox::{FileId, UploadEvents};

use crate::events::{FIRST, printed};

use crate::scene::{Leftover, Scene, folder_id, scenario};
use crate::variable;

/// The most steps in one test.
const STEPS: usize = 10_000;

/// Files of the long test; the default keeps the suite quick.
fn many() -> usize {
    usize::try_from(variable("COURIER_BACKFILL_FILES", 600)).unwrap()
}

impl Scene {
    pub fn backfiller(&self) -> Backfiller {
        self.parts.backfiller()
    }

    /// Uploads files of which no event tells.
    pub fn existing(&self, count: usize) -> Vec<FileId> {
        self.existing_named("file", count)
    }

    fn existing_named(&self, name: &str, count: usize) -> Vec<FileId> {
        self.portal.set_webhook_enabled(self.webhook, false);
        let files = (0..count)
            .map(|number| {
                // A few files are created in the same second.
                if number % 7 == 0 {
                    self.clock.advance(Duration::from_secs(1));
                }
                let folder = if number % 3 == 0 {
                    &self.subfolder
                } else {
                    &self.client_room
                };
                let title = format!("{name} {number}.txt");
                self.portal
                    .upload(folder, &title, title.as_bytes(), UploadEvents::Uploaded)
            })
            .collect();
        self.portal.set_webhook_enabled(self.webhook, true);
        files
    }

    pub fn request(&self, rules: &[&str]) -> BackfillRequest {
        let rules = rules.iter().map(|&rule| rule.to_owned()).collect();
        let active = self.parts.rules.get();
        BackfillRequest::new(active.rules(), rules, Vec::new(), (None, None)).unwrap()
    }

    pub async fn order_backfill(&self, request: &BackfillRequest) -> Option<i64> {
        let (request, now) = (request.clone(), self.clock.now());
        let order = self
            .db
            .write(move |sql| backfill::order(sql, &request, &Through::Command.into(), now));
        order.await.unwrap()
    }

    async fn latest_backfill(&self) -> Backfill {
        self.db.read(backfill::latest).await.unwrap().unwrap()
    }

    /// Carries out what is ordered, with the work that it plans, until it ends.
    pub async fn backfill_to_the_end(&self) {
        let backfiller = self.backfiller();
        for _ in 0..STEPS {
            match backfiller.step().await.unwrap() {
                BackfillStep::Page => {}
                BackfillStep::Busy => {
                    self.work_to_the_end().await;
                    self.clock.advance(Duration::from_secs(10));
                }
                BackfillStep::Ended | BackfillStep::Idle => {
                    self.work_to_the_end().await;
                    return;
                }
            }
        }
        panic!(
            "the backfill does not end: {:?}",
            self.latest_backfill().await
        );
    }

    /// Applies the copy rule to everything that it watches.
    async fn backfill_copies(&self) {
        let ordered = self.order_backfill(&self.request(&["copy"])).await;
        assert!(ordered.is_some(), "one at a time");
        self.backfill_to_the_end().await;
    }

    /// How often each title is in the destination of the copy rule; more than once is an error.
    pub fn copies(&self) -> usize {
        let mut contents = self.contents(&self.internal);
        let all = contents.len();
        contents.dedup();
        assert_eq!(contents.len(), all, "something was copied twice");
        all
    }
}

#[expect(
    clippy::print_stdout,
    reason = "a longer run by hand is for its figures"
)]
#[tokio::test]
async fn existing_files_are_copied_once_with_few_calls() {
    scenario(async |scene| {
        let files = many();
        scene.existing(files);
        let request = scene.request(&["copy"]);
        let backfiller = scene.backfiller();
        let rules = request.rules(scene.parts.rules.get().rules()).unwrap();
        let survey = backfiller.survey(&rules, request.clone()).await.unwrap();
        assert_eq!(survey.counts.files, files as u64);
        assert_eq!(survey.counts.transfers, files as u64);
        assert_eq!(survey.cost, Cost::of(survey.counts));
        assert_eq!(scene.actions().await.len(), 0, "a dry run changes nothing");

        assert!(scene.order_backfill(&request).await.is_some());
        assert_eq!(scene.order_backfill(&request).await, None, "one at a time");
        let before = scene.portal.calls_made();
        scene.backfill_to_the_end().await;
        let calls = scene.portal.calls_made() - before;
        let backfill = scene.latest_backfill().await;
        assert_eq!(backfill.state, BackfillState::Done);
        assert_eq!(backfill.counts.files, files as u64);
        assert_eq!(scene.copies(), files);
        let writes = scene.calls("PUT", "fileops/copy");
        assert!(writes <= files.div_ceil(100) + 3, "{writes} writes");
        assert!(
            backfill.counts.pages <= files.div_ceil(85) as u64 + 1,
            "{backfill:?}"
        );
        println!(
            "{files} files: {} pages, {calls} calls in all, {writes} writes",
            backfill.counts.pages
        );

        // Another one finds that everything was done.
        scene.order_backfill(&request).await.unwrap();
        scene.backfill_to_the_end().await;
        let again = scene.latest_backfill().await;
        assert_eq!(again.counts.handled, files as u64);
        assert_eq!(again.counts.transfers, 0);
        assert_eq!(scene.calls("PUT", "fileops/copy"), writes);
    })
    .await;
}

#[tokio::test]
async fn what_was_delivered_is_not_done_again_nor_the_other_way_round() {
    scenario(async |scene| {
        let existing = scene.existing(3);
        scene.upload(&scene.client_room, "delivered.docx");
        scene.work_to_the_end().await;
        scene.backfill_copies().await;
        assert_eq!(scene.copies(), 4);
        assert_eq!(scene.latest_backfill().await.counts.handled, 1);

        // The portal delivers late what the backfill did; catch-up lists the room.
        scene.portal.rename(&existing[0], "renamed.txt");
        scene.catch_up().run_once(ListRooms::Always).await.unwrap();
        scene.work_to_the_end().await;
        scene.backfill_copies().await;
        assert_eq!(scene.copies(), 4);
        // A replay of what the backfill did does nothing either.
        scene.replay_all().await;
        assert_eq!(scene.copies(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_delivery_that_arrives_after_the_backfill_is_not_done_again_though_the_file_changed() {
    scenario(async |scene| {
        scene.stop_receiving().await;
        let file = scene.upload(&scene.client_room, "late.docx");
        scene.portal.wait_for_deliveries().await;
        scene.clock.advance(Duration::from_mins(2));
        scene.portal.edit(&file, b"edited");
        scene.backfill_copies().await;
        assert_eq!(scene.copies(), 1);
        // A person has DocSpace send the delivery again.
        scene.start_receiving();
        for row in scene.portal.log() {
            scene.portal.retry_delivery(row.event);
        }
        scene.portal.wait_for_deliveries().await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["late.docx"]);
        // What is uploaded after the backfill is new.
        scene.clock.advance(Duration::from_mins(2));
        let events = UploadEvents::Uploaded;
        scene.portal.overwrite(&file, b"a new version", events);
        scene.portal.wait_for_deliveries().await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 2);
        scene.leaving(Leftover::FailedDeliveries, scene.failed_deliveries());
    })
    .await;
}

#[tokio::test]
async fn a_backfill_of_one_rule_hides_no_missed_upload_from_the_others() {
    scenario(async |scene| {
        let catch_up = scene.catch_up();
        catch_up.run_once(ListRooms::IfNeeded).await.unwrap();
        scene.clock.advance(Duration::from_hours(1));
        scene.existing_named("invoice", 1);
        scene.backfill_copies().await;
        assert_eq!(scene.copies(), 1);
        let report = scene.catch_up().run_once(ListRooms::IfNeeded).await;
        assert_eq!(report.unwrap().found, Some(1));
        scene.work_to_the_end().await;
        assert_eq!(scene.copies(), 1);
        assert_eq!(scene.titles(&scene.incoming), ["invoice 0.txt"]);
        // Now it is known.
        let report = scene.catch_up().run_once(ListRooms::Always).await;
        assert_eq!(report.unwrap().found, Some(0));
    })
    .await;
}

#[tokio::test]
async fn what_a_backfill_found_is_no_missed_upload_after_a_new_title() {
    scenario(async |scene| {
        let catch_up = scene.catch_up();
        catch_up.run_once(ListRooms::IfNeeded).await.unwrap();
        scene.clock.advance(Duration::from_hours(1));
        let file = scene.existing_named("invoice", 1).remove(0);
        scene.backfill_copies().await;
        scene.clock.advance(Duration::from_mins(1));
        scene.portal.set_webhook_enabled(scene.webhook, false);
        scene.portal.rename(&file, "invoice renamed.txt");
        scene.portal.set_webhook_enabled(scene.webhook, true);
        let report = scene.catch_up().run_once(ListRooms::IfNeeded).await;
        assert_eq!(report.unwrap().found, Some(1));
        scene.work_to_the_end().await;
        assert_eq!(scene.copies(), 1);
        let moved = scene.titles(&scene.incoming);
        assert_eq!(moved, ["invoice renamed.txt"], "by the other rule");
        let report = scene.catch_up().run_once(ListRooms::Always).await;
        assert_eq!(report.unwrap().found, Some(0));
    })
    .await;
}

#[tokio::test]
async fn a_replay_of_what_a_backfill_found_applies_the_rules_of_the_backfill_only() {
    scenario(async |scene| {
        let before = scene.upload(&scene.client_room, "invoice before.txt");
        scene.portal.wait_for_deliveries().await;
        scene.clock.advance(Duration::from_mins(1));
        scene.portal.rename(&before, "invoice renamed.txt");
        scene.existing_named("invoice", 1);
        scene.backfill_copies().await;
        assert_eq!(scene.copies(), 2);
        let moved = || scene.titles(&scene.incoming);
        assert_eq!(moved(), ["invoice renamed.txt"], "by its delivery");
        scene.replay_all().await;
        assert_eq!(scene.copies(), 2);
        assert_eq!(moved(), ["invoice renamed.txt"]);
        assert_eq!(scene.count("move", "done").await, 1, "not moved again");
    })
    .await;
}

impl Scene {
    async fn replay_all(&self) {
        let now = self.clock.now();
        let all = EventFilter::default();
        let events = self
            .db
            .read(move |sql| docspace_courier::journal::select(sql, &all))
            .await
            .unwrap();
        let order = Through::Command.into();
        docspace_courier::replay::order(&self.db, &events, ReplayMode::CurrentRules, &order, now)
            .await
            .unwrap();
        self.work_to_the_end().await;
    }
}

#[tokio::test]
async fn a_backfill_goes_on_after_kills_while_files_come_and_go() {
    scenario(async |scene| {
        let files = scene.existing(450);
        scene
            .order_backfill(&scene.request(&["copy"]))
            .await
            .unwrap();
        let mut deleted = 0;
        for kill in 0..3 {
            assert_eq!(scene.backfiller().step().await.unwrap(), BackfillStep::Page);
            scene.work_to_the_end().await;
            scene.clock.advance(Duration::from_secs(30));
            scene.upload(&scene.client_room, &format!("live {kill}.txt"));
            // Gone before it was read, or after it was copied.
            for file in &files[kill * 8..kill * 8 + 5] {
                scene.portal.delete(file);
            }
            scene.portal.delete(&files[440 - kill]);
            deleted += 1;
            scene.crash_and_restart().await;
        }
        scene.backfill_to_the_end().await;
        assert_eq!(scene.copies(), 450 - deleted + 3);
        assert_eq!(scene.latest_backfill().await.state, BackfillState::Done);
    })
    .await;
}

#[tokio::test]
async fn live_uploads_do_not_wait_for_a_backfill() {
    scenario(async |scene| {
        scene.existing(300);
        scene
            .order_backfill(&scene.request(&["copy"]))
            .await
            .unwrap();
        while scene.backfiller().step().await.unwrap() == BackfillStep::Page {}
        assert!(scene.count("copy", "waiting").await >= 200);
        scene.upload(&scene.client_room, "live.txt");
        scene.portal.wait_for_deliveries().await;
        scene.worker.decide_next().await.unwrap();
        scene.worker.process_next().await.unwrap();
        assert_eq!(
            scene.titles(&scene.internal),
            ["live.txt"],
            "it is the next call"
        );
        scene.backfill_to_the_end().await;
        assert_eq!(scene.copies(), 301);
    })
    .await;
}

#[tokio::test]
async fn a_backfill_leaves_half_of_the_writes_of_a_day() {
    scenario(async |scene| {
        scene.existing(30);
        scene
            .order_backfill(&scene.request(&["copy"]))
            .await
            .unwrap();
        assert_eq!(
            scene.backfiller().step().await.unwrap(),
            BackfillStep::Ended
        );
        scene
            .parts
            .portal
            .budget()
            .set_writes_today(5_000, scene.clock.now());
        scene.work().await;
        assert_eq!(scene.copies(), 0);
        scene.upload(&scene.client_room, "live.txt");
        scene.portal.wait_for_deliveries().await;
        scene.worker.decide_next().await.unwrap();
        scene.worker.process_next().await.unwrap();
        assert_eq!(scene.titles(&scene.internal), ["live.txt"]);
        scene.clock.advance(Duration::from_hours(24));
        scene.work_to_the_end().await;
        assert_eq!(scene.copies(), 31);
    })
    .await;
}

#[tokio::test]
async fn a_backfill_can_be_stopped_and_is_limited_to_a_time() {
    scenario(async |scene| {
        scene.existing(250);
        scene
            .order_backfill(&scene.request(&["copy"]))
            .await
            .unwrap();
        scene.backfiller().step().await.unwrap();
        let now = scene.clock.now();
        assert!(
            scene
                .db
                .write(move |sql| backfill::stop(sql, &Through::Command.into(), now))
                .await
                .unwrap()
        );
        assert_eq!(scene.backfiller().step().await.unwrap(), BackfillStep::Idle);
        scene.work_to_the_end().await;
        assert_eq!(scene.copies(), 100, "what was planned is carried out");

        scene.clock.advance(Duration::from_hours(1));
        let since = scene.clock.now();
        scene.existing_named("newer", 5);
        let request = BackfillRequest {
            since: Some(since),
            ..scene.request(&["copy"])
        };
        scene.order_backfill(&request).await.unwrap();
        scene.backfill_to_the_end().await;
        assert_eq!(scene.latest_backfill().await.counts.transfers, 5);
        assert_eq!(scene.copies(), 105);
    })
    .await;
}

#[tokio::test]
async fn a_paused_rule_holds_what_a_backfill_plans() {
    scenario(async |scene| {
        scene.existing(5);
        scene.pause_rule("copy").await;
        scene.backfill_copies().await;
        assert_eq!(scene.copies(), 0);
        scene.resume_rule("copy", Held::Do).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.copies(), 5);
        let page = printed(&scene.run(&["show", "1"]));
        assert!(page.contains("found by a backfill"), "{page}");
        let done = EventFilter {
            states: StateFilter::Done,
            ..EventFilter::default()
        };
        let done = scene
            .db
            .read(move |sql| docspace_courier::journal::select(sql, &done));
        assert_eq!(done.await.unwrap().len(), 5);
        assert_eq!(scene.state(FIRST).await.as_str(), "done");
    })
    .await;
}

#[tokio::test]
async fn a_rule_that_no_longer_exists_ends_its_backfill() {
    scenario(async |scene| {
        scene.existing(5);
        scene
            .order_backfill(&scene.request(&["invoice"]))
            .await
            .unwrap();
        let mut rules = scene.rules();
        rules.truncate(1);
        scene.change_rules(rules);
        assert_eq!(
            scene.backfiller().step().await.unwrap(),
            BackfillStep::Ended
        );
        let backfill = scene.latest_backfill().await;
        assert_eq!(backfill.state, BackfillState::Stopped);
        assert_eq!(
            backfill.reason.as_deref(),
            Some("there is no rule “invoice”")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_shows_orders_and_stops() {
    scenario(async |scene| {
        scene.existing(12);
        let run = |arguments: &[&str]| {
            let output = std::process::Command::new(env!("CARGO_BIN_EXE_docspace-courier"))
                .arg("backfill")
                .args(arguments)
                .env_clear()
                .env("DATABASE_URL", scene.store.url())
                .env("DOCSPACE_API_HOST", scene.host())
                .env("DOCSPACE_API_KEY", scene.portal.api_key())
                .env("DOCSPACE_WEBHOOK_SECRET", "a-secret-of-16-chars")
                .env("SHARED_WITH_CLIENT_ROOM_ID", scene.client_room.as_str())
                .env("INTERNAL_PROCESSING_FOLDER_ID", scene.internal.as_str())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            (output.status.code(), said)
        };
        let check = |arguments: &[&str], code: i32, expected: &str| {
            let (status, said) = run(arguments);
            assert!(said.contains(expected), "{arguments:?}: {said}");
            assert_eq!(status, Some(code), "{arguments:?}: {said}");
        };
        let room = folder_id(&scene.client_room).to_string();
        check(&["--rule", "copyy"], 2, "there is no rule “copyy”");
        check(&["--rule", "copyy"], 2, "the rules are: copy");
        let nowhere = &["--rule", "copy", "--room", "999999"];
        check(nowhere, 2, "there is no room or folder 999999");
        check(&["--rule", "copy"], 0, "Copies and moves: 12.");
        check(&["--rule", "copy"], 0, "copy to folder 341029");
        check(&["--rule", "copy"], 0, "and 2 more");
        check(
            &["--rule", "copy", "--room", &room],
            0,
            "Add --yes to run it.",
        );
        check(&["--status"], 0, "There was no backfill.");
        check(&["--rule", "copy", "--yes"], 0, "Backfill 1 is queued.");
        check(&["--rule", "copy", "--yes"], 1, "a backfill is under way");
        check(&["--status"], 0, "Backfill 1 of copy: running");
        check(&["--stop"], 0, "The backfill is stopped.");
        check(&["--stop"], 1, "no backfill is under way");
    })
    .await;
}
