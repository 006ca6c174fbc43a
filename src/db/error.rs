//! Why a statement or a whole write fails.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// SQLite reported an error.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL reported an error, or the connection was lost.
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
    /// PostgreSQL did not answer in time. What was sent may still be executed.
    #[error("the database did not answer within {0:?}")]
    TimedOut(Duration),
    /// A thread of the store cannot be set up.
    #[error("cannot set up a thread for the store")]
    Thread(#[source] std::io::Error),
    /// No connection to PostgreSQL can be made.
    #[error("the database cannot be reached")]
    Unreachable(#[source] Arc<SqlError>),
    /// The certificates for the connection to PostgreSQL cannot be used.
    #[error("TLS to the database cannot be set up: {0}")]
    Tls(String),
    /// A newer version has migrated the store beyond what this version supports.
    #[error(
        "a newer docspace-courier has migrated the store to version {store}; \
         this one supports versions up to {supported}"
    )]
    TooNew {
        /// The migration that the store requires.
        store: i64,
        /// The newest migration of this program.
        supported: i64,
    },
    /// A file of the store is not the one that was opened.
    #[error(
        "{} was deleted or replaced while the service uses it; put the original back, or restart the service",
        .0.display()
    )]
    FileReplaced(PathBuf),
    /// A query that must return a row returned none.
    #[error("the query returned no row")]
    NoRow,
    /// A statement or a stored value is not what the program expects.
    #[error("unexpected {0}")]
    Unexpected(String),
    /// The closure that runs the statements panicked.
    #[error("the operation on the store panicked")]
    Panicked,
}

impl SqlError {
    /// Whether the store refuses what was to be written, such as a value that is too large, and would again, while
    /// nothing is wrong with the store itself.
    pub fn is_permanent(&self) -> bool {
        use rusqlite::ErrorCode::{ConstraintViolation, ParameterOutOfRange, TooBig, TypeMismatch};

        match self {
            Self::Sqlite(error) => error.sqlite_error_code().is_none_or(|code| {
                [
                    ConstraintViolation,
                    ParameterOutOfRange,
                    TooBig,
                    TypeMismatch,
                ]
                .contains(&code)
            }),
            Self::Postgres(error) => error.code().is_some_and(|code| {
                // Values that are not valid, violated constraints, rows that are too large for an index.
                let code = code.code();
                ["22", "23", "54"]
                    .iter()
                    .any(|class| code.starts_with(class))
            }),
            Self::NoRow | Self::Unexpected(_) | Self::Panicked => true,
            _ => false,
        }
    }

    /// Whether the database is unavailable and may recover without a change here. A rejected login and a
    /// missing database are configuration errors.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::TimedOut(_) => true,
            Self::Unreachable(error) => error.is_unreachable(),
            Self::Postgres(error) => error.code().is_none_or(|code| {
                // Connection exceptions, a server that starts, stops or is full, a standby.
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

/// Why a read or write of the store failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The queue of writes is full.
    #[error("too many writes are waiting for the store")]
    Full,
    /// The store did not answer in time. The write may still be done.
    #[error("the store did not answer within {0:?}")]
    TimedOut(Duration),
    /// The store's threads have ended.
    #[error("the store is closed")]
    Closed,
    /// A statement failed.
    #[error("the store refused")]
    Refused(#[source] Arc<SqlError>),
}

impl From<SqlError> for StoreError {
    fn from(error: SqlError) -> Self {
        Self::Refused(Arc::new(error))
    }
}

impl StoreError {
    /// Whether the store refuses what was to be written, and would again.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Refused(error) if error.is_permanent())
    }

    /// Whether a file of the store was deleted or replaced.
    pub fn is_file_replaced(&self) -> bool {
        matches!(self, Self::Refused(error) if matches!(**error, SqlError::FileReplaced(_)))
    }

    /// Whether the database is unavailable and may recover without a change here.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Refused(error) => error.is_unreachable(),
            Self::TimedOut(_) => true,
            Self::Full | Self::Closed => false,
        }
    }
}
