//! Random schedules of uploads, redeliveries, failures, crashes and recoveries, checked against a small model:
//! no schedule loses or repeats an effect.
//!
//! `COURIER_SCHEDULES` and `COURIER_SCHEDULES_SEED` change their number and seed, for longer runs by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use docspace_courier::actions::failpoint::{Failpoint, Failpoints};
use docspace_courier::catch_up::ListRooms;
use docspace_courier::inbox::{self, InboxId, ReplayedBy};
use docspace_sandbox::{Fault, FaultEffect, FileId, FolderId, UploadEvents};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use crate::scene::{Leftover, Scene, scenario};
use crate::variable;

/// The most steps of one schedule.
const LONGEST: usize = 14;

#[derive(Clone, Debug)]
enum Step {
    Upload {
        place: Place,
        title: &'static str,
        announced: UploadEvents,
    },
    Overwrite(usize),
    RetryByHand(usize),
    Fail(Fault),
    Crash(Failpoint),
    Work,
    TimePasses(Duration),
    PortalDown,
    KeyRefused,
    PortalRecovers,
    CloseReceiver,
    OpenReceiver,
    CatchUp,
    ForgetResults,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    ClientRoom,
    Subfolder,
    OtherRoom,
}

fn step() -> impl Strategy<Value = Step> {
    let announced = || {
        select(vec![
            UploadEvents::Uploaded,
            UploadEvents::CreatedAndUploaded,
        ])
    };
    let place = select(vec![
        Place::ClientRoom,
        Place::ClientRoom,
        Place::Subfolder,
        Place::OtherRoom,
    ]);
    let title = select(vec![
        "plan.docx",
        "plan (1).docx",
        "Invoice.pdf",
        "invoice 2.pdf",
        "no extension",
    ]);
    let failpoint = select(vec![
        Failpoint::BeforeCall,
        Failpoint::AfterAnswer,
        Failpoint::OperationStored,
        Failpoint::BeforeFinish,
    ]);
    prop_oneof![
        5 => (place, title, announced())
            .prop_map(|(place, title, announced)| Step::Upload { place, title, announced }),
        1 => any::<usize>().prop_map(Step::Overwrite),
        1 => any::<usize>().prop_map(Step::RetryByHand),
        4 => fault().prop_map(Step::Fail),
        2 => failpoint.prop_map(Step::Crash),
        4 => Just(Step::Work),
        1 => (1_u64..100).prop_map(|seconds| Step::TimePasses(Duration::from_secs(seconds))),
        1 => Just(Step::PortalDown),
        1 => Just(Step::KeyRefused),
        2 => Just(Step::PortalRecovers),
        1 => Just(Step::CloseReceiver),
        1 => Just(Step::OpenReceiver),
        1 => Just(Step::CatchUp),
        1 => Just(Step::ForgetResults),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    let call = select(vec![
        ("PUT", "fileops/copy"),
        ("PUT", "fileops/copy"),
        ("PUT", "fileops/move"),
        ("GET", "fileops"),
        ("GET", "files/"),
    ]);
    let effect = select(vec![
        FaultEffect::Status(500),
        FaultEffect::Status(502),
        FaultEffect::Status(429),
        FaultEffect::StatusWithRetryAfter(429, 40),
        FaultEffect::StatusAfter(503),
        FaultEffect::StatusAfter(504),
        FaultEffect::DropBefore,
        FaultEffect::DropAfter,
        FaultEffect::OperationError("nein"),
        FaultEffect::OperationResultLost,
    ]);
    (call, effect, 1_u32..3).prop_map(|((method, path_contains), effect, times)| Fault {
        method: Some(method),
        path_contains,
        times,
        effect,
    })
}

/// What the portal should hold at the end.
#[derive(Default)]
struct Model {
    files: Vec<FileId>,
    /// How often each file of the client room was uploaded there.
    uploads: BTreeMap<FileId, usize>,
    /// Whether the receiver is closed now.
    receiver_is_closed: bool,
    /// Whether deliveries may have failed, because the receiver was closed.
    receiver_was_closed: bool,
}

/// A schedule that is carried out in a scene.
struct Run<'scene> {
    scene: &'scene mut Scene,
    model: Model,
}

