//! The embedded store: one SQLite file, one thread that writes it, readers beside.
//!
//! Writes that wait together share one commit, because a commit is an fsync and an fsync is what a
//! delivery costs (WAL, `synchronous=FULL`).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use anyhow::Context as _;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};
use tokio::sync::mpsc;

use super::sql::{Connection as Any, Sql, SqlError};
use super::value::{Cell, Column, Params, Row, RowOf, Value};
use super::write::{Write, take_waiting};
use super::{StoreError, migrate};

/// How long a statement waits for a lock that another process holds on the file.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// The wait between two checkpoints at the least.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(250);

/// So many pages are moved together; SQLite's own measure.
const PAGES_WORTH_MOVING: i64 = 1_000;

/// Pages of 4 KiB in the `-wal` file before the writer makes a checkpoint itself; nearly all of them are in
/// the store by then.
const PAGES_AT_THE_MOST: u32 = 8_000;

/// Opens the file, creating and migrating it as needed, and starts the writer thread.
pub(super) fn open(path: &Path, waiting: mpsc::Receiver<Write>) -> anyhow::Result<()> {
    let mut connection =
        connect(path).with_context(|| format!("cannot open the store {}", path.display()))?;
    migrate::run(&mut connection)
        .with_context(|| format!("cannot migrate the store {}", path.display()))?;
    connection
        .pragma_update(None, "wal_autocheckpoint", PAGES_AT_THE_MOST)
        .context("cannot set the store up")?;
    let committed = keep_checkpointing(path)
        .with_context(|| format!("cannot open the store {}", path.display()))?;
    let sql = Sql(Any::Sqlite(connection));
    std::thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || write_all(&sql, waiting, &committed))
        .context("cannot start the store's writer thread")?;
    Ok(())
}

/// Moves what was committed from the `-wal` file into the store, on a thread beside the writer's: there it
/// would be a pause in the middle of the deliveries. Ends with the writer, who says when something was
/// committed.
fn keep_checkpointing(path: &Path) -> anyhow::Result<SyncSender<()>> {
    let connection = connect(path)?;
    let (committed, hear) = sync_channel(1);
    let checkpoint = move || {
        while hear.recv().is_ok() {
            // A store that cannot be written to now is tried again after the next commit.
            if pages_to_move(&connection).is_ok_and(|pages| pages >= PAGES_WORTH_MOVING) {
                let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
            }
            std::thread::sleep(CHECKPOINT_EVERY);
        }
    };
    std::thread::Builder::new()
        .name("store-checkpoints".to_owned())
        .spawn(checkpoint)?;
    Ok(committed)
}

/// Takes the lock that says that a service works on this file; refuses when another one does.
pub(super) fn lock(path: &Path) -> anyhow::Result<File> {
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let lock = File::create(PathBuf::from(lock_path))
        .with_context(|| format!("cannot write beside the store {}", path.display()))?;
    lock.try_lock().with_context(|| {
        format!(
            "another docspace-courier is working on the store {}",
            path.display()
        )
    })?;
    Ok(lock)
}

/// A connection of its own, for reading.
pub(super) fn reader(path: &Path) -> Result<Sql, SqlError> {
    Ok(Sql(Any::Sqlite(connect(path)?)))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // Otherwise some statements are prepared anew whenever another value is bound, such as a limit.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// How many pages of the `-wal` file are not in the store yet.
fn pages_to_move(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| {
        let (written, moved): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok(written - moved)
    })
}

fn write_all(sql: &Sql, mut waiting: mpsc::Receiver<Write>, committed: &SyncSender<()>) {
    while let Some(first) = waiting.blocking_recv() {
        let batch = take_waiting(first, &mut waiting);
        commit_together(sql, batch);
        // Where a checkpoint is to come already, it takes this commit along.
        let _ = committed.try_send(());
    }
}

/// Why a transaction came to nothing.
enum Failed {
    /// The store takes nothing at all now, or has given the whole transaction up.
    All(StoreError),
    /// One of the writes could not be made.
    One(StoreError),
}

impl From<Failed> for StoreError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::All(error) | Failed::One(error) => error,
        }
    }
}

