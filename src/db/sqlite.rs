//! The embedded store: one SQLite file, one thread that writes it, readers beside.
//!
//! Writes that wait together share one commit, because a commit is an fsync and an fsync is what a
//! delivery costs (WAL, `synchronous=FULL`).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};
use tokio::sync::mpsc;

use super::sql::{Connection as Any, Sql, SqlError};
use super::value::{Cell, Column, Params, Row, RowOf, Value};
use super::write::{Write, take_waiting};
use super::{StoreError, migrate};

/// How long a statement waits for a lock that another process holds on the file.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Opens the file, creating and migrating it as needed, and starts the writer thread.
pub(super) fn open(path: &Path, waiting: mpsc::Receiver<Write>) -> anyhow::Result<()> {
    let mut connection =
        connect(path).with_context(|| format!("cannot open the store {}", path.display()))?;
    migrate::run(&mut connection)
        .with_context(|| format!("cannot migrate the store {}", path.display()))?;
    let sql = Sql(Any::Sqlite(connection));
    std::thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || write_all(&sql, waiting))
        .context("cannot start the store's writer thread")?;
    Ok(())
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
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn write_all(sql: &Sql, mut waiting: mpsc::Receiver<Write>) {
    while let Some(first) = waiting.blocking_recv() {
        let batch = take_waiting(first, &mut waiting);
        commit_together(sql, batch);
    }
}

/// Runs the writes in one transaction and tells each caller what became of it.
fn commit_together(sql: &Sql, batch: Vec<Write>) {
    let Any::Sqlite(connection) = &sql.0;
    let mut transaction = run_batch(connection, "BEGIN IMMEDIATE");
    let mut written = Vec::with_capacity(batch.len());
    for mut write in batch {
        let kept = match &transaction {
            Ok(()) => in_savepoint(sql, connection, &mut write, &mut transaction),
            Err(error) => Err(error.clone()),
        };
        written.push((write, kept));
    }
    let committed = transaction.and_then(|()| run_batch(connection, "COMMIT"));
    if committed.is_err() && !connection.is_autocommit() {
        // Nobody was told that it is kept; a rollback that fails is made up for by the next open.
        let _ = run_batch(connection, "ROLLBACK");
    }
    for (write, kept) in written {
        write.tell(committed.clone().and(kept));
    }
}

fn run_batch(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection
        .execute_batch(sql)
        .map_err(|error| StoreError::from(SqlError::from(error)))
}

/// Runs one write so that its failure does not undo its neighbours'.
///
/// After some errors, such as a full disk, SQLite gives up the whole transaction; then this one's
/// error becomes everybody's.
fn in_savepoint(
    sql: &Sql,
    connection: &Connection,
    write: &mut Write,
    transaction: &mut Result<(), StoreError>,
) -> Result<(), StoreError> {
    if let Err(error) = run_batch(connection, "SAVEPOINT one_write") {
        *transaction = Err(error.clone());
        return Err(error);
    }
    let kept = write.run(sql).map_err(StoreError::from);
    *transaction = match &kept {
        Ok(()) => run_batch(connection, "RELEASE one_write"),
        Err(error) if connection.is_autocommit() => Err(error.clone()),
        Err(_) => run_batch(connection, "ROLLBACK TO one_write; RELEASE one_write"),
    };
    kept
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
