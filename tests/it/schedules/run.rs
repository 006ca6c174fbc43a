//! Carries out a schedule in a scene, and checks the portal at the end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use docspace_courier::actions::Call;
use docspace_courier::actions::failpoint::Failpoints;
use docspace_courier::audit::Through;
use docspace_courier::catch_up::ListRooms;
use docspace_courier::inbox::{self, InboxId};
use docspace_courier::rules::Rule;
use docspace_sandbox::{Fault, FileId, FolderId, UploadEvents};
use jiff::SignedDuration;

use super::instances::Frozen;
use super::model::Model;
use super::operators::Operators;
use super::step::{Destination, Place, Step};
use crate::pipeline::Receiver;
use crate::scene::{Leftover, MAX_ATTEMPTS, Scene, TRIGGERS};

/// Longer than a lease, and than the portal takes to try a delivery in vain.
const WHILE: Duration = Duration::from_mins(3);

/// Rows of the delivery log that fill more than a page.
const BACKLOG: usize = 130;

/// A schedule that is carried out in a scene.
pub struct Run<'scene> {
    pub scene: &'scene mut Scene,
    pub frozen: VecDeque<Frozen>,
    /// How often the service was killed, which can be between a message and the record of it.
    pub kills: usize,
    pub model: Model,
    pipeline: Receiver,
    pub operators: Operators,
    /// How many attempts injected faults can use up.
    failures: u32,
}

impl<'scene> Run<'scene> {
    pub async fn start(scene: &'scene mut Scene) -> Self {
        let pipeline = Receiver::start().await;
        scene.parts.channels = pipeline.as_pipeline(None);
        let first = scene.catch_up().run_once(ListRooms::IfNeeded).await;
        first.unwrap();
        let elsewhere = scene.portal.create_folder(&scene.internal, "Elsewhere");
        let mut run = Self {
            operators: Operators::new(elsewhere),
            scene,
            frozen: VecDeque::new(),
            kills: 0,
            model: Model::new(),
            pipeline,
            failures: 0,
        };
        run.restart(Failpoints::default()).await;
        run
    }

    /// The rules of the scene, with a call of the pipeline after the move.
    pub fn rules(&self) -> Vec<Rule> {
        let mut rules = self.scene.rules();
        rules[1].actions.push(Call::Call.into());
        if let Some(copy) = self.operators.copy() {
            rules[0].actions = vec![copy];
        }
        rules
    }

    pub async fn step(&mut self, step: Step) {
        // The portal's times have whole seconds; it changes nothing twice within one.
        self.scene.clock.advance(Duration::from_secs(1));
        match step {
            Step::Upload {
                place,
                title,
                announced,
            } => self.upload(place, title, announced),
            Step::Overwrite(number) => self.overwrite(number),
            Step::Edit(number) => self.edit(number),
            Step::Rename(number) => self.rename(number),
            Step::Lock(number, locked) => self.lock(number, locked),
            Step::OpenInEditor(number, open) => self.with_file(number, |run, file| {
                run.scene.portal.open_in_editor(file, open);
            }),
            Step::RetryByHand(number) => self.retry_by_hand(number),
            Step::SwitchWebhook(on) => self.switch_webhook(on),
            Step::SubscribeToUpdates(subscribe) => self.subscribe_to_updates(subscribe),
            Step::ChangeDestination(to) => self.change_destination(to).await,
            Step::Pause { copy } => self.pause(copy).await,
            Step::ResumeRules => self.resume_rules().await,
            Step::ReplayEverything => self.replay_everything().await,
            Step::Backfill { invoices } => self.backfill(invoices).await,
            Step::Fail(fault) => self.fail(fault),
            Step::PortalDown => self.scene.portal.set_down(true),
            Step::KeyRefused => self.scene.portal.set_key_valid(false),
            Step::PortalRecovers => self.recover(),
            Step::ForgetResults => self.scene.portal.forget_results(),
            Step::CloseReceiver => self.close_receiver().await,
            Step::OpenReceiver => self.open_receiver(),
            Step::ChannelDown => self.pipeline.fail_for("{"),
            Step::ChannelRecovers => self.pipeline.fail_for("nothing"),
            Step::ChannelFails(status) => self.pipeline.answer_once(status),
            Step::Crash(failpoint) => self.crash(failpoint).await,
            Step::Kill(calls) => self.kill_after(calls).await,
            Step::SlowCall { time, killed } => self.slow_call(time, killed).await,
            Step::Freeze(failpoint) => self.freeze(failpoint).await,
            Step::Resume => self.resume().await,
            Step::ClockJumps { by, restart } => self.step_clock(by, restart).await,
            Step::Work => self.scene.work().await,
            Step::TimePasses(time) => self.scene.clock.advance(time),
            Step::CatchUp { at_start: true } => drop(self.catch_up(ListRooms::Always).await),
            Step::CatchUp { at_start: false } => drop(self.catch_up(ListRooms::IfNeeded).await),
            Step::CatchUpWithMovingLog(rows) => self.catch_up_with_moving_log(rows).await,
        }
        self.scene.portal.wait_for_operations().await;
    }