/// Runs the writes in one transaction, and when one of them fails each in one of its own, so that it does
/// not undo its neighbours'. Tells each caller what became of it.
fn commit_together(sql: &Sql, mut batch: Vec<Write>) {
    match transaction(sql, &mut batch) {
        Err(Failed::One(_)) if batch.len() > 1 => {
            for write in batch {
                let mut alone = [write];
                let outcome = transaction(sql, &mut alone).map_err(StoreError::from);
                let [write] = alone;
                write.tell(outcome);
            }
        }
        outcome => {
            let outcome = outcome.map_err(StoreError::from);
            for write in batch {
                write.tell(outcome.clone());
            }
        }
    }
}

fn transaction(sql: &Sql, writes: &mut [Write]) -> Result<(), Failed> {
    let Any::Sqlite(connection) = &sql.0 else {
        unreachable!("the writer of the file holds a connection to it");
    };
    run_prepared(connection, "BEGIN IMMEDIATE").map_err(Failed::All)?;
    let written = writes
        .iter_mut()
        .try_for_each(|write| write.run(sql))
        .map_err(StoreError::from);
    let outcome = match written {
        Ok(()) => run_prepared(connection, "COMMIT").map_err(Failed::All),
        // After some errors, such as a full disk, SQLite gives up the whole transaction.
        Err(error) if connection.is_autocommit() => Err(Failed::All(error)),
        Err(error) => Err(Failed::One(error)),
    };
    if outcome.is_err() && !connection.is_autocommit() {
        // Nobody was told that it is kept; a rollback that fails is made up for by the next open.
        let _ = connection.execute_batch("ROLLBACK");
    }
    outcome
}

/// Runs a statement that every commit needs.
fn run_prepared(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    let run = || -> rusqlite::Result<usize> { connection.prepare_cached(sql)?.raw_execute() };
    run()
        .map(drop)
        .map_err(|error| StoreError::from(SqlError::from(error)))
}

/// Runs a statement and returns how many rows it changed.
pub(super) fn execute(
    connection: &Connection,
    text: &str,
    params: Params<'_>,
) -> Result<usize, SqlError> {
    Ok(prepare(connection, text, params)?.raw_execute()?)
}

/// Hands over every row of a query.
pub(super) fn query(
    connection: &Connection,
    text: &str,
    params: Params<'_>,
    take: &mut dyn FnMut(&Row<'_>) -> Result<(), SqlError>,
) -> Result<(), SqlError> {
    let mut statement = prepare(connection, text, params)?;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        take(&Row(RowOf::Sqlite(row)))?;
    }
    Ok(())
}

fn prepare<'c>(
    connection: &'c Connection,
    text: &str,
    params: Params<'_>,
) -> rusqlite::Result<CachedStatement<'c>> {
    let mut statement = connection.prepare_cached(text)?;
    // A parameter that nobody gives would be NULL without a word.
    if statement.parameter_count() != params.len() {
        return Err(rusqlite::Error::InvalidParameterCount(
            params.len(),
            statement.parameter_count(),
        ));
    }
    for (name, value) in params {
        let index = statement
            .parameter_index(name)?
            .ok_or_else(|| rusqlite::Error::InvalidParameterName((*name).to_owned()))?;
        statement.raw_bind_parameter(index, value)?;
    }
    Ok(statement)
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Integer(Some(number)) => ToSqlOutput::Owned(Owned::Integer(*number)),
            Self::Text(Some(text)) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Blob(Some(bytes)) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Self::Integer(None) | Self::Text(None) | Self::Blob(None) => {
                ToSqlOutput::Owned(Owned::Null)
            }
        })
    }
}

/// What stands in a column.
pub(super) fn cell(row: &rusqlite::Row<'_>, column: Column<'_>) -> rusqlite::Result<Cell> {
    let value = match column {
        Column::Name(name) => row.get_ref(name)?,
        Column::Place(place) => row.get_ref(place)?,
    };
    Ok(match Owned::try_from(value)? {
        Owned::Null => Cell::Null,
        Owned::Integer(number) => Cell::Integer(number),
        Owned::Text(text) => Cell::Text(text),
        Owned::Blob(bytes) => Cell::Blob(bytes),
        Owned::Real(_) => {
            let place = match column {
                Column::Place(place) => place,
                Column::Name(name) => row.as_ref().column_index(name)?,
            };
            return Err(rusqlite::Error::InvalidColumnType(
                place,
                row.as_ref().column_name(place)?.to_owned(),
                rusqlite::types::Type::Real,
            ));
        }
    })
}
