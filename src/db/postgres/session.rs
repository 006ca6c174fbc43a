//! One connection to PostgreSQL: statements prepared once where the connection allows it, parameters by name.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Row as ServerRow, Statement};

use crate::db::error::SqlError;
use crate::db::location::Server;
use crate::db::queue::Queue;
use crate::db::row::{DriverRow, Row};
use crate::db::value::{Params, Value};
use crate::ids::InstanceId;

use super::client::BlockingClient;

/// How long the statements of a session may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct WaitLimits {
    /// For a lock.
    pub(super) lock: Duration,
    /// For the server's answer.
    pub(super) answer: Duration,
}

/// A connection and its prepared statements.
pub(in crate::db) struct Session {
    client: BlockingClient,
    /// What begins a transaction.
    begin: String,
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
    pub(super) fn connect(
        server: &Server,
        instance: InstanceId,
        limits: WaitLimits,
    ) -> Result<Self, SqlError> {
        let client = BlockingClient::connect(server, limits.answer)?;
        let begin = if client.is_pooled() {
            format!("BEGIN; {}", settings("LOCAL", limits))
        } else {
            client.batch_execute(&settings("SESSION", limits))?;
            "BEGIN".to_owned()
        };
        Ok(Self {
            client,
            begin,
            statements: RefCell::default(),
            announced: Cell::default(),
            notify_supported: Cell::new(false),
            instance,
        })
    }

    /// Whether only a transaction is sure to stay on one connection to the server.
    pub(super) fn is_pooled(&self) -> bool {
        self.client.is_pooled()
    }

    /// Runs work whose statements may take any time.
    pub(in crate::db) fn without_limit<T>(&self, work: impl FnOnce() -> T) -> T {
        self.client.without_limit(work)
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
        self.client.batch_execute(statements)
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

    pub(in crate::db) fn begin(&self) -> Result<(), SqlError> {
        self.batch_execute(&self.begin)
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
        let changed = if self.is_pooled() {
            let numbered = number_params(text, params)?;
            self.client
                .execute_unprepared(&numbered, &typed_values(params))?
        } else {
            let statement = self.prepare(text, params)?;
            self.client.execute(&statement, &values(params))?
        };
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Passes every row of a query to `take`.
    pub(in crate::db) fn query(
        &self,
        text: &str,
        params: Params<'_>,
        take: &mut dyn FnMut(&Row<'_>) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let rows: Vec<ServerRow> = if self.is_pooled() {
            let numbered = number_params(text, params)?;
            self.client
                .query_unprepared(&numbered, &typed_values(params))?
        } else {
            let statement = self.prepare(text, params)?;
            self.client.query(&statement, &values(params))?
        };
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
        let statement = self.client.prepare(&numbered, &types)?;
        self.statements
            .borrow_mut()
            .insert(text.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// The settings of a session, or of a transaction (`LOCAL`). The server may keep for a long time plans that it
/// made while the tables were empty, so sequential scans are discouraged.
///
/// That makes a plan which needs one look so expensive that the server would compile it, again for each execution, which
/// takes longer than any of our statements. Servers that cannot compile do not know the setting.
///
/// The server ends a statement later than the client that waits for a delivery's commit gives up. Otherwise it
/// could end the wait for a synchronous standby, and report a commit that a failover may lose.
fn settings(scope: &str, limits: WaitLimits) -> String {
    let is_local = scope == "LOCAL";
    format!(
        "SET {scope} statement_timeout = '30s';
         SET {scope} lock_timeout = {};
         SET {scope} idle_in_transaction_session_timeout = '30s';
         SET {scope} enable_seqscan = off;
         SELECT set_config(name, 'off', {is_local}) FROM pg_settings WHERE name = 'jit';
         SET {scope} client_min_messages = warning",
        limits.lock.as_millis()
    )
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

fn typed_values<'a>(params: &'a [(&'a str, Value<'a>)]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    let types = params.iter().map(|(_, value)| value.postgres_type());
    values(params).into_iter().zip(types).collect()
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