    fn upload(&mut self, place: Place, title: &str, announced: UploadEvents) {
        let folder = match place {
            Place::ClientRoom => self.scene.client_room.clone(),
            Place::Subfolder => self.scene.subfolder.clone(),
            Place::OtherRoom => self.scene.portal.seed().other_room.clone(),
        };
        let content = Model::content(self.model.files.len());
        let file = self
            .scene
            .portal
            .upload(&folder, title, &content, announced);
        let is_watched = self.is_watched(&folder);
        self.model.uploaded(file, title, is_watched);
    }

    fn is_watched(&self, folder: &FolderId) -> bool {
        [&self.scene.client_room, &self.scene.subfolder].contains(&folder)
    }

    /// Whether a file is in a watched folder now.
    fn is_file_watched(&self, file: &FileId) -> bool {
        self.is_watched(&self.scene.portal.file(file).unwrap().folder)
    }

    fn overwrite(&mut self, number: usize) {
        let Some((position, file)) = self.model.pick(number) else {
            return;
        };
        let content = Model::content(position);
        let portal = &self.scene.portal;
        portal.overwrite(&file, &content, UploadEvents::Uploaded);
        if self.is_file_watched(&file) {
            self.model.overwritten(position);
        }
    }

    fn edit(&mut self, number: usize) {
        let Some((position, file)) = self.model.pick(number) else {
            return;
        };
        self.scene.portal.edit(&file, &Model::content(position));
        if self.is_file_watched(&file) {
            self.model.edited(position);
        }
    }

    fn rename(&mut self, number: usize) {
        let Some((position, file)) = self.model.pick(number) else {
            return;
        };
        let title = self.model.new_title(position);
        self.scene.portal.rename(&file, &title);
        self.model.changed(position);
    }

    /// Locks or unlocks a file. That raises an event with the file's state.
    fn lock(&mut self, number: usize, locked: bool) {
        if let Some((position, file)) = self.model.pick(number) {
            self.scene.portal.lock(&file, locked);
            self.model.changed(position);
        }
    }

    fn with_file(&self, number: usize, change: impl FnOnce(&Self, &FileId)) {
        if let Some((_, file)) = self.model.pick(number) {
            change(self, &file);
        }
    }

    fn retry_by_hand(&self, number: usize) {
        let log = self.scene.portal.log();
        if !log.is_empty() {
            self.scene
                .portal
                .retry_delivery(log[number % log.len()].event);
        }
    }

    fn switch_webhook(&mut self, on: bool) {
        let webhook = self.scene.webhook;
        self.scene.portal.set_webhook_enabled(webhook, on);
        self.model.switch_webhook(on);
    }

    fn subscribe_to_updates(&mut self, subscribe: bool) {
        let triggers = if subscribe { &[][..] } else { &TRIGGERS };
        let webhook = self.scene.webhook;
        self.scene.portal.set_webhook_triggers(webhook, triggers);
        self.model.subscribe_to_updates(subscribe);
    }

    /// Injects a fault, unless all faults together could use up the attempts of one action.
    fn fail(&mut self, fault: Fault) {
        if self.failures + fault.times < MAX_ATTEMPTS {
            self.failures += fault.times;
            self.scene.portal.inject_fault(fault);
        }
    }

    fn recover(&self) {
        self.scene.portal.set_down(false);
        self.scene.portal.set_key_valid(true);
    }

    async fn close_receiver(&mut self) {
        self.scene.portal.wait_for_deliveries().await;
        self.scene.stop_receiving().await;
        self.model.receiver_is_closed = true;
    }

    /// Opens a closed receiver. An open one stays as it is: closing it would fail deliveries.
    fn open_receiver(&mut self) {
        if std::mem::take(&mut self.model.receiver_is_closed) {
            self.scene.start_receiving();
        }
    }

    /// Steps the wall clock of the service's machine.
    async fn step_clock(&mut self, by: SignedDuration, restart: bool) {
        self.scene.clock.step_wall(by);
        if restart {
            // All instances of a scene share a clock.
            self.resume_all().await;
            self.scene.clock.restart();
            self.restart(Failpoints::default()).await;
        }
    }

    async fn resume_all(&mut self) {
        while !self.frozen.is_empty() {
            self.resume().await;
        }
    }

    async fn catch_up(&mut self, list_rooms: ListRooms) -> bool {
        self.scene.portal.wait_for_deliveries().await;
        match self.scene.catch_up().run_once(list_rooms).await {
            Ok(report) => {
                if report.found.is_some() {
                    self.model.listed();
                }
                true
            }
            Err(_) => false,
        }
    }

