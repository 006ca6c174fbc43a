//! The embedded store: one SQLite file, one thread that writes it, and connections that read it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use rusqlite::Connection;
use tokio::sync::mpsc;
use tracing::warn;

use super::error::{SqlError, StoreError};
use super::migrate;
use super::sql::{Driver, Sql};
use super::write::{
    FailureCause, StoreRequest, TransactionError, commit_together, run_caught, take_waiting,
};

use crate::telemetry::ErrorChain;

pub(super) mod connection;
mod file;

pub(super) use file::{StoreLock, lock};

use connection::{connect, run_prepared};
use file::OpenFiles;

/// Shortest time between two checkpoints.
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(250);

/// Pages in the `-wal` file that are worth a checkpoint; SQLite's own default.
const PAGES_PER_CHECKPOINT: i64 = 1_000;

/// Pages of 4 KiB in the `-wal` file at which the writer makes a checkpoint itself. The checkpoint thread
/// has moved nearly all of them by then.
const MAX_WAL_PAGES: u32 = 8_000;

/// Opens the file, creates and migrates it as needed, and starts the writer thread.
pub(super) fn open(path: &Path, requests: mpsc::Receiver<StoreRequest>) -> anyhow::Result<()> {
    file::create_if_missing(path)?;
    let mut connection =
        connect(path).with_context(|| format!("cannot open the store {}", path.display()))?;
    migrate::run(&mut connection)
        .with_context(|| format!("cannot migrate the store {}", path.display()))?;
    connection
        .pragma_update(None, "wal_autocheckpoint", MAX_WAL_PAGES)
        .context("cannot set up the store")?;
    let committed = start_checkpoints(path)
        .with_context(|| format!("cannot open the store {}", path.display()))?;
    let files =
        OpenFiles::of(path).with_context(|| format!("cannot open the store {}", path.display()))?;
    let sql = Sql(Driver::Sqlite(connection));
    std::thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || write_all(&sql, &files, requests, &committed))
        .context("cannot start the store's writer thread")?;
    Ok(())
}

/// Starts the thread that moves committed pages from the `-wal` file into the store. In the writer thread
/// a checkpoint would delay deliveries. The thread ends with the writer, which notifies it of commits.
fn start_checkpoints(path: &Path) -> anyhow::Result<SyncSender<()>> {
    let connection = connect(path)?;
    let (committed, commits) = sync_channel(1);
    let checkpoint = move || {
        let mut has_failed = false;
        while commits.recv().is_ok() {
            let moved = match pages_to_move(&connection) {
                Ok(PAGES_PER_CHECKPOINT..) => move_pages(&connection),
                other => other.map(drop),
            };
            // The next commit tries again. Meanwhile the `-wal` file grows.
            if let Err(error) = &moved
                && !has_failed
            {
                warn!(error = %ErrorChain(error), "the -wal file cannot be moved into the store");
            }
            has_failed = moved.is_err();
            std::thread::sleep(CHECKPOINT_INTERVAL);
        }
    };
    std::thread::Builder::new()
        .name("store-checkpoints".to_owned())
        .spawn(checkpoint)?;
    Ok(committed)
}

/// Moves committed pages of the `-wal` file into the store.
fn move_pages(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

/// How many pages of the `-wal` file are not in the store yet.
fn pages_to_move(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| {
        let (written, moved): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok(written - moved)
    })
}

/// Connections for reading that are kept. A burst of reads opens more, but their page caches would stay in memory.
const MAX_IDLE_READERS: usize = 8;

/// Connections for reading, opened as needed.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Sql>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: Mutex::default(),
        }
    }

    /// Runs a closure on an idle connection or a new one.
    pub(super) fn read<T>(
        &self,
        work: impl Fn(&Sql) -> Result<T, SqlError>,
    ) -> Result<T, StoreError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let sql = match idle {
            Some(sql) => sql,
            None => Sql(Driver::Sqlite(connect(&self.path).map_err(SqlError::from)?)),
        };
        let value = run_caught(work, &sql)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE_READERS {
            idle.push(sql);
        }
        Ok(value)
    }
}

fn write_all(
    sql: &Sql,
    files: &OpenFiles,
    mut requests: mpsc::Receiver<StoreRequest>,
    committed: &SyncSender<()>,
) {
    while let Some(first) = requests.blocking_recv() {
        let batch = take_waiting(first, &mut requests);
        commit_together(batch, |writes| transaction(sql, files, writes));
        // A full channel means that the next checkpoint includes this commit.
        let _ = committed.try_send(());
    }
}

fn transaction(
    sql: &Sql,
    files: &OpenFiles,
    writes: &mut [StoreRequest],
) -> Result<(), TransactionError> {
    let Driver::Sqlite(connection) = &sql.0 else {
        unreachable!("the writer of the file has a connection to it");
    };
    let of_store = |error| TransactionError {
        error,
        cause: FailureCause::Store,
    };
    run_prepared(connection, "BEGIN IMMEDIATE").map_err(of_store)?;
    let written = writes.iter_mut().try_for_each(|write| write.run(sql));
    let outcome = match written {
        // A commit to a file that is gone is not durable, and no caller may take it for one.
        Ok(()) => run_prepared(connection, "COMMIT")
            .and_then(|()| {
                files.check().inspect_err(|_| {
                    // If only the `-wal` file is gone, its commits are still needed at the next start.
                    let _ = move_pages(connection);
                })
            })
            .map_err(of_store),
        // After some errors, such as a full disk, SQLite has rolled back the whole transaction.
        Err(error) if connection.is_autocommit() => Err(of_store(error)),
        Err(error) => Err(TransactionError {
            error,
            cause: FailureCause::Write,
        }),
    };
    if outcome.is_err() && !connection.is_autocommit() {
        // No caller has been answered yet; if this fails, the next open of the file rolls back.
        let _ = connection.execute_batch("ROLLBACK");
    }
    outcome
}
