//! A blocking client of the server that waits for every answer only so long.
//!
//! A server whose processes are stopped keeps its connections, and its machine acknowledges what it is sent, so
//! no timeout of TCP notices it. A client whose wait has ended is not used again, because what it has sent may
//! still be executed.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{
    AsyncMessage, Config, Connection, Error, Notification, Row, SimpleQueryMessage, Socket,
    Statement,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::db::error::SqlError;
use crate::db::location::Server;

use super::encryption;

/// A setting that is sent with the connection. A pooler refuses it or does not pass it on.
const MARKER: &str = "docspace_courier.session";

/// A client with a connection of its own.
pub(super) struct BlockingClient {
    driver: tokio_postgres::Client,
    runtime: Runtime,
    notifications: RefCell<UnboundedReceiver<Notification>>,
    answer_limit: Cell<Duration>,
    has_timed_out: Cell<bool>,
    is_pooled: bool,
}

type ServerConnection = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

impl BlockingClient {
    /// Connects to the first host that lets it.
    pub(super) fn connect(server: &Server, answer_limit: Duration) -> Result<Self, SqlError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(SqlError::Thread)?;
        let tls = encryption::connector(server.trusted.as_deref())?;
        let marker = format!("{:016x}", fastrand::u64(..));
        let connected = runtime.block_on(connect(server, &tls, &marker))?;
        let (driver, connection, is_marked) = connected;
        let (notified, notifications) = unbounded_channel();
        runtime.spawn(drive(connection, notified));
        let mut client = Self {
            driver,
            runtime,
            notifications: RefCell::new(notifications),
            answer_limit: Cell::new(answer_limit),
            has_timed_out: Cell::new(false),
            is_pooled: true,
        };
        client.is_pooled = !(is_marked && client.has_marker(&marker)?);
        Ok(client)
    }

    /// Whether the session on the server has the marker; not so if a pooler ignored it.
    fn has_marker(&self, marker: &str) -> Result<bool, SqlError> {
        let query = format!("SELECT current_setting('{MARKER}', true)");
        let answer = self.wait(self.driver.simple_query(&query))?;
        Ok(answer.iter().any(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0) == Some(marker),
            _ => false,
        }))
    }

    /// Whether a pooler may run each transaction on another connection to the server. Then nothing outlives a
    /// transaction: no setting, no prepared statement, no `LISTEN`.
    pub(super) fn is_pooled(&self) -> bool {
        self.is_pooled
    }

    /// Runs work whose statements may take any time.
    pub(super) fn without_limit<T>(&self, work: impl FnOnce() -> T) -> T {
        let limit = self.answer_limit.replace(Duration::MAX);
        let value = work();
        self.answer_limit.set(limit);
        value
    }

    pub(super) fn batch_execute(&self, statements: &str) -> Result<(), SqlError> {
        self.wait(self.driver.batch_execute(statements))
    }

    pub(super) fn prepare(&self, text: &str, types: &[Type]) -> Result<Statement, SqlError> {
        self.wait(self.driver.prepare_typed(text, types))
    }

    pub(super) fn execute(
        &self,
        statement: &Statement,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, SqlError> {
        self.wait(self.driver.execute(statement, values))
    }

    pub(super) fn query(
        &self,
        statement: &Statement,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, SqlError> {
        self.wait(self.driver.query(statement, values))
    }

    /// Like [`BlockingClient::execute`], in one message to the server.
    pub(super) fn execute_unprepared(
        &self,
        text: &str,
        values: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<u64, SqlError> {
        self.wait(self.driver.execute_typed(text, values))
    }

    /// Like [`BlockingClient::query`], in one message to the server.
    pub(super) fn query_unprepared(
        &self,
        text: &str,
        values: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, SqlError> {
        self.wait(self.driver.query_typed(text, values))
    }

    /// The next notification, if one arrives in time.
    pub(super) fn notification(&self, wait: Duration) -> Option<Notification> {
        let mut notifications = self.notifications.borrow_mut();
        let arriving = async { timeout(wait, notifications.recv()).await };
        self.runtime.block_on(arriving).ok().flatten()
    }

    fn wait<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, SqlError> {
        let limit = self.answer_limit.get();
        if self.has_timed_out.get() {
            return Err(SqlError::TimedOut(limit));
        }
        let answer = async { timeout(limit, answer).await };
        let Ok(answer) = self.runtime.block_on(answer) else {
            self.has_timed_out.set(true);
            return Err(SqlError::TimedOut(limit));
        };
        Ok(answer?)
    }
}

/// Connects to the first host that lets it; says whether the marker was accepted.
async fn connect(
    server: &Server,
    tls: &MakeRustlsConnect,
    marker: &str,
) -> Result<(tokio_postgres::Client, ServerConnection, bool), SqlError> {
    let mut outcome = Err(SqlError::TimedOut(server.connect_timeout));
    for host in server.hosts() {
        // A host that accepts the connection and then stays silent must not keep this client from the others.
        let connected = timeout(server.connect_timeout, connect_to(&host, tls, marker)).await;
        outcome = match connected {
            Ok(connected) => connected.map_err(SqlError::from),
            Err(_) => Err(SqlError::TimedOut(server.connect_timeout)),
        };
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

async fn connect_to(
    host: &Config,
    tls: &MakeRustlsConnect,
    marker: &str,
) -> Result<(tokio_postgres::Client, ServerConnection, bool), Error> {
    let mut with_marker = host.clone();
    let options = host.get_options().unwrap_or_default();
    with_marker.options(format!("{options} -c {MARKER}={marker}"));
    match with_marker.connect(tls.clone()).await {
        Ok((client, connection)) => Ok((client, connection, true)),
        Err(error) if is_unsupported(&error) => {
            let (client, connection) = host.connect(tls.clone()).await?;
            Ok((client, connection, false))
        }
        Err(error) => Err(error),
    }
}

/// Whether the other side does not accept a setting in the first message.
fn is_unsupported(error: &Error) -> bool {
    error.code().is_some_and(|code| {
        [
            SqlState::PROTOCOL_VIOLATION,
            SqlState::FEATURE_NOT_SUPPORTED,
        ]
        .contains(code)
    })
}

/// Sends and receives for a client until it is dropped or the connection is lost.
async fn drive(mut connection: ServerConnection, notified: UnboundedSender<Notification>) {
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notification(notification) = message {
            // The receiver lives as long as the client.
            let _ = notified.send(notification);
        }
    }
}
