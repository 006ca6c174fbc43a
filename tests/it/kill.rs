//! The real service, killed again and again in the middle of its work: nothing is lost or repeated. On a database
//! server there are several of them.
//!
//! The portal fails at random meanwhile. `COURIER_KILL_SEED`, `COURIER_KILL_UPLOADS` and
//! `COURIER_KILL_KILLS` change the seed and the numbers, for longer runs by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use docspace_sandbox::{FileId, FolderId, Portal, RandomFaults, UploadEvents};
use fastrand::Rng;

use crate::bounds::{bounded_by, until};
use crate::process::{Deployment, Process};
use crate::services::Services;
use crate::store::{INSTANCES, Store};
use crate::variable;

const SEED: u64 = 20_261_121;
const UPLOADS: u64 = 200;
const KILLS: u64 = 20;

/// The most calls to the portal between two kills.
const CALLS_BEFORE_KILL: usize = 50;

/// How long the service may take for its first call before it is killed anyway. An instance that joins others
/// on one database starts to work after 3 s.
const LONGEST_START: Duration = Duration::from_secs(6);

/// How long the service may take for the further calls before it is killed anyway.
const LONGEST_REST: Duration = Duration::from_secs(2);

/// The longest that one kill and the next start may take.
const KILL_BOUND: Duration = Duration::from_secs(10);

/// The longest that the work may take after the last kill, and what each upload adds to it: copies with equal
/// titles are made one after the other, with three calls each.
const END_BOUND: Duration = Duration::from_mins(2);
const END_BOUND_PER_UPLOAD: Duration = Duration::from_secs(1);

/// After so many kills the portal's clock moves, so that calls whose outcome is unknown hold up others only for a
/// while.
const KILLS_BETWEEN_OUTLASTING: u64 = 10;

/// Titles that are equal or similar in the destination, where the service must distinguish them.
const TITLES: [&str; 9] = [
    "plan.docx",
    "plan.docx",
    "Plan.docx",
    "plan (1).docx",
    "report.xlsx",
    "notes",
    "Invoice.pdf",
    "invoice 2026-11.pdf",
    "INVOICE.PDF",
];

