//! A backfill of many existing files, behind live uploads.

use std::path::Path;
use std::time::{Duration, Instant};

use docspace_sandbox::UploadEvents;

use crate::children::{Process, configured, copies_arrived};
use crate::rows::CALLS_A_MINUTE;
use crate::table::Table;
use crate::{Options, Served};

/// How long the portal takes to answer a call.
const LATENCY: Duration = Duration::from_millis(50);

/// How long the portal takes for each operation.
const OPERATION_TIME: Duration = Duration::from_secs(5);

/// The most calls for each file.
const CALLS_PER_FILE: f64 = 0.025;

/// Calls, time and memory of a backfill that copies all files of a room.
pub async fn measure(table: &mut Table, options: &Options) {
    let files = options.existing;
    let portal = Served::start(LATENCY).await;
    let sandbox = &portal.portal;
    sandbox.set_operation_time(OPERATION_TIME);
    for number in 0..files {
        let title = format!("file {number}.docx");
        let room = &sandbox.seed().client_room;
        sandbox.upload(room, &title, title.as_bytes(), UploadEvents::Uploaded);
    }
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("courier.db");
    let service = Process::service(&portal, &store).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (memory_before, calls_before) = (service.memory_mib(), sandbox.calls_made());
    order(&portal, &store);
    let begun = Instant::now();
    copies_arrived(sandbox, files).await;
    let took = begun.elapsed();
    // What is left to ask after the last copy counts, too.
    tokio::time::sleep(OPERATION_TIME * 4).await;
    let calls = sandbox.calls_made() - calls_before;
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let per_file = calls as f64 / files as f64;
    let minutes = usize::try_from(took.as_secs().div_ceil(60)).unwrap();
    let per_minute = calls / minutes;
    table.judge(
        "backfill, calls",
        format!("{calls} for {files} files, {per_file:.4} per file"),
        format!("at most {CALLS_PER_FILE} per file"),
        per_file <= CALLS_PER_FILE,
    );
    table.judge(
        "backfill, calls a minute",
        format!("{per_minute} for {:.0} s", took.as_secs_f64()),
        format!("within {CALLS_A_MINUTE} a minute"),
        per_minute <= CALLS_A_MINUTE,
    );
    table.note(
        "backfill, memory",
        format!(
            "{:.1} MiB at most, {memory_before:.1} before",
            service.most_memory_mib()
        ),
    );
}

fn order(portal: &Served, store: &Path) {
    let ordered = configured(portal, store)
        .args(["backfill", "--rule", "copy", "--yes"])
        .status()
        .unwrap();
    assert!(ordered.success());
}
