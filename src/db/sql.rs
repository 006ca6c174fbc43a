//! The handle that SQL is written to: one text for both stores, with parameters by name.
//!
//! Statements are prepared once for each connection and kept. A statement's text therefore must not
//! hold values, only the few variants a module has of it.

use super::sqlite;
use super::value::{Params, Row};

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// SQLite refused.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// A query that must give a row gave none.
    #[error("the query gave no row")]
    NoRow,
    /// Another type stands in a column than the program reads.
    #[error("an unexpected type in {0}")]
    Unexpected(String),
}

/// A connection to the store, inside a transaction where it is for writing.
#[derive(Debug)]
pub struct Sql(pub(super) Connection);

#[derive(Debug)]
pub(super) enum Connection {
    Sqlite(rusqlite::Connection),
}

impl Sql {
    /// Runs a statement and returns how many rows it changed.
    pub fn execute(&self, statement: &str, params: Params<'_>) -> Result<usize, SqlError> {
        match &self.0 {
            Connection::Sqlite(connection) => sqlite::execute(connection, statement, params),
        }
    }

    /// Every row of a query.
    pub fn query<T>(
        &self,
        statement: &str,
        params: Params<'_>,
        mut read: impl FnMut(&Row<'_>) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, SqlError> {
        let mut values = Vec::new();
        let mut push = |row: &Row<'_>| {
            values.push(read(row)?);
            Ok(())
        };
        match &self.0 {
            Connection::Sqlite(connection) => {
                sqlite::query(connection, statement, params, &mut push)?;
            }
        }
        Ok(values)
    }

    /// The first row of a query, if it gives any.
    pub fn query_optional<T>(
        &self,
        statement: &str,
        params: Params<'_>,
        read: impl FnMut(&Row<'_>) -> Result<T, SqlError>,
    ) -> Result<Option<T>, SqlError> {
        Ok(self.query(statement, params, read)?.into_iter().next())
    }

    /// The first row of a query that gives one.
    pub fn query_one<T>(
        &self,
        statement: &str,
        params: Params<'_>,
        read: impl FnMut(&Row<'_>) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        self.query_optional(statement, params, read)?
            .ok_or(SqlError::NoRow)
    }

    /// Whether a query gives a row.
    pub fn exists(&self, statement: &str, params: Params<'_>) -> Result<bool, SqlError> {
        let found = self.query_optional(statement, params, |_| Ok(()))?;
        Ok(found.is_some())
    }

    /// The condition that one text holds another.
    pub fn contains(&self, whole: &str, part: &str) -> String {
        match &self.0 {
            Connection::Sqlite(_) => format!("instr({whole}, {part}) > 0"),
        }
    }
}
