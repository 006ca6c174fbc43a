//! Rows of query results, the same for both drivers.

use std::fmt;

use jiff::Timestamp;

use super::error::SqlError;
use super::value::ZeroAsNone;
use crate::telemetry::ErrorChain;

/// A type that a column can be read as: what the drivers read, and how it is checked.
pub trait FromColumn: Sized {
    /// The stored form.
    type Stored: rusqlite::types::FromSql + for<'a> tokio_postgres::types::FromSql<'a>;

    /// The value, or `None` when the stored form is not a valid one.
    fn from_stored(stored: Self::Stored) -> Option<Self>;
}

/// Gives the variants of an enum their words: in the store, in logs, metrics and every output.
macro_rules! stored_words {
    ($type:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $type {
            /// The word in the store and in every output.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl $crate::db::FromColumn for $type {
            type Stored = String;

            fn from_stored(stored: String) -> Option<Self> {
                match stored.as_str() {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use stored_words;

impl FromColumn for i64 {
    type Stored = Self;

    fn from_stored(stored: Self) -> Option<Self> {
        Some(stored)
    }
}

impl FromColumn for String {
    type Stored = Self;

    fn from_stored(stored: Self) -> Option<Self> {
        Some(stored)
    }
}

impl FromColumn for Vec<u8> {
    type Stored = Self;

    fn from_stored(stored: Self) -> Option<Self> {
        Some(stored)
    }
}

impl FromColumn for u32 {
    type Stored = i64;

    fn from_stored(stored: i64) -> Option<Self> {
        stored.try_into().ok()
    }
}

impl FromColumn for u64 {
    type Stored = i64;

    fn from_stored(stored: i64) -> Option<Self> {
        stored.try_into().ok()
    }
}

/// Stored as milliseconds since 1970.
impl FromColumn for Timestamp {
    type Stored = i64;

    fn from_stored(stored: i64) -> Option<Self> {
        Self::from_millisecond(stored).ok()
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    type Stored = Option<T::Stored>;

    fn from_stored(stored: Self::Stored) -> Option<Self> {
        match stored {
            None => Some(None),
            Some(stored) => T::from_stored(stored).map(Some),
        }
    }
}

impl FromColumn for ZeroAsNone {
    type Stored = i64;

    fn from_stored(stored: i64) -> Option<Self> {
        Some(Self((stored != 0).then_some(stored)))
    }
}

/// One row of a query result.
pub struct Row<'r>(pub(super) DriverRow<'r>);

pub(super) enum DriverRow<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Row")
    }
}

impl Row<'_> {
    /// Reads a column, given by its position from 0 or by its name.
    pub fn get<T: FromColumn>(
        &self,
        column: impl rusqlite::RowIndex + tokio_postgres::row::RowIndex + fmt::Display,
    ) -> Result<T, SqlError> {
        let stored: T::Stored = match &self.0 {
            DriverRow::Sqlite(row) => row.get(column)?,
            // As an error of the driver, it would look like a lost connection.
            DriverRow::Postgres(row) => row.try_get(column).map_err(|error| {
                SqlError::Unexpected(format!("value in column {column}: {}", ErrorChain(&error)))
            })?,
        };
        T::from_stored(stored)
            .ok_or_else(|| SqlError::Unexpected(format!("value in column {column}")))
    }
}
