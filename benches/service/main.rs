//! The service's budgets, measured side by side in one run, and printed as one table.
//!
//! `cargo bench --bench service` starts the real binary as a process of its own, with a pretend portal in
//! this one, and beside it what it is compared with: bare handlers in axum and Node.js, Debian's `webhook`,
//! and receivers that copy one file per call. `--quick` makes the rounds shorter. `--receiver URL --secret S`
//! puts another receiver beside it that is running already, `--callgrind BINARY` counts instructions.
#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should say where"
)]
#![allow(unreachable_pub, reason = "nothing outside can reach a benchmark")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is the program's answer"
)]

use std::path::PathBuf;
use std::time::Duration;

use docspace_sandbox::{Portal, PortalSettings};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

mod accept;
mod backfill;
mod children;
mod deliveries;
mod growth;
mod hostile;
mod instructions;
mod latency;
mod load;
mod rivals;
mod rows;
mod stock;
mod table;
mod transfers;

use children::Rival;
use table::Table;

/// What the program was asked for.
struct Options {
    /// How long a round of load takes.
    round: Duration,
    /// Rounds of which the median counts.
    rounds: usize,
    /// Events in the store of the rows about growth, and how many of them wait.
    stored: u64,
    waiting: u64,
    /// Files that exist before a backfill.
    existing: usize,
    /// What else is put beside the service.
    rivals: Vec<Rival>,
    /// A build of the service that runs under Valgrind.
    for_callgrind: Option<PathBuf>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value_of = |name: &str| {
        let position = arguments.iter().position(|argument| argument == name)?;
        arguments.get(position + 1).cloned()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    // The program starts itself for the receivers it compares with, so that each has a process of its own.
    if let Some(kind) = value_of("--be") {
        let listen = value_of("--listen").unwrap();
        let secret = value_of("--secret").unwrap();
        runtime.block_on(rivals::serve(&kind, &listen, secret, value_of("--portal")));
        return;
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let mut rivals = vec![Rival::Axum, Rival::Node, Rival::Webhook];
    if let Some(address) = value_of("--receiver") {
        let secret = value_of("--secret").unwrap();
        rivals.push(Rival::Running { address, secret });
    }
    let options = Options {
        round: Duration::from_secs(if quick { 2 } else { 5 }),
        rounds: if quick { 1 } else { 5 },
        stored: if quick { 100_000 } else { 1_000_000 },
        waiting: if quick { 10_000 } else { 100_000 },
        existing: if quick { 2_000 } else { 20_000 },
        rivals,
        for_callgrind: value_of("--callgrind").map(PathBuf::from),
    };
    let only = value_of("--only");
    let table = runtime.block_on(measure(&options, only.as_deref()));
    println!("{table}");
}

async fn measure(options: &Options, only: Option<&str>) -> Table {
    let mut table = Table::default();
    let begins = |part: &str, what: &str| {
        let wanted = only.is_none_or(|only| only == part);
        if wanted {
            eprintln!("{part}: {what}");
        }
        wanted
    };
    if begins("start", "size and memory at rest") {
        rows::start(&mut table).await;
    }
    if begins("accept", "beside receivers that do less") {
        accept::measure(&mut table, options).await;
    }
    if let Some(binary) = &options.for_callgrind
        && begins("instructions", "by callgrind")
    {
        instructions::measure(&mut table, binary).await;
    }
    if begins(
        "latency",
        "1,000 deliveries a second, the portal slow and down",
    ) {
        latency::measure(&mut table, options).await;
    }
    if begins("copy", "from accepted to copied") {
        transfers::idle(&mut table).await;
    }
    if begins("burst", "1,000 uploads") {
        transfers::burst(&mut table, options).await;
    }
    if begins("hostile", "4,000 connections") {
        hostile::measure(&mut table).await;
    }
    if begins("growth", "a full store") {
        growth::measure(&mut table, options).await;
    }
    if begins("backfill", "a room of existing files") {
        backfill::measure(&mut table, options).await;
    }
    table
}

/// A pretend portal that is served for as long as the guard lives.
struct Served {
    portal: Portal,
    address: String,
    _stop: tokio_util::sync::DropGuard,
}

impl Served {
    async fn start(latency: Duration) -> Self {
        let portal = Portal::new(PortalSettings {
            latency,
            secret: Some(deliveries::SECRET.to_owned()),
            ..PortalSettings::default()
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let (serving, token) = (portal.clone(), stop.clone());
        tokio::spawn(async move { serving.serve(listener, token).await.unwrap() });
        Self {
            portal,
            address,
            _stop: stop.drop_guard(),
        }
    }
}
