//! A backfill by the real service, which is killed meanwhile, while files come and go: nothing is missed and
//! nothing is copied twice. On a database server there are several services.
//!
//! `COURIER_BACKFILL_SEED`, `COURIER_BACKFILL_FILES` and `COURIER_BACKFILL_KILLS` change the seed and the numbers, for
//! longer runs by hand.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use docspace_sandbox::{FileId, Portal, UploadEvents};
use fastrand::Rng;

use crate::bounds::{bounded_by, until};
use crate::process::{Deployment, Process, binary};
use crate::services::Services;
use crate::store::{INSTANCES, Store};
use crate::variable;

const SEED: u64 = 20_261_127;
const FILES: u64 = 600;
const KILLS: u64 = 3;

/// The longest that everything may take, and what each file adds to it.
const BOUND: Duration = Duration::from_mins(3);
const BOUND_PER_FILE: Duration = Duration::from_millis(50);

/// Files that are deleted at each kill: some that were copied, some that were not.
const DELETED_AT_A_TIME: usize = 4;

#[expect(
    clippy::print_stdout,
    reason = "a longer run by hand is for its figures"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_files_come_and_go_a_backfill_misses_nothing_and_repeats_nothing() {
    let files = usize::try_from(variable("COURIER_BACKFILL_FILES", FILES)).unwrap();
    let kills = usize::try_from(variable("COURIER_BACKFILL_KILLS", KILLS)).unwrap();
    let bound = BOUND + BOUND_PER_FILE * u32::try_from(files).unwrap();
    bounded_by(bound, async {
        let mut random = Rng::with_seed(variable("COURIER_BACKFILL_SEED", SEED));
        let services = Services::new(INSTANCES, Store::new()).await;
        let deployment = &services.deployment;
        let portal = &deployment.portal;
        portal.set_webhook_enabled(deployment.webhook, false);
        let mut existing: Vec<FileId> = (0..files).map(|number| upload(portal, number)).collect();
        portal.set_webhook_enabled(deployment.webhook, true);
        let mut running: Vec<_> = (0..INSTANCES).map(|place| services.start(place)).collect();
        until(bound, "a service works", async || portal.calls_made() > 0).await;
        let calls_before = portal.calls_made();
        let begun = Instant::now();
        run(deployment, &["backfill", "--rule", "copy", "--yes"]);

        let mut deleted = Vec::new();
        let (mut most_memory_kib, mut live) = (0, Vec::new());
        for kill in 1..=kills {
            let wanted = files * kill / (kills + 2);
            until(bound, "some files are copied", async || {
                portal.file_count(&portal.seed().internal_folder) >= wanted
            })
            .await;
            live.push(upload(portal, files + kill));
            for _ in 0..DELETED_AT_A_TIME / 2 {
                deleted.push(existing.remove(0));
                deleted.extend(existing.pop());
            }
            let gone = deleted.len() - DELETED_AT_A_TIME;
            deleted[gone..].iter().for_each(|file| portal.delete(file));
            let place = random.usize(..INSTANCES);
            let killed = running.remove(place);
            most_memory_kib = most_memory_kib.max(most_memory(&killed));
            killed.kill();
            services.clock.outlast_calls(portal).await;
            running.insert(place, services.start(place));
        }
        until(bound, "the backfill has read all files", async || {
            let unread = "SELECT count(*) FROM backfills WHERE state = 'running'";
            deployment.ask_store(unread) == Some(0)
        })
        .await;
        deployment.nothing_pending(bound).await;
        portal.wait_for_deliveries().await;
        deployment.nothing_pending(bound).await;
        most_memory_kib = running
            .iter()
            .map(most_memory)
            .fold(most_memory_kib, u64::max);
        running.into_iter().for_each(Process::kill);

        let copies = copies(portal);
        let twice: Vec<_> = copies.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "copied more than once: {twice:?}");
        let missing: Vec<String> = existing
            .iter()
            .chain(&live)
            .map(|file| content(portal, file))
            .filter(|content| !copies.contains_key(content))
            .collect();
        assert!(missing.is_empty(), "not copied: {missing:?}");
        let dead = "SELECT count(*) FROM actions WHERE state = 'dead' AND title NOT LIKE 'file %'";
        assert_eq!(deployment.ask_store(dead), Some(0));
        println!(
            "{files} files, {kills} kills: {:.0} s, {} calls in all, {} of them copies, at most {} MiB",
            begun.elapsed().as_secs_f64(),
            portal.calls_made() - calls_before,
            portal
                .calls()
                .iter()
                .filter(|call| call.method == "PUT")
                .count(),
            most_memory_kib / 1024,
        );
    })
    .await;
}

fn run(deployment: &Deployment, arguments: &[&str]) {
    let mut command = binary();
    command
        .args(arguments)
        .envs(deployment.variables.iter().cloned());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn upload(portal: &Portal, number: usize) -> FileId {
    let seed = portal.seed();
    let folder = if number.is_multiple_of(3) {
        &seed.client_subfolder
    } else {
        &seed.client_room
    };
    let title = format!("file {number}.docx");
    portal.upload(folder, &title, title.as_bytes(), UploadEvents::Uploaded)
}

fn content(portal: &Portal, file: &FileId) -> String {
    String::from_utf8(portal.file(file).unwrap().content).unwrap()
}

/// How often each content is in the destination.
fn copies(portal: &Portal) -> BTreeMap<String, usize> {
    let mut copies = BTreeMap::new();
    for file in portal.files_in(&portal.seed().internal_folder) {
        *copies
            .entry(String::from_utf8(file.content).unwrap())
            .or_default() += 1;
    }
    copies
}

/// The most memory that a process has held.
fn most_memory(service: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.unwrap().parse().unwrap()
}
