//! One connection to a SQLite file.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{CachedStatement, Connection, OpenFlags};

use crate::db::error::SqlError;
use crate::db::row::{DriverRow, Row};
use crate::db::value::Params;

/// How long a statement waits for a lock that another process holds on the file.
pub(in crate::db) const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Opens the file, which must exist: a reader must not create a file in the place of a deleted one.
pub(in crate::db) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::default() - OpenFlags::SQLITE_OPEN_CREATE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // The types that write them check what columns of words contain, and in debug builds CHECK constraints do, too. SQLite
    // would fill a temporary table with each list of words, twice for every event.
    let ignores_checks = !cfg!(debug_assertions);
    connection.pragma_update(None, "ignore_check_constraints", ignores_checks)?;
    // Without it SQLite prepares some statements again when a bound value changes, such as a limit.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Runs a statement without parameters from the cache of prepared ones.
pub(in crate::db) fn run_prepared(connection: &Connection, text: &str) -> Result<(), SqlError> {
    connection.prepare_cached(text)?.raw_execute()?;
    Ok(())
}

/// Runs a statement and returns the number of rows it changed.
pub(in crate::db) fn execute(
    connection: &Connection,
    text: &str,
    params: Params<'_>,
) -> Result<usize, SqlError> {
    Ok(prepare(connection, text, params)?.raw_execute()?)
}

/// Passes every row of a query to `take`.
pub(in crate::db) fn query(
    connection: &Connection,
    text: &str,
    params: Params<'_>,
    take: &mut dyn FnMut(&Row<'_>) -> Result<(), SqlError>,
) -> Result<(), SqlError> {
    let mut statement = prepare(connection, text, params)?;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        take(&Row(DriverRow::Sqlite(row)))?;
    }
    Ok(())
}

fn prepare<'c>(
    connection: &'c Connection,
    text: &str,
    params: Params<'_>,
) -> rusqlite::Result<CachedStatement<'c>> {
    let mut statement = connection.prepare_cached(text)?;
    // SQLite would silently take NULL for a missing parameter.
    if statement.parameter_count() != params.len() {
        return Err(rusqlite::Error::InvalidParameterCount(
            params.len(),
            statement.parameter_count(),
        ));
    }
    for (index, (name, value)) in (1..).zip(params) {
        // Most are in the order of the statement, and comparing is cheaper than searching by name.
        let is_in_order = statement.parameter_name(index) == Some(name);
        let index = if is_in_order {
            index
        } else {
            statement
                .parameter_index(name)?
                .ok_or_else(|| rusqlite::Error::InvalidParameterName((*name).to_owned()))?
        };
        statement.raw_bind_parameter(index, value)?;
    }
    Ok(statement)
}
