//! The rows: what is measured, and against what.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use docspace_sandbox::UploadEvents;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::children::{BINARY, Process, Rival, copies_arrived, get};
use crate::deliveries::{Deliveries, SECRET};
use crate::load::{Report, closed_loop, open_loop as send_evenly, quantile};
use crate::table::Table;
use crate::{Options, Served, stock};

/// The portal's calls a minute.
pub const CALLS_A_MINUTE: usize = 1_500;

fn store() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("courier.db");
    (folder, path)
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}

/// Start to ready, the size of the binary, memory at rest.
pub async fn start(table: &mut Table) {
    let portal = Served::start(Duration::ZERO).await;
    let mut starts = Vec::new();
    let mut memory = Vec::new();
    for _ in 0..10 {
        let (_folder, store) = store();
        let service = Process::service(&portal, &store).await;
        starts.push(ms(service.start));
        tokio::time::sleep(Duration::from_millis(500)).await;
        memory.push(service.memory_mib());
    }
    let (start, memory) = (median(starts), median(memory));
    table.judge(
        "start to ready, new store",
        format!("{start:.0} ms"),
        "under 200 ms",
        start < 200.0,
    );
    #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
    let size = std::fs::metadata(BINARY).unwrap().len() as f64 / 1024.0 / 1024.0;
    table.judge(
        "size of the binary",
        format!("{size:.1} MiB"),
        "under 25 MiB",
        size < 25.0,
    );
    table.judge(
        "memory at rest",
        format!("{memory:.1} MiB"),
        "under 25 MiB",
        memory < 25.0,
    );
}

/// Accept rate and latency, the service and the others taking turns.
pub async fn accept(table: &mut Table, options: &Options) {
    let portal = Served::start(Duration::ZERO).await;
    let deliveries = Deliveries::new(SECRET, &portal.portal.seed().other_room);
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let rival = Process::rival("bare", None).await;
        bare.push(closed_loop(&rival.webhook, &deliveries, options.round, 1).await);
        drop(rival);
        let (_folder, store) = store();
        let service = Process::service(&portal, &store).await;
        ours.push(closed_loop(&service.webhook, &deliveries, options.round, 1).await);
    }
    let rate = describe(table, "accepting, 64 connections", &ours);
    let bare = describe(table, "a bare handler that only verifies", &bare);
    let part = rate / bare;
    table.judge(
        "accepting beside the bare handler",
        format!("{part:.2} of it"),
        "at least 0.25",
        part >= 0.25,
    );
    for rival in &options.rivals {
        let mut reports = Vec::new();
        for _ in 0..options.rounds {
            reports.push(rival_round(rival, &portal, options).await);
        }
        let theirs = describe(table, "the receiver beside it", &reports);
        let times = rate / theirs;
        table.judge(
            "accepting beside that receiver",
            format!("{times:.1} times"),
            "at least 3 times",
            times >= 3.0,
        );
    }
}

async fn rival_round(rival: &Rival, portal: &Served, options: &Options) -> Report {
    let room = &portal.portal.seed().other_room;
    match rival {
        Rival::Express(program) => {
            let process = Process::express(program, portal).await;
            let deliveries = Deliveries::new(SECRET, room);
            closed_loop(&process.webhook, &deliveries, options.round, 1).await
        }
        Rival::Running { address, secret } => {
            let deliveries = Deliveries::new(secret, room);
            closed_loop(address, &deliveries, options.round, 1).await
        }
    }
}

fn describe(table: &mut Table, what: &'static str, reports: &[Report]) -> f64 {
    let middle = |value: fn(&Report) -> f64| median(reports.iter().map(value).collect());
    let rate = middle(|report| report.rate);
    let p50 = middle(|report| ms(report.quantile(0.5)));
    let p99 = middle(|report| ms(report.quantile(0.99)));
    let refused: u64 = reports.iter().map(|report| report.refused).sum();
    let refused = match refused {
        0 => String::new(),
        refused => format!(", {refused} refused"),
    };
    table.note(
        what,
        format!("{rate:.0}/s, p50 {p50:.1} ms, p99 {p99:.1} ms{refused}"),
    );
    rate
}

