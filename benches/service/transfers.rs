//! Copies: one upload at a time, and a burst of them.

use std::time::{Duration, Instant};

use docspace_sandbox::UploadEvents;

use crate::children::{Process, Rival, copies_arrived};
use crate::load::quantile;
use crate::rows::{ask, average, store};
use crate::table::Table;
use crate::{Options, Served};

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
    // The copy, and one look at its operation.
    let portals_time = 2 * 20;
    table.judge(
        "accepted to copied, portal responding in 20 ms",
        format!("p50 {p50} ms, p95 {} ms", quantile(&delays, 0.95)),
        "p50 under 52 ms, 1.3 times two calls",
        p50 * 10 < portals_time * 13,
    );
    table.note(
        "calls for one file by itself",
        format!("{:.1}", average(calls, UPLOADS)),
    );
}

/// What a burst took.
struct Burst {
    seconds: f64,
    writes: usize,
    calls: usize,
}

/// How long the portal takes to respond in a burst.
const BURST_LATENCY: Duration = Duration::from_millis(50);

/// Uploads of a burst.
const UPLOADS: usize = 1_000;

/// A thousand uploads to one destination, beside receivers that copy each file by itself.
pub async fn burst(table: &mut Table, options: &Options) {
    let others = [
        ("one file per call", Rival::OneFilePerCall),
        ("as the vendor's sample does", Rival::Sample),
    ];
    let mut ours = Vec::new();
    let mut theirs = others.map(|(what, rival)| (what, rival, Vec::new()));
    for _ in 0..options.rounds.min(3) {
        let portal = Served::start(BURST_LATENCY).await;
        let (_folder, store) = store();
        let service = Process::service(&portal, &store).await;
        ours.push(one_burst(&portal, &service.webhook, UPLOADS).await);
        drop(service);
        for (_, rival, bursts) in &mut theirs {
            let portal = Served::start(BURST_LATENCY).await;
            let rival = Process::rival(rival, &portal).await;
            bursts.push(one_burst(&portal, &rival.webhook, UPLOADS).await);
        }
    }
    let ours = middle(&mut ours);
    describe(table, "burst of 1,000 uploads", &ours);
    let writes = average(ours.writes, UPLOADS);
    table.at_most("writes per file in the burst", writes, 0.02);
    let calls = average(ours.calls, UPLOADS);
    table.at_most("calls per file in the burst", calls, 0.03);
    // Calls that start operations and those that look at them, one after the other.
    let portals_time = 2.0 * BURST_LATENCY.as_secs_f64() * average(ours.writes, 1);
    table.at_most(
        "time of the burst, beside its operations one after the other",
        ours.seconds / portals_time,
        2.0,
    );
    for (what, _, mut bursts) in theirs {
        let theirs = middle(&mut bursts);
        describe(table, &format!("the same, {what}"), &theirs);
        let sooner = theirs.seconds / ours.seconds;
        table.note(
            &format!("the burst, beside {what}"),
            format!("{sooner:.1} times sooner"),
        );
    }
}

fn middle(bursts: &mut Vec<Burst>) -> Burst {
    bursts.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    bursts.remove(bursts.len() / 2)
}

fn describe(table: &mut Table, what: &str, burst: &Burst) {
    let Burst {
        seconds,
        writes,
        calls,
    } = burst;
    table.note(
        what,
        format!("{seconds:.2} s, {writes} write calls, {calls} calls in all"),
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
