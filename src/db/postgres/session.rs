//! One connection to PostgreSQL: statements prepared once, parameters by name.

use std::cell::{Cell as StdCell, RefCell};
use std::collections::HashMap;

use ::postgres::types::private::BytesMut;
use ::postgres::types::{IsNull, ToSql, Type};
use ::postgres::{Client, Row as PostgresRow, Statement};

use crate::db::Queue;
use crate::db::location::Server;
use crate::db::sql::SqlError;
use crate::db::value::{Cell, Column, Params, Row, RowOf, Value};

use super::encryption;

/// What every connection is told first. Plans made while the tables were empty are kept by the server
/// for as long as it likes, so it is told never to prefer reading a whole table.
const FIRST: &str = "SET statement_timeout = '30s'; SET lock_timeout = '10s';
                     SET idle_in_transaction_session_timeout = '30s'; SET enable_seqscan = off;
                     SET client_min_messages = warning";

/// A connection, and the statements it knows.
pub(in crate::db) struct Session {
    client: RefCell<Client>,
    statements: RefCell<HashMap<String, Statement>>,
    /// What the transaction will say to other instances when it commits.
    news: StdCell<News>,
    passes_on: StdCell<bool>,
    instance: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct News {
    inbox: bool,
    outbox: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Session")
    }
}

impl Session {
    pub(super) fn connect(server: &Server, instance: i64) -> Result<Self, SqlError> {
        let mut client = connect(server)?;
        client.batch_execute(FIRST)?;
        Ok(Self {
            client: RefCell::new(client),
            statements: RefCell::default(),
            news: StdCell::default(),
            passes_on: StdCell::new(false),
            instance,
        })
    }

    /// The instance that this connection belongs to.
    pub(in crate::db) fn instance(&self) -> i64 {
        self.instance
    }

    pub(super) fn passes_on(&self, passes_on: bool) {
        self.passes_on.set(passes_on);
    }

    /// Runs plain statements without parameters.
    pub(in crate::db) fn say(&self, statements: &str) -> Result<(), SqlError> {
        Ok(self.client.borrow_mut().batch_execute(statements)?)
    }

    /// Lets other instances know of work, once the transaction is committed.
    pub(in crate::db) fn announce(&self, work: Queue) {
        let mut news = self.news.get();
        match work {
            Queue::Inbox => news.inbox = true,
            Queue::Outbox => news.outbox = true,
        }
        self.news.set(news);
    }

    pub(super) fn commit(&self) -> Result<(), SqlError> {
        let News { inbox, outbox } = self.news.take();
        let passes_on = self.passes_on.get();
        self.say(match (inbox && passes_on, outbox && passes_on) {
            (false, false) => "COMMIT",
            (true, false) => "NOTIFY docspace_courier, 'inbox'; COMMIT",
            (false, true) => "NOTIFY docspace_courier, 'outbox'; COMMIT",
            (true, true) => {
                "NOTIFY docspace_courier, 'inbox'; NOTIFY docspace_courier, 'outbox'; COMMIT"
            }
        })
    }

    pub(super) fn roll_back(&self) -> Result<(), SqlError> {
        self.news.take();
        self.say("ROLLBACK")
    }