/// A thousand deliveries a second that all want a copy from a portal that is slow, or down.
pub async fn open_loop(table: &mut Table, options: &Options) {
    for (what, is_down) in [
        ("1,000 deliveries/s, portal slow", false),
        ("1,000 deliveries/s, portal down", true),
    ] {
        let mut reports = Vec::new();
        for _ in 0..options.rounds {
            let portal = Served::start(Duration::from_secs(5)).await;
            portal.portal.set_down(is_down);
            let deliveries = Deliveries::new(SECRET, &portal.portal.seed().client_room);
            let (_folder, store) = store();
            let service = Process::service(&portal, &store).await;
            let round = options.round * 2;
            reports.push(send_evenly(&service.webhook, &deliveries, 1_000, round).await);
        }
        let middle = |part| median(reports.iter().map(|r| ms(r.quantile(part))).collect());
        let (p50, p99) = (middle(0.5), middle(0.99));
        let refused: u64 = reports.iter().map(|report| report.refused).sum();
        table.judge(
            what,
            format!("p50 {p50:.1} ms, p99 {p99:.1} ms, {refused} refused"),
            "p99 under 20 ms",
            p99 < 20.0 && refused == 0,
        );
    }
}

/// One upload at a time, with a portal that answers in 20 ms.
pub async fn idle(table: &mut Table) {
    const UPLOADS: usize = 40;
    let portal = Served::start(Duration::from_millis(20)).await;
    let (_folder, store) = store();
    let service = Process::service(&portal, &store).await;
    let sandbox = &portal.portal;
    sandbox.add_webhook(&service.webhook, &["file.uploaded"]);
    let calls_before = sandbox.calls().len();
    for number in 1..=UPLOADS {
        let title = format!("plan {number}.docx");
        let room = &sandbox.seed().client_room;
        sandbox.upload(room, &title, title.as_bytes(), UploadEvents::Uploaded);
        copies_arrived(sandbox, number).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let calls = sandbox.calls().len() - calls_before;
    // The last copy may have arrived before it is written down.
    let undone = "SELECT count(*) FROM actions WHERE state <> 'done'";
    while ask(&store, undone) != [0] {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut delays = ask(
        &store,
        "SELECT a.finished_at - e.received_at FROM actions a JOIN events e ON e.id = a.event",
    );
    delays.sort_unstable();
    assert_eq!(delays.len(), UPLOADS);
    let p50 = quantile(&delays, 0.5);
    table.judge(
        "accepted to copied, portal answering in 20 ms",
        format!("p50 {p50} ms, p95 {} ms", quantile(&delays, 0.95)),
        "p50 under 250 ms",
        p50 < 250,
    );
    table.note(
        "calls for one file by itself",
        format!("{:.1}", average(calls, UPLOADS)),
    );
}

#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn average(total: usize, count: usize) -> f64 {
    total as f64 / count as f64
}

fn ask(store: &PathBuf, question: &str) -> Vec<i64> {
    let sql = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    sql.prepare(question)
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

/// What a burst took.
struct Burst {
    seconds: f64,
    writes: usize,
    calls: usize,
}

/// A thousand uploads to one destination, with a portal that answers in 50 ms.
pub async fn burst(table: &mut Table, options: &Options) {
    const UPLOADS: usize = 1_000;
    let (mut ours, mut naive) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds.min(3) {
        let portal = Served::start(Duration::from_millis(50)).await;
        let (_folder, store) = store();
        let service = Process::service(&portal, &store).await;
        ours.push(one_burst(&portal, &service.webhook, UPLOADS).await);
        drop(service);
        let portal = Served::start(Duration::from_millis(50)).await;
        let rival = Process::rival("naive", Some(&portal)).await;
        naive.push(one_burst(&portal, &rival.webhook, UPLOADS).await);
    }
    let middle = |bursts: &mut Vec<Burst>| {
        bursts.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
        bursts.remove(bursts.len() / 2)
    };
    let (ours, naive) = (middle(&mut ours), middle(&mut naive));
    for (what, burst) in [
        ("burst of 1,000 uploads", &ours),
        ("the same, one file per call", &naive),
    ] {
        table.note(
            what,
            format!(
                "{:.2} s, {} write calls, {} calls in all",
                burst.seconds, burst.writes, burst.calls
            ),
        );
    }
    let fewer = average(naive.writes, ours.writes);
    table.judge(
        "write calls in the burst",
        format!("{fewer:.0} times fewer than files"),
        "at least 5 times fewer",
        fewer >= 5.0,
    );
    let sooner = naive.seconds / ours.seconds;
    table.judge(
        "the burst beside one file per call",
        format!("{sooner:.1} times sooner"),
        "at least 3 times sooner",
        sooner >= 3.0,
    );
    table.judge(
        "calls in the burst",
        format!("{} in {:.2} s", ours.calls, ours.seconds),
        format!("within {CALLS_A_MINUTE} a minute"),
        ours.calls < CALLS_A_MINUTE,
    );
}

async fn one_burst(portal: &Served, webhook: &str, uploads: usize) -> Burst {
    let sandbox = &portal.portal;
    sandbox.add_webhook(webhook, &["file.uploaded"]);
    let calls_before = sandbox.calls().len();
    let begun = Instant::now();
    for number in 0..uploads {
        let title = format!("upload {number}.docx");
        let room = &sandbox.seed().client_room;
        sandbox.upload(room, &title, title.as_bytes(), UploadEvents::Uploaded);
    }
    copies_arrived(sandbox, uploads).await;
    let seconds = begun.elapsed().as_secs_f64();
    // What is left to ask after the last copy counts, too.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let calls = &sandbox.calls()[calls_before..];
    Burst {
        seconds,
        writes: calls.iter().filter(|call| call.method == "PUT").count(),
        calls: calls.len(),
    }
}

/// Memory and accept rate with a full store.
pub async fn growth(table: &mut Table, options: &Options) {
    let portal = Served::start(Duration::ZERO).await;
    portal.portal.set_down(true);
    let (_full_folder, full) = store();
    let seed = portal.portal.seed();
    let begun = Instant::now();
    stock::fill(
        &full,
        options.stored,
        options.waiting,
        &seed.client_room,
        &seed.internal_folder,
    );
    eprintln!("  filled in {:.0} s", begun.elapsed().as_secs_f64());
    let service = Process::service(&portal, &full).await;
    table.judge(
        "start to ready, full store",
        format!("{:.0} ms", ms(service.start)),
        "under 200 ms",
        ms(service.start) < 200.0,
    );
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(get(service.admin, "/").await.is_some(), "the console");
    let memory = service.memory_mib();
    table.judge(
        "memory, full store",
        format!(
            "{memory:.1} MiB with {} events, {} waiting",
            options.stored, options.waiting
        ),
        "under 100 MiB",
        memory < 100.0,
    );
    drop(service);

    // The portal stays down for both, so that what waits in the full store stays.
    let deliveries = Deliveries::new(SECRET, &seed.other_room);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    let mut first = 10 * options.stored;
    for _ in 0..options.rounds {
        let (_folder, empty) = store();
        let service = Process::service(&portal, &empty).await;
        without.push(closed_loop(&service.webhook, &deliveries, options.round, first).await);
        drop(service);
        let service = Process::service(&portal, &full).await;
        with.push(closed_loop(&service.webhook, &deliveries, options.round, first).await);
        drop(service);
        first += options.stored;
    }
    let with = describe(table, "accepting with a full store", &with);
    let without = describe(table, "accepting with none stored", &without);
    let part = with / without;
    table.judge(
        "accepting with a full store beside none",
        format!("{part:.2} of that with none"),
        "at least 0.8",
        part >= 0.8,
    );
}