impl Run<'_> {
    async fn step(&mut self, step: Step) {
        match step {
            Step::Upload {
                place,
                title,
                announced,
            } => self.upload(place, title, announced),
            Step::Overwrite(pick) => self.overwrite(pick),
            Step::RetryByHand(pick) => self.retry_by_hand(pick),
            Step::Fail(fault) => self.scene.portal.inject_fault(fault),
            Step::Crash(failpoint) => self.crash(failpoint).await,
            Step::Work => self.scene.work().await,
            Step::TimePasses(time) => self.scene.clock.advance(time),
            Step::PortalDown => self.scene.portal.set_down(true),
            Step::KeyRefused => self.scene.portal.set_key_valid(false),
            Step::PortalRecovers => self.recover(),
            Step::CloseReceiver => self.close_receiver().await,
            Step::OpenReceiver => self.open_receiver(),
            Step::CatchUp => drop(self.scene.catch_up().run_once(ListRooms::Always).await),
            Step::ForgetResults => self.scene.portal.forget_results(),
        }
        self.scene.portal.wait_for_operations().await;
    }

    fn upload(&mut self, place: Place, title: &str, announced: UploadEvents) {
        let folder = match place {
            Place::ClientRoom => self.scene.client_room.clone(),
            Place::Subfolder => self.scene.subfolder.clone(),
            Place::OtherRoom => self.scene.portal.seed().other_room.clone(),
        };
        // Files with equal titles have contents of equal size, so that only the order distinguishes them.
        let content = format!("{:04}", self.model.files.len());
        let file = self
            .scene
            .portal
            .upload(&folder, title, content.as_bytes(), announced);
        self.model.files.push(file.clone());
        if self.is_watched(&folder) {
            *self.model.uploads.entry(file).or_default() += 1;
        }
    }

    fn is_watched(&self, folder: &FolderId) -> bool {
        [&self.scene.client_room, &self.scene.subfolder].contains(&folder)
    }

    fn overwrite(&mut self, pick: usize) {
        if self.model.files.is_empty() {
            return;
        }
        let number = pick % self.model.files.len();
        let file = self.model.files[number].clone();
        let folder = self.scene.portal.file(&file).unwrap().folder;
        let content = format!("{number:04}");
        self.scene
            .portal
            .overwrite(&file, content.as_bytes(), UploadEvents::Uploaded);
        if self.is_watched(&folder) {
            *self.model.uploads.entry(file).or_default() += 1;
        }
    }

    fn retry_by_hand(&self, pick: usize) {
        let log = self.scene.portal.log();
        if !log.is_empty() {
            self.scene
                .portal
                .retry_delivery(log[pick % log.len()].event);
        }
    }

    async fn crash(&mut self, failpoint: Failpoint) {
        let failpoints = Failpoints::stop_at(failpoint);
        self.scene.restart_with(failpoints.clone()).await;
        tokio::select! {
            () = self.scene.work() => {}
            () = failpoints.reached() => {}
        }
        self.scene.crash_and_restart().await;
    }

    async fn close_receiver(&mut self) {
        self.scene.stop_receiving().await;
        self.model.receiver_is_closed = true;
        self.model.receiver_was_closed = true;
    }

    /// Opens a closed receiver. An open one stays as it is: closing it would fail deliveries.
    fn open_receiver(&mut self) {
        if std::mem::take(&mut self.model.receiver_is_closed) {
            self.scene.start_receiving();
        }
    }

    fn recover(&self) {
        self.scene.portal.set_down(false);
        self.scene.portal.set_key_valid(true);
    }

    /// Ends all failures, catches up and does all work; then the portal must hold what the model says.
    async fn end(mut self) {
        self.recover();
        self.open_receiver();
        self.scene.portal.wait_for_deliveries().await;
        self.scene.clock.advance(Duration::from_mins(2));
        self.scene.work_to_the_end().await;
        // Faults that have not occurred yet can fail the catch-up, too.
        for _ in 0..20 {
            if self
                .scene
                .catch_up()
                .run_once(ListRooms::Always)
                .await
                .is_ok()
            {
                break;
            }
            self.scene.clock.advance(Duration::from_mins(1));
        }
        self.scene.work_to_the_end().await;
        self.replay_everything().await;
        self.scene.work_to_the_end().await;

        let copies = self.scene.portal.files_in(&self.scene.internal);
        for (number, file) in self.model.files.iter().enumerate() {
            let content = format!("{number:04}").into_bytes();
            let count = copies.iter().filter(|copy| copy.content == content).count();
            let uploads = self.model.uploads.get(file).copied().unwrap_or(0);
            assert_eq!(count, uploads, "copies of file {number}");
            let now = self.scene.portal.file(file).unwrap();
            let is_invoice = now.title.to_lowercase().starts_with("invoice");
            let moved = now.folder == self.scene.incoming;
            assert_eq!(
                moved,
                is_invoice && uploads > 0,
                "file {number} is in {}",
                now.folder
            );
        }
        assert_eq!(copies.len(), self.model.uploads.values().sum::<usize>());
        if self.model.receiver_was_closed {
            // The log keeps the failed deliveries, whose uploads the catch-up has found.
            let failed = self.scene.failed_deliveries();
            if failed > 0 {
                self.scene.leaving(Leftover::FailedDeliveries, failed);
            }
        }
    }

    /// Replays every event, as a person could: many faults can use up the attempts of one action, and what is
    /// done must not be repeated.
    async fn replay_everything(&self) {
        let now = self.scene.clock.now();
        let replay = self.scene.db.write(move |sql| {
            let events: Vec<i64> = sql.query("SELECT id FROM events", &[], |row| row.get(0))?;
            events.into_iter().try_for_each(|id| {
                inbox::replay(sql, InboxId(id), ReplayedBy::Command, now).map(drop)
            })
        });
        replay.await.unwrap();
    }
}

async fn run(steps: Vec<Step>) {
    scenario(async |scene| {
        scene
            .catch_up()
            .run_once(ListRooms::IfNeeded)
            .await
            .unwrap();
        let mut run = Run {
            scene,
            model: Model::default(),
        };
        for step in steps {
            run.step(step).await;
        }
        run.end().await;
    })
    .await;
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(variable("COURIER_SCHEDULES_SEED", 2026)),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::with_cases(schedules())
    })]

    #[test]
    fn no_schedule_loses_or_repeats_an_effect(
        steps in proptest::collection::vec(step(), 1..LONGEST),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(run(steps));
    }
}

fn schedules() -> u32 {
    u32::try_from(variable("COURIER_SCHEDULES", 60)).unwrap()
}
