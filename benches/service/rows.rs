//! What the rows share, and those about an idle service.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::Served;
use crate::children::{BINARY, Process};
use crate::load::quantile;
use crate::table::Table;

/// The portal's calls a minute.
pub const CALLS_A_MINUTE: usize = 1_500;

/// A folder, and the path of a new store in it.
pub fn store() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("courier.db");
    (folder, path)
}

/// Milliseconds.
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The value in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
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
        "under 100 ms",
        start < 100.0,
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
        "under 20 MiB",
        memory < 20.0,
    );
}

/// How many of a total there are for each.
#[expect(clippy::cast_precision_loss, reason = "some thousands")]
pub fn average(total: usize, count: usize) -> f64 {
    total as f64 / count as f64
}

/// The numbers that a query finds in a store.
pub fn ask(store: &Path, question: &str) -> Vec<i64> {
    let sql = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    sql.prepare(question)
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}
