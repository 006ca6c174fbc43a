//! The handle for SQL: one text for both stores, with named parameters.
//!
//! Each connection prepares a statement once and keeps it. A statement's text must therefore not contain
//! values, only the few variants that a module has of it. The methods below that return a piece of SQL
//! cover what the two dialects write differently.

use super::error::SqlError;
use super::lock::WriteLock;
use super::postgres::session::Session;
use super::queue::Queue;
use super::row::Row;
use super::sqlite::connection;
use super::value::Params;
use crate::ids::InstanceId;

/// A connection to the store; for a write, inside its transaction.
#[derive(Debug)]
pub struct Sql(pub(super) Driver);

#[derive(Debug)]
pub(super) enum Driver {
    Sqlite(rusqlite::Connection),
    Postgres(Box<Session>),
}

impl Sql {
    /// Runs a statement and returns the number of rows it changed.
    pub fn execute(&self, statement: &str, params: Params<'_>) -> Result<usize, SqlError> {
        match &self.0 {
            Driver::Sqlite(sqlite) => connection::execute(sqlite, statement, params),
            Driver::Postgres(session) => session.execute(statement, params),
        }
    }

    /// Runs an INSERT of at most one row into a table with an `id`, and returns the id; `None` if a conflict kept the
    /// row out.
    pub fn insert(&self, statement: &str, params: Params<'_>) -> Result<Option<i64>, SqlError> {
        match &self.0 {
            // RETURNING would make SQLite collect the row in a table of its own, and prepare to undo the statement.
            Driver::Sqlite(sqlite) => {
                let inserted = connection::execute(sqlite, statement, params)?;
                Ok((inserted > 0).then(|| sqlite.last_insert_rowid()))
            }
            Driver::Postgres(_) => {
                let statement = format!("{statement} RETURNING id");
                self.query_optional(&statement, params, |row| row.get(0))
            }
        }
    }

    /// Every row of a query.
    pub fn query<T>(
        &self,
        statement: &str,
        params: Params<'_>,
        mut read: impl FnMut(&Row<'_>) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, SqlError> {
        #[cfg(test)]
        query_count::increase();
        let mut values = Vec::new();
        let mut push = |row: &Row<'_>| {
            values.push(read(row)?);
            Ok(())
        };
        match &self.0 {
            Driver::Sqlite(sqlite) => connection::query(sqlite, statement, params, &mut push)?,
            Driver::Postgres(session) => session.query(statement, params, &mut push)?,
        }
        Ok(values)
    }

    /// The first row of a query, if it returns any.
    pub fn query_optional<T>(
        &self,
        statement: &str,
        params: Params<'_>,
        read: impl FnMut(&Row<'_>) -> Result<T, SqlError>,
    ) -> Result<Option<T>, SqlError> {
        Ok(self.query(statement, params, read)?.into_iter().next())
    }

    /// The first row of a query that always returns one.
    pub fn query_one<T>(
        &self,
        statement: &str,
        params: Params<'_>,
        read: impl FnMut(&Row<'_>) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        self.query_optional(statement, params, read)?
            .ok_or(SqlError::NoRow)
    }

    /// Whether a query returns a row.
    pub fn exists(&self, statement: &str, params: Params<'_>) -> Result<bool, SqlError> {
        let found = self.query_optional(statement, params, |_| Ok(()))?;
        Ok(found.is_some())
    }

    /// The condition that a text contains another.
    pub fn contains(&self, whole: &str, part: &str) -> String {
        match &self.0 {
            Driver::Sqlite(_) => format!("instr({whole}, {part}) > 0"),
            Driver::Postgres(_) => format!("strpos({whole}, {part}) > 0"),
        }
    }

    /// The condition that a number is in a list, which is a text parameter such as `3,5,8`.
    pub fn is_in_list(&self, number: &str, list: &str) -> String {
        match &self.0 {
            Driver::Sqlite(_) => {
                format!("{number} IN (SELECT value FROM json_each('[' || {list} || ']'))")
            }
            Driver::Postgres(_) => {
                format!("{number} = ANY (CAST(string_to_array({list}, ',') AS BIGINT[]))")
            }
        }
    }

    /// Notifies other instances of work when the transaction commits.
    pub fn announce(&self, queue: Queue) {
        match &self.0 {
            // A file has one instance.
            Driver::Sqlite(_) => {}
            Driver::Postgres(session) => session.announce(queue),
        }
    }

    /// Takes a lock until the transaction ends, so that instances run what follows one after the other. What was
    /// read before may be out of date. Fails if there is nothing to lock, as after a restore that lost the row.
    pub fn lock(&self, lock: WriteLock) -> Result<(), SqlError> {
        match &self.0 {
            // One thread writes the file.
            Driver::Sqlite(_) => Ok(()),
            Driver::Postgres(_) => self.query_one(
                "SELECT 1 FROM duties WHERE name = :name FOR UPDATE",
                &[(":name", lock.row().into())],
                |_| Ok(()),
            ),
        }
    }

    /// The end of a query for rows to change, which skips rows that another instance has locked instead
    /// of waiting for them.
    pub fn skip_locked(&self) -> &'static str {
        match &self.0 {
            Driver::Sqlite(_) => "",
            Driver::Postgres(_) => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// The instance that this connection belongs to, where several share the store.
    pub fn instance(&self) -> Option<InstanceId> {
        match &self.0 {
            Driver::Sqlite(_) => None,
            Driver::Postgres(session) => Some(session.instance()),
        }
    }

    /// The database server's time in milliseconds since 1970, where there is a server.
    pub fn clock_ms(&self) -> Result<Option<i64>, SqlError> {
        match &self.0 {
            Driver::Sqlite(_) => Ok(None),
            Driver::Postgres(_) => self.query_optional(
                "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
                &[],
                |row| row.get(0),
            ),
        }
    }
}

/// Counts the queries of a test's own thread.
#[cfg(test)]
pub(crate) mod query_count {
    use std::cell::Cell;

    thread_local! {
        static QUERIES: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn increase() {
        QUERIES.set(QUERIES.get() + 1);
    }

    pub(crate) fn take() -> usize {
        QUERIES.take()
    }
}
