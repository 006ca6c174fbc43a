//! One connection to PostgreSQL: statements prepared once, parameters by name.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use ::postgres::types::{ToSql, Type};
use ::postgres::{Client, Statement};

use crate::db::error::SqlError;
use crate::db::location::Server;
use crate::db::queue::Queue;
use crate::db::row::{DriverRow, Row};
use crate::db::value::{Params, Value};
use crate::ids::InstanceId;

use super::encryption;

/// The first statements on every connection. The server may keep for a long time plans that it made while
/// the tables were empty, so sequential scans are discouraged.
const SESSION_SETUP: &str = "
    SET statement_timeout = '30s';
    SET lock_timeout = '10s';
    SET idle_in_transaction_session_timeout = '30s';
    SET enable_seqscan = off;
    SET client_min_messages = warning";

/// A connection and its prepared statements.
pub(in crate::db) struct Session {
    client: RefCell<Client>,
    statements: RefCell<HashMap<String, Statement>>,
    /// What the transaction announces to other instances when it commits.
    announced: Cell<Announced>,
    notify_supported: Cell<bool>,
    instance: InstanceId,
}

#[derive(Clone, Copy, Debug, Default)]
struct Announced {
    inbox: bool,
    outbox: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Session")
    }
}

impl Session {
    pub(super) fn connect(server: &Server, instance: InstanceId) -> Result<Self, SqlError> {
        let mut client = connect(server)?;
        client.batch_execute(SESSION_SETUP)?;
        Ok(Self {
            client: RefCell::new(client),
            statements: RefCell::default(),
            announced: Cell::default(),
            notify_supported: Cell::new(false),
            instance,
        })
    }

    /// The instance that this connection belongs to.
    pub(in crate::db) fn instance(&self) -> InstanceId {
        self.instance
    }

    pub(super) fn set_notify_supported(&self, notify_supported: bool) {
        self.notify_supported.set(notify_supported);
    }

    /// Runs statements without parameters.
    pub(in crate::db) fn batch_execute(&self, statements: &str) -> Result<(), SqlError> {
        Ok(self.client.borrow_mut().batch_execute(statements)?)
    }

    /// Notifies other instances of work when the transaction commits.
    pub(in crate::db) fn announce(&self, queue: Queue) {
        let mut announced = self.announced.get();
        match queue {
            Queue::Inbox => announced.inbox = true,
            Queue::Outbox => announced.outbox = true,
        }
        self.announced.set(announced);
    }

    pub(super) fn commit(&self) -> Result<(), SqlError> {
        let Announced { inbox, outbox } = self.announced.take();
        let notify = self.notify_supported.get();
        self.batch_execute(match (inbox && notify, outbox && notify) {
            (false, false) => "COMMIT",
            (true, false) => "NOTIFY docspace_courier, 'inbox'; COMMIT",
            (false, true) => "NOTIFY docspace_courier, 'outbox'; COMMIT",
            (true, true) => {
                "NOTIFY docspace_courier, 'inbox'; NOTIFY docspace_courier, 'outbox'; COMMIT"
            }
        })
    }

    pub(super) fn roll_back(&self) -> Result<(), SqlError> {
        self.announced.take();
        self.batch_execute("ROLLBACK")
    }

    /// Runs a statement and returns the number of rows it changed.
    pub(in crate::db) fn execute(&self, text: &str, params: Params<'_>) -> Result<usize, SqlError> {
        let statement = self.prepare(text, params)?;
        let changed = self
            .client
            .borrow_mut()
            .execute(&statement, &values(params))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Passes every row of a query to `take`.
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
            .try_for_each(|row| take(&Row(DriverRow::Postgres(row))))
    }

    fn prepare(&self, text: &str, params: Params<'_>) -> Result<Statement, SqlError> {
        if let Some(statement) = self.statements.borrow().get(text) {
            return Ok(statement.clone());
        }
        let numbered = number_params(text, params)?;
        let types: Vec<Type> = params
            .iter()
            .map(|(_, value)| value.postgres_type())
            .collect();
        let statement = self.client.borrow_mut().prepare_typed(&numbered, &types)?;
        self.statements
            .borrow_mut()
            .insert(text.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// A connection without any set-up.
pub(super) fn connect(server: &Server) -> Result<Client, SqlError> {
    let tls = encryption::connector(server.trusted.as_deref())?;
    Ok(server.config.connect(tls)?)
}

/// Replaces each parameter's name by `$1`, `$2` and so on. A colon in our statements always begins a name.
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
        let position = params
            .iter()
            .position(|(given, _)| *given == name)
            .ok_or_else(|| SqlError::Unexpected(format!("statement: no value for {name}")))?;
        used[position] = true;
        numbered.push_str(before);
        numbered.push('$');
        numbered.push_str(&(position + 1).to_string());
        rest = after;
    }
    numbered.push_str(rest);
    match used.iter().position(|used| !used) {
        Some(position) => Err(SqlError::Unexpected(format!(
            "parameter: the statement does not use {}",
            params[position].0
        ))),
        None => Ok(numbered),
    }
}

fn values<'a>(params: &'a [(&'a str, Value<'a>)]) -> Vec<&'a (dyn ToSql + Sync)> {
    params
        .iter()
        .map(|(_, value)| value as &(dyn ToSql + Sync))
        .collect()
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