    /// Runs a statement and returns how many rows it changed.
    pub(in crate::db) fn execute(&self, text: &str, params: Params<'_>) -> Result<usize, SqlError> {
        let statement = self.prepare(text, params)?;
        let changed = self
            .client
            .borrow_mut()
            .execute(&statement, &values(params))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Hands over every row of a query.
    pub(in crate::db) fn query(
        &self,
        text: &str,
        params: Params<'_>,
        take: &mut dyn FnMut(&Row<'_>) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let statement = self.prepare(text, params)?;
        let rows = self
            .client
            .borrow_mut()
            .query(&statement, &values(params))?;
        rows.iter()
            .try_for_each(|row| take(&Row(RowOf::Postgres(row))))
    }

    fn prepare(&self, text: &str, params: Params<'_>) -> Result<Statement, SqlError> {
        if let Some(statement) = self.statements.borrow().get(text) {
            return Ok(statement.clone());
        }
        let numbered = number_params(text, params)?;
        let types: Vec<Type> = params.iter().map(|(_, value)| type_of(value)).collect();
        let statement = self.client.borrow_mut().prepare_typed(&numbered, &types)?;
        self.statements
            .borrow_mut()
            .insert(text.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// A connection as it comes.
pub(super) fn connect(server: &Server) -> Result<Client, SqlError> {
    let tls = encryption::connector(server.trusted.as_deref())?;
    Ok(server.config.connect(tls)?)
}

/// Puts `$1` for the first parameter's name, and so on. Nothing in our statements has a colon but names.
fn number_params(text: &str, params: Params<'_>) -> Result<String, SqlError> {
    let mut numbered = String::with_capacity(text.len());
    let mut used = vec![false; params.len()];
    let mut rest = text;
    while let Some(at) = rest.find(':') {
        let (before, from) = rest.split_at(at);
        let length = from[1..]
            .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .map_or(from.len(), |length| length + 1);
        let (name, after) = from.split_at(length);
        let place = params
            .iter()
            .position(|(given, _)| *given == name)
            .ok_or_else(|| SqlError::Unexpected(format!("a statement: nobody gives {name}")))?;
        used[place] = true;
        numbered.push_str(before);
        numbered.push('$');
        numbered.push_str(&(place + 1).to_string());
        rest = after;
    }
    numbered.push_str(rest);
    match used.iter().position(|used| !used) {
        Some(place) => Err(SqlError::Unexpected(format!(
            "a statement: it has no {}",
            params[place].0
        ))),
        None => Ok(numbered),
    }
}

fn type_of(value: &Value<'_>) -> Type {
    match value {
        Value::Integer(_) => Type::INT8,
        Value::Text(_) => Type::TEXT,
        Value::Blob(_) => Type::BYTEA,
    }
}

fn values<'a>(params: &'a [(&'a str, Value<'a>)]) -> Vec<&'a (dyn ToSql + Sync)> {
    params
        .iter()
        .map(|(_, value)| value as &(dyn ToSql + Sync))
        .collect()
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Integer(number) => number.to_sql(&Type::INT8, out),
            // PostgreSQL has no text with a zero in it; somebody's file title may have one.
            Self::Text(Some(text)) if text.contains('\0') => {
                text.replace('\0', "\u{fffd}").to_sql(&Type::TEXT, out)
            }
            Self::Text(text) => text.to_sql(&Type::TEXT, out),
            Self::Blob(bytes) => bytes.to_sql(&Type::BYTEA, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    ::postgres::types::to_sql_checked!();
}

/// What stands in a column.
pub(in crate::db) fn cell(row: &PostgresRow, column: Column<'_>) -> Result<Cell, SqlError> {
    let place = match column {
        Column::Place(place) => place,
        Column::Name(name) => row
            .columns()
            .iter()
            .position(|column| column.name() == name)
            .ok_or_else(|| SqlError::Unexpected(format!("{column:?}")))?,
    };
    let of_type = row
        .columns()
        .get(place)
        .ok_or_else(|| SqlError::Unexpected(format!("{column:?}")))?
        .type_();
    Ok(match *of_type {
        Type::INT8 => row.try_get::<_, Option<i64>>(place)?.map(Cell::Integer),
        Type::INT4 => row
            .try_get::<_, Option<i32>>(place)?
            .map(|number| Cell::Integer(number.into())),
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(place)?.map(Cell::Blob),
        _ => row.try_get::<_, Option<String>>(place)?.map(Cell::Text),
    }
    .unwrap_or(Cell::Null))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_numbers() {
        let check = |text: &str, params: Params<'_>, expected: Option<&str>| {
            assert_eq!(
                number_params(text, params).ok().as_deref(),
                expected,
                "{text}"
            );
        };
        check("SELECT 1", &[], Some("SELECT 1"));
        check(
            "a = :a AND b < :b_c OR :a IS NULL",
            &[(":a", 1_i64.into()), (":b_c", "x".into())],
            Some("a = $1 AND b < $2 OR $1 IS NULL"),
        );
        check("a = :a", &[], None);
        check("a = 1", &[(":a", 1_i64.into())], None);
        check("(:a)", &[(":a", 1_i64.into())], Some("($1)"));
        check("a = :ab", &[(":a", 1_i64.into())], None);
    }
}