    /// Fills the delivery log with events of the other room, and reads it while it shifts.
    async fn catch_up_with_moving_log(&mut self, rows: usize) {
        let was_closed = self.model.receiver_is_closed;
        self.close_receiver().await;
        let other = self.scene.portal.seed().other_room.clone();
        for _ in 0..BACKLOG {
            self.scene.upload(&other, "other.docx");
        }
        self.scene.portal.wait_for_deliveries().await;
        if !was_closed {
            self.open_receiver();
        }
        self.scene.clock.advance(WHILE);
        self.scene.portal.set_delivered_per_log_page(rows);
        self.catch_up(ListRooms::IfNeeded).await;
        self.scene.portal.set_delivered_per_log_page(0);
    }

    /// Ends all failures; then everything must be done without a person.
    pub async fn end(mut self) {
        self.end_failures().await;
        let mut runs = 0;
        while !self.catch_up(ListRooms::Always).await {
            // The circuit may still be open.
            assert!(runs < 10, "catching up fails although nothing else does");
            runs += 1;
            self.scene.clock.advance(Duration::from_mins(1));
        }
        self.end_backfill().await;
        self.scene.work_to_the_end().await;
        if self.operators.mistyped() {
            self.replay_everything().await;
            self.scene.work_to_the_end().await;
        }
        self.check();

        self.replay_everything().await;
        self.scene.work_to_the_end().await;
        self.check();

        // The log keeps the failed deliveries, whose uploads the catch-up has found.
        let failed = self.scene.failed_deliveries();
        if failed > 0 {
            self.scene.leaving(Leftover::FailedDeliveries, failed);
        }
    }

    async fn end_failures(&mut self) {
        self.resume_all().await;
        self.scene.portal.retain_faults(|_| false);
        self.recover();
        self.open_receiver();
        self.pipeline.fail_for("nothing");
        self.switch_webhook(true);
        self.resume_rules().await;
        self.change_destination(Destination::Internal).await;
        for position in 0..self.model.files.len() {
            let file = self.model.files[position].id.clone();
            self.scene.portal.open_in_editor(&file, false);
            if self
                .scene
                .portal
                .file(&file)
                .is_some_and(|file| file.locked)
            {
                self.lock(position, false);
            }
        }
        self.scene.portal.wait_for_deliveries().await;
        self.scene.clock.advance(WHILE);
    }

    fn check(&self) {
        let folders = [&self.scene.internal, &self.operators.elsewhere].into_iter();
        let copies: Vec<_> = folders
            .flat_map(|folder| self.scene.portal.files_in(folder))
            .collect();
        let mut expected = 0;
        for (position, file) in self.model.files.iter().enumerate() {
            let content = Model::content(position);
            let count = copies.iter().filter(|copy| copy.content == content).count();
            let times = self.model.copies(position);
            assert!(
                times.contains(count),
                "{count} copies of file {position}, not {times:?}"
            );
            expected += count;
            let now = self.scene.portal.file(&file.id).unwrap();
            let moved = now.folder == self.scene.incoming;
            let must_move = file.is_invoice && times.least > 0;
            let may_move = file.is_invoice && times.most > 0;
            assert!(
                moved == must_move || moved == may_move,
                "file {position} is in {}",
                now.folder
            );
        }
        assert_eq!(copies.len(), expected, "other files are copied");
        self.check_messages();
    }

    /// Each move of an invoice is followed by one call of the pipeline, which only a kill can repeat.
    fn check_messages(&self) {
        let calls = self.pipeline.calls().into_iter();
        let accepted: Vec<_> = calls.filter(|call| call.status == 200).collect();
        let mut messages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for call in &accepted {
            let file = call.json()["file"]["id"].to_string();
            let id = call.header("webhook-id").to_owned();
            messages.entry(file).or_default().insert(id);
        }
        for (position, file) in self.model.files.iter().enumerate() {
            let sent = messages.remove(file.id.as_str()).unwrap_or_default().len();
            let times = self.model.copies(position);
            let allowed = if file.is_invoice {
                times.contains(sent)
            } else {
                sent == 0
            };
            assert!(
                allowed,
                "{sent} messages about file {position}, not {times:?}"
            );
        }
        assert_eq!(messages, BTreeMap::new(), "messages about other files");
        let ids: BTreeSet<&str> = accepted
            .iter()
            .map(|call| call.header("webhook-id"))
            .collect();
        assert!(
            accepted.len() - ids.len() <= self.kills,
            "repeated messages"
        );
    }

    /// Replays every event, as a person could: what is done must not be repeated.
    pub async fn replay_everything(&self) {
        let now = self.scene.clock.now();
        let replay = self.scene.db.write(move |sql| {
            let events: Vec<i64> = sql.query("SELECT id FROM events", &[], |row| row.get(0))?;
            events.into_iter().try_for_each(|id| {
                inbox::replay(sql, InboxId(id), &Through::Command.into(), now).map(drop)
            })
        });
        replay.await.unwrap();
    }
}