/// An uploaded file.
struct Upload {
    file: FileId,
    room: Room,
    content: String,
    invoice: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Client,
    Other,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_nothing_is_lost_and_nothing_is_done_twice() {
    let seed = variable("COURIER_KILL_SEED", SEED);
    let (uploads, kills) = (
        variable("COURIER_KILL_UPLOADS", UPLOADS),
        variable("COURIER_KILL_KILLS", KILLS),
    );
    let end_bound = END_BOUND + END_BOUND_PER_UPLOAD * u32::try_from(uploads).unwrap();
    let bound = end_bound * 2 + KILL_BOUND * u32::try_from(kills).unwrap();
    bounded_by(bound, async {
        let mut random = Rng::with_seed(seed);
        let services = Services::new(INSTANCES, Store::new()).await;
        let deployment = &services.deployment;
        let portal = &deployment.portal;
        portal.set_random_faults(Some(RandomFaults {
            seed,
            probability: 0.06,
        }));

        let mut uploaded = Vec::new();
        let mut kills_in_flight = 0;
        let mut running: Vec<_> = (0..INSTANCES).map(|place| services.start(place)).collect();
        for kill in 1..=kills {
            for _ in uploaded.len() as u64..uploads * kill / kills {
                uploaded.push(upload(portal, &mut random, uploaded.len()));
            }
            let calls = portal.calls_made();
            reach(portal, calls + 1, LONGEST_START).await;
            reach(
                portal,
                calls + random.usize(1..=CALLS_BEFORE_KILL),
                LONGEST_REST,
            )
            .await;
            let place = random.usize(..INSTANCES);
            running.remove(place).kill();
            kills_in_flight += u64::from(call_in_flight(deployment));
            if kill % KILLS_BETWEEN_OUTLASTING == 0 {
                services.clock.outlast_calls(portal).await;
            }
            running.insert(place, services.start(place));
        }
        portal.set_random_faults(None);
        services.clock.outlast_calls(portal).await;
        deployment.all_done(end_bound).await;
        running.into_iter().for_each(Process::kill);
        assert!(
            kills_in_flight > 0,
            "none of {kills} kills hit a call to the portal"
        );

        let contents = |wanted: fn(&Upload) -> bool| {
            let mut contents: Vec<String> = uploaded
                .iter()
                .filter(|upload| wanted(upload))
                .map(|upload| upload.content.clone())
                .collect();
            contents.sort();
            contents
        };
        let seed = portal.seed();
        assert_eq!(
            contents_in(portal, &[&seed.internal_folder]),
            contents(|upload| upload.room == Room::Client),
            "every upload of the client is copied once"
        );
        assert_eq!(
            contents_in(portal, &[&seed.incoming_folder]),
            contents(|upload| upload.room == Room::Client && upload.invoice),
            "every invoice is moved once"
        );
        assert_eq!(
            contents_in(portal, &[&seed.client_room, &seed.client_subfolder]),
            contents(|upload| upload.room == Room::Client && !upload.invoice),
            "no other file is moved"
        );
        assert_eq!(
            contents_in(portal, &[&seed.other_room]),
            contents(|upload| upload.room == Room::Other),
            "the other room is unchanged"
        );
        check_notifications(&deployment.log(), &uploaded, kills);
    })
    .await;
}

/// Waits until the portal got this many calls, or for this long.
async fn reach(portal: &Portal, calls: usize, longest: Duration) {
    let reached = until(END_BOUND, "the portal is called", async || {
        portal.calls_made() >= calls
    });
    let _ = tokio::time::timeout(longest, reached).await;
}

/// Whether the service was killed between its note that it calls the portal and its note of the outcome.
fn call_in_flight(deployment: &Deployment) -> bool {
    let question = "SELECT count(*) FROM actions WHERE state = 'running' AND intent_at IS NOT NULL";
    deployment
        .ask_store(question)
        .is_some_and(|actions| actions > 0)
}

/// Checks that every invoice is announced, and again only after a kill between the log line and its record.
fn check_notifications(log: &str, uploaded: &[Upload], kills: u64) {
    let mut announced: BTreeMap<String, u64> = BTreeMap::new();
    for line in log.lines() {
        // A kill may have cut off a line.
        let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else {
            continue;
        };
        if line["message"] == "invoice received" {
            let file = line["file.id"].as_str().unwrap().to_owned();
            *announced.entry(file).or_default() += 1;
        }
    }
    let mut invoices: Vec<String> = uploaded
        .iter()
        .filter(|upload| upload.room == Room::Client && upload.invoice)
        .map(|upload| upload.file.to_string())
        .collect();
    invoices.sort();
    assert_eq!(announced.keys().cloned().collect::<Vec<_>>(), invoices);
    let repeated = announced.values().sum::<u64>() - announced.len() as u64;
    assert!(
        repeated <= kills,
        "{repeated} repetitions in {kills} kills: {announced:?}"
    );
}

/// Uploads a random title to a random room. Contents differ, but all have the same size.
fn upload(portal: &Portal, random: &mut Rng, number: usize) -> Upload {
    let seed = portal.seed();
    let (room, folder) = match random.u8(..10) {
        0 => (Room::Other, &seed.other_room),
        1..=3 => (Room::Client, &seed.client_subfolder),
        _ => (Room::Client, &seed.client_room),
    };
    let title = if random.bool() {
        TITLES[random.usize(..TITLES.len())].to_owned()
    } else {
        format!("upload {number}.docx")
    };
    let announced = match random.u8(..4) {
        0 => UploadEvents::CreatedAndUploaded,
        _ => UploadEvents::Uploaded,
    };
    let content = format!("content {number:08}");
    Upload {
        file: portal.upload(folder, &title, content.as_bytes(), announced),
        room,
        content,
        invoice: title.to_lowercase().starts_with("invoice"),
    }
}

fn contents_in(portal: &Portal, folders: &[&FolderId]) -> Vec<String> {
    let mut contents: Vec<String> = folders
        .iter()
        .flat_map(|folder| portal.files_in(folder))
        .map(|file| String::from_utf8(file.content).unwrap())
        .collect();
    contents.sort();
    contents
}
