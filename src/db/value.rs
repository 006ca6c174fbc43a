//! Parameters of statements, the same for both drivers.

use jiff::Timestamp;
use rusqlite::ToSql as ToSqlite;
use rusqlite::types::{ToSqlOutput, Value as SqliteValue, ValueRef};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql as ToPostgres, Type};

/// A parameter of a statement. `None` is NULL of the variant's type.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A number; also a boolean as 0 or 1, and a time in milliseconds since 1970.
    Integer(Option<i64>),
    /// A text.
    Text(Option<&'a str>),
    /// Bytes.
    Blob(Option<&'a [u8]>),
}

/// The parameters of a statement, each with its name there: `(":id", id.into())`.
pub type Params<'a> = &'a [(&'a str, Value<'a>)];

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Integer(Some(i64::from(number)))
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(time: Timestamp) -> Self {
        Self::Integer(Some(time.as_millisecond()))
    }
}

impl From<Option<Timestamp>> for Value<'_> {
    fn from(time: Option<Timestamp>) -> Self {
        Self::Integer(time.map(Timestamp::as_millisecond))
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Self::Integer(Some(i64::from(truth)))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Blob(Some(bytes))
    }
}

/// A number that may be absent, in a NOT NULL column that then contains 0: `webhook_id`, `sequence` and
/// `instance`. As NULLs, absent webhook ids would make every key (webhook id, event id) unique, and absent
/// sequences could not be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZeroAsNone(pub Option<i64>);

impl From<ZeroAsNone> for Value<'_> {
    fn from(ZeroAsNone(number): ZeroAsNone) -> Self {
        Self::Integer(Some(number.unwrap_or(0)))
    }
}

impl Value<'_> {
    /// The parameter's type in PostgreSQL.
    pub(super) fn postgres_type(&self) -> Type {
        match self {
            Self::Integer(_) => Type::INT8,
            Self::Text(_) => Type::TEXT,
            Self::Blob(_) => Type::BYTEA,
        }
    }
}

impl ToSqlite for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Integer(Some(number)) => ToSqlOutput::Owned(SqliteValue::Integer(*number)),
            Self::Text(Some(text)) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Blob(Some(bytes)) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Self::Integer(None) | Self::Text(None) | Self::Blob(None) => {
                ToSqlOutput::Owned(SqliteValue::Null)
            }
        })
    }
}

impl ToPostgres for Value<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Integer(number) => ToPostgres::to_sql(number, &Type::INT8, out),
            // PostgreSQL cannot store a NUL in a text, and a file's title may contain one.
            Self::Text(Some(text)) if text.contains('\0') => {
                ToPostgres::to_sql(&text.replace('\0', "\u{fffd}"), &Type::TEXT, out)
            }
            Self::Text(text) => ToPostgres::to_sql(text, &Type::TEXT, out),
            Self::Blob(bytes) => ToPostgres::to_sql(bytes, &Type::BYTEA, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}
