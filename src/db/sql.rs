//! The handle that SQL is written to: one text for both stores, with parameters by name.
//!
//! Statements are prepared once for each connection and kept. A statement's text therefore must not
//! hold values, only the few variants a module has of it.

use std::sync::Arc;

use super::postgres::Session;
use super::sqlite;
use super::value::{Params, Row};

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// SQLite refused.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL refused, or the connection to it was lost.
    #[error(transparent)]
    Postgres(#[from] ::postgres::Error),
    /// PostgreSQL cannot be reached just now.
    #[error("the database cannot be reached")]
    Away(#[source] Arc<SqlError>),
    /// The certificates for the connection to PostgreSQL cannot be used.
    #[error("TLS to the database cannot be set up: {0}")]
    Tls(String),
    /// A newer version changed the store so that this one must not touch it.
    #[error(
        "a newer docspace-courier has changed the store (migration {0}); this version cannot use it"
    )]
    TooNew(i64),
    /// A query that must give a row gave none.
    #[error("the query gave no row")]
    NoRow,
    /// Another type stands in a column than the program reads.
    #[error("an unexpected type in {0}")]
    Unexpected(String),
}

impl SqlError {
    /// Whether the database is away, and may be back without anybody's doing here. A login that is
    /// refused, or a database that does not exist, is for a person to mend.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Away(error) => error.is_away(),
            Self::Postgres(error) => error.code().is_none_or(|code| {
                // Connection exceptions, a server that starts or ends or is full, a standby.
                let code = code.code();
                ["08", "57P", "53"]
                    .iter()
                    .any(|class| code.starts_with(class))
                    || code == "25006"
            }),
            _ => false,
        }
    }
}

/// A connection to the store, inside a transaction where it is for writing.
#[derive(Debug)]
pub struct Sql(pub(super) Connection);

#[derive(Debug)]
pub(super) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(Box<Session>),
}

/// What there is to do, in the words in which instances tell each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// An event waits to be decided.
    Inbox,
    /// An action may be due.
    Outbox,
}

impl Sql {
    /// Runs a statement and returns how many rows it changed.
    pub fn execute(&self, statement: &str, params: Params<'_>) -> Result<usize, SqlError> {
        match &self.0 {
            Connection::Sqlite(connection) => sqlite::execute(connection, statement, params),
            Connection::Postgres(session) => session.execute(statement, params),
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
            Connection::Postgres(session) => session.query(statement, params, &mut push)?,
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
            Connection::Postgres(_) => format!("strpos({whole}, {part}) > 0"),
        }
    }

    /// Tells other instances of work, once it is committed.
    pub fn announce(&self, work: Queue) {
        match &self.0 {
            // Nobody else works on the file.
            Connection::Sqlite(_) => {}
            Connection::Postgres(session) => session.announce(work),
        }
    }

    /// Waits until no other instance is in the middle of this, and keeps it from beginning until the
    /// transaction ends. What is read before is out of date then.
    pub fn take_turns(&self, duty: &str) -> Result<(), SqlError> {
        match &self.0 {
            // One thread writes the file.
            Connection::Sqlite(_) => Ok(()),
            Connection::Postgres(session) => session.query(
                "SELECT 1 FROM duties WHERE name = :name FOR UPDATE",
                &[(":name", duty.into())],
                &mut |_| Ok(()),
            ),
        }
    }

    /// What stands behind a query of rows to be changed, so that those which another instance is changing
    /// just now are left out rather than waited for.
    pub fn skip_locked(&self) -> &'static str {
        match &self.0 {
            Connection::Sqlite(_) => "",
            Connection::Postgres(_) => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// The number of the instance that this connection belongs to; 0 where there is only one.
    pub fn instance(&self) -> i64 {
        match &self.0 {
            Connection::Sqlite(_) => 0,
            Connection::Postgres(session) => session.instance(),
        }
    }

    /// The time of day of the database server, in milliseconds, where it has one of its own.
    pub fn clock_ms(&self) -> Result<Option<i64>, SqlError> {
        match &self.0 {
            Connection::Sqlite(_) => Ok(None),
            Connection::Postgres(_) => self.query_optional(
                "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
                &[],
                |row| row.get(0),
            ),
        }
    }
}
