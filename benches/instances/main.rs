//! What several instances on one PostgreSQL accept and do, beside one on SQLite.
//!
//! `cargo bench --bench instances` starts the real binary one to three times on a private cluster that
//! writes to disk as in earnest, and prints one table. Everything shares the machine: the instances, the
//! database, the pretend portal and the load. The last columns are what one upload that is copied writes to
//! the database's log, and what it leaves there. `--quick` makes the rounds shorter.
#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should say where"
)]
#![allow(unreachable_pub, reason = "nothing outside can reach a benchmark")]
#![allow(dead_code, reason = "parts of what is shared with others")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is the program's answer"
)]

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use docspace_sandbox::{FolderId, Portal, PortalSettings, UploadEvents};
use futures_util::future::join_all;
use rusqlite::types::Value as Cell;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[path = "../../tests/it/cluster.rs"]
mod cluster;
#[path = "../service/deliveries.rs"]
mod deliveries;
#[path = "../service/load.rs"]
mod load;
mod process;
#[path = "../../tests/it/programs.rs"]
mod programs;

use cluster::Cluster;
use deliveries::{Deliveries, SECRET};
use process::free_address;

/// What the portal takes to answer a call.
const LATENCY: Duration = Duration::from_millis(20);

/// How long anything may take before the measurement is given up.
const BOUND: Duration = Duration::from_mins(5);

/// An instance that ends with its measurement.
struct Instance {
    child: Child,
    webhook: String,
    admin: SocketAddr,
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Instance {
    async fn start(portal: &Portal, host: &str, database: &str) -> Self {
        let (listen, admin) = (free_address(), free_address());
        let seed = portal.seed();
        let child = Command::new(env!("CARGO_BIN_EXE_docspace-courier"))
            .arg("serve")
            .env_clear()
            .env("DOCSPACE_API_HOST", host)
            .env("DOCSPACE_API_KEY", portal.api_key())
            .env("DOCSPACE_WEBHOOK_SECRET", SECRET)
            .env("SHARED_WITH_CLIENT_ROOM_ID", seed.client_room.as_str())
            .env(
                "INTERNAL_PROCESSING_FOLDER_ID",
                seed.internal_folder.as_str(),
            )
            .env("DATABASE_URL", database)
            .env("LISTEN_ADDR", listen.to_string())
            .env("ADMIN_ADDR", admin.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let instance = Self {
            child,
            webhook: format!("http://{listen}/webhook"),
            admin,
        };
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let ready = format!("http://{}/readyz", instance.admin);
        let begun = Instant::now();
        while !matches!(client.get(&ready).send().await, Ok(answer) if answer.status() == 200) {
            assert!(begun.elapsed() < BOUND, "not ready");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        instance
    }
}

/// A portal, and a database or file that nothing is in yet.
struct Stage {
    portal: Portal,
    host: String,
    _stop: tokio_util::sync::DropGuard,
}

impl Stage {
    async fn new() -> Self {
        let portal = Portal::new(PortalSettings {
            latency: LATENCY,
            secret: Some(SECRET.to_owned()),
            ..PortalSettings::default()
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let (serving, token) = (portal.clone(), stop.clone());
        tokio::spawn(async move { serving.serve(listener, token).await.unwrap() });
        Self {
            portal,
            host,
            _stop: stop.drop_guard(),
        }
    }

    async fn start(&self, count: usize, database: &str) -> Vec<Instance> {
        let mut instances = Vec::new();
        for _ in 0..count {
            instances.push(Instance::start(&self.portal, &self.host, database).await);
        }
        // A newcomer waits a moment before it calls the portal.
        tokio::time::sleep(Duration::from_secs(4)).await;
        instances
    }
}

/// Deliveries that no rule wants, at all instances as fast as they take them.
async fn accept(count: usize, database: &str, round: Duration) -> (f64, Duration) {
    let stage = Stage::new().await;
    let instances = stage.start(count, database).await;
    let other_room: &FolderId = &stage.portal.seed().other_room;
    let deliveries = Deliveries::new(SECRET, other_room);
    let rounds = (0..).zip(&instances).map(|(place, instance)| {
        let first = 1 + place * 10_000_000;
        load::closed_loop(
            &instance.webhook,
            &deliveries,
            round,
            load::Numbers::From(first),
        )
    });
    let reports = join_all(rounds).await;
    let rate = reports.iter().map(|report| report.rate).sum();
    let slowest = reports.iter().map(|report| report.quantile(0.99)).max();
    (rate, slowest.unwrap())
}

/// A burst of uploads, told to the first instance: copies a second until all are there.
async fn copy(count: usize, database: &str, uploads: usize) -> f64 {
    let stage = Stage::new().await;
    let instances = stage.start(count, database).await;
    stage
        .portal
        .add_webhook(&instances[0].webhook, &["file.uploaded"]);
    let seed = stage.portal.seed();
    let begun = Instant::now();
    for number in 0..uploads {
        let title = format!("upload {number}.docx");
        let content = number.to_string();
        stage.portal.upload(
            &seed.client_room,
            &title,
            content.as_bytes(),
            UploadEvents::Uploaded,
        );
    }
    while stage.portal.files_in(&seed.internal_folder).len() < uploads {
        assert!(begun.elapsed() < BOUND, "not all are copied");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let rate = uploads as f64 / begun.elapsed().as_secs_f64();
    rate
}

/// How many bytes the cluster has written to its log, and how many the database takes.
#[expect(clippy::cast_precision_loss, reason = "some megabytes")]
fn written(url: &str) -> (f64, f64) {
    let ask = |question: &str| {
        let (_, cells) = cluster::ask(None, url.to_owned(), question.to_owned()).unwrap();
        match cells[..] {
            [Cell::Integer(number)] => number as f64,
            _ => panic!("{cells:?}"),
        }
    };
    (
        ask("SELECT CAST(pg_current_wal_lsn() - '0/0' AS BIGINT)"),
        ask("SELECT pg_database_size(current_database())"),
    )
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (round, uploads) = if quick {
        (Duration::from_secs(2), 300)
    } else {
        (Duration::from_secs(10), 3_000)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    // As in earnest: what is answered for is on disk.
    let cluster = Cluster::own("fsync = on\nfull_page_writes = on\nshared_buffers = 256MB");
    println!("store         instances  accepted/s  p99 ms  copies/s  log KiB  kept KiB");
    for count in [0_usize, 1, 2, 3] {
        let mut number = 0;
        let folder = tempfile::tempdir().unwrap();
        let mut database = || {
            number += 1;
            if count == 0 {
                return format!("sqlite://{}/{number}.db", folder.path().display());
            }
            let name = format!("bench_{count}_{number}");
            cluster.run("postgres", &format!("CREATE DATABASE {name}"));
            cluster.url(&name)
        };
        let store = if count == 0 { "SQLite" } else { "PostgreSQL" };
        let instances = count.max(1);
        eprintln!("{store}, {instances}");
        let (rate, p99) = runtime.block_on(accept(instances, &database(), round));
        let url = database();
        let before = (count > 0).then(|| written(&url));
        let copies = runtime.block_on(copy(instances, &url, uploads));
        let p99_ms = p99.as_secs_f64() * 1000.0;
        print!("{store:<12}  {instances:>9}  {rate:>10.0}  {p99_ms:>6.1}  {copies:>8.0}");
        if let Some((log, kept)) = before {
            let after = written(&url);
            let each = |bytes: f64| bytes / 1024.0 / f64::from(u32::try_from(uploads).unwrap());
            print!(
                "  {:>7.1}  {:>8.1}",
                each(after.0 - log),
                each(after.1 - kept)
            );
        }
        println!();
    }
}
