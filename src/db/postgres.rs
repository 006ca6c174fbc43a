//! The store that several instances share: a PostgreSQL database, or an engine with its protocol.
//!
//! Three worker pools share the database, each with its own threads and connections: one accepts
//! deliveries, one runs all other writes, one reads. A write that waits for another instance therefore
//! never delays a delivery.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::error::{SqlError, StoreError};
use super::location::Server;
use super::migrate;
use super::queue::Queue;
use super::sql::{Driver, Sql};
use super::write::{FailureCause, StoreRequest, TransactionError, commit_together, take_waiting};
use crate::ids::InstanceId;
use crate::telemetry::ErrorChain;

mod client;
mod encryption;
mod listen;
pub(super) mod session;

use session::{Session, WaitLimits};

/// Parallel reads of one instance; each takes a connection of the server.
const READERS: usize = 3;

/// How long after a failed connection attempt the next one waits. Until then requests fail at once, so
/// that deliveries are answered without delay.
const RECONNECT_INTERVAL: Duration = Duration::from_millis(500);

/// Waits of the pool that accepts deliveries. They end before a delivery's own wait does, so that the threads are
/// free again. A delivery waits for a lock only while another instance stores the same event.
const ACCEPT_LIMITS: WaitLimits = WaitLimits {
    lock: Duration::from_secs(3),
    answer: Duration::from_secs(8),
};

/// Waits of the other pools. The server ends a statement after 30 s by itself.
const WORK_LIMITS: WaitLimits = WaitLimits {
    lock: Duration::from_secs(10),
    answer: Duration::from_secs(35),
};

/// The senders to the worker pools. A pool's threads end when its last sender is dropped.
#[derive(Clone, Debug)]
pub(super) struct WorkerPools {
    pub(super) accept: mpsc::Sender<StoreRequest>,
    pub(super) write: mpsc::Sender<StoreRequest>,
    pub(super) read: mpsc::Sender<StoreRequest>,
    shared: Arc<Shared>,
}

/// What the threads of one handle share.
#[derive(Debug)]
struct Shared {
    server: Server,
    /// This instance, as its claims name it.
    instance: InstanceId,
    /// Held while migrating; true once that is done.
    migrated: Mutex<bool>,
    /// Whether the database supports `LISTEN` and `NOTIFY`.
    notify_supported: AtomicBool,
}

/// Starts the threads. They connect, and migrate the database, at the first request.
pub(super) fn open(
    server: Server,
    instance: InstanceId,
    max_waiting: usize,
) -> anyhow::Result<WorkerPools> {
    let shared = Arc::new(Shared {
        server,
        instance,
        migrated: Mutex::new(false),
        notify_supported: AtomicBool::new(true),
    });
    let pool = |name: &str, threads: usize, limits, serve: fn(&mut LazyConnection, &Requests)| {
        let (sender, requests) = mpsc::channel(max_waiting);
        let requests: Requests = Arc::new(Mutex::new(requests));
        for _ in 0..threads {
            let (requests, mut connection) =
                (Arc::clone(&requests), LazyConnection::new(&shared, limits));
            std::thread::Builder::new()
                .name(format!("store-{name}"))
                .spawn(move || serve(&mut connection, &requests))
                .context("cannot start a thread for the store")?;
        }
        anyhow::Ok(sender)
    };
    Ok(WorkerPools {
        accept: pool("accept", 1, ACCEPT_LIMITS, write_all)?,
        write: pool("write", 1, WORK_LIMITS, write_all)?,
        read: pool("read", READERS, WORK_LIMITS, read_all)?,
        shared,
    })
}

impl WorkerPools {
    /// Calls `on_notify` whenever an instance announces work, until every handle is dropped.
    pub(super) fn listen(&self, on_notify: impl Fn(Queue) + Send + 'static) -> anyhow::Result<()> {
        let shared = Arc::downgrade(&self.shared);
        let is_open = move || shared.strong_count() > 0;
        listen::start(self.shared.server.clone(), is_open, on_notify)
    }
}

type Requests = Arc<Mutex<mpsc::Receiver<StoreRequest>>>;

fn next(requests: &Requests) -> Option<StoreRequest> {
    let mut requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
    requests.blocking_recv()
}

fn read_all(connection: &mut LazyConnection, requests: &Requests) {
    while let Some(mut read) = next(requests) {
        let mut outcome = connection.run(|sql| run_read(sql, &mut read));
        if outcome.as_ref().is_err_and(is_connection_lost) {
            // An idle connection may have been lost long ago, and reading twice is harmless.
            outcome = connection.run(|sql| run_read(sql, &mut read));
        }
        read.respond(outcome.map_err(StoreError::from));
    }
}

fn run_read(sql: &Sql, read: &mut StoreRequest) -> Result<(), SqlError> {
    let session = session_of(sql);
    if !session.is_pooled() {
        return read.run(sql);
    }
    session.begin()?;
    read.run(sql)?;
    session.commit()
}

fn write_all(connection: &mut LazyConnection, requests: &Requests) {
    while let Some(first) = next(requests) {
        let mut batch = {
            let mut requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
            take_waiting(first, &mut requests)
        };
        // Instances that accept the same events then lock them in the same order.
        batch.sort_by_key(StoreRequest::order);
        commit_together(batch, |writes| {
            transaction(connection, writes).map_err(|error| TransactionError {
                cause: cause(&error),
                error,
            })
        });
    }
}

fn transaction(
    connection: &mut LazyConnection,
    writes: &mut [StoreRequest],
) -> Result<(), SqlError> {
    let begin = |sql: &Sql| session_of(sql).begin();
    let mut started = connection.run(begin);
    if started.as_ref().is_err_and(is_connection_lost) {
        // The connection was lost while idle, so nothing has been sent on it yet.
        started = connection.run(begin);
    }
    started?;
    connection.run(|sql| {
        for write in writes {
            write.run(sql)?;
        }
        session_of(sql).commit()
    })
}

fn session_of(sql: &Sql) -> &Session {
    match &sql.0 {
        Driver::Postgres(session) => session,
        Driver::Sqlite(_) => unreachable!("a worker pool has sessions of PostgreSQL only"),
    }
}

/// A thread's connection, made when it is needed.
struct LazyConnection {
    shared: Arc<Shared>,
    limits: WaitLimits,
    sql: Option<Sql>,
    failed: Option<(Instant, Arc<SqlError>)>,
}

impl LazyConnection {
    fn new(shared: &Arc<Shared>, limits: WaitLimits) -> Self {
        Self {
            shared: Arc::clone(shared),
            limits,
            sql: None,
            failed: None,
        }
    }

    /// Runs a closure on the connection. After an error it rolls back, or drops a connection that is lost.
    fn run<T>(&mut self, work: impl FnOnce(&Sql) -> Result<T, SqlError>) -> Result<T, SqlError> {
        let sql = match self.sql.take() {
            Some(sql) => sql,
            None => self.connect()?,
        };
        let outcome = work(&sql);
        let usable = match &outcome {
            Ok(_) => true,
            Err(error) => !is_connection_lost(error) && session_of(&sql).roll_back().is_ok(),
        };
        if usable {
            self.sql = Some(sql);
        }
        outcome
    }

    fn connect(&mut self) -> Result<Sql, SqlError> {
        if let Some((at, error)) = &self.failed
            && at.elapsed() < RECONNECT_INTERVAL
        {
            return Err(SqlError::Unreachable(Arc::clone(error)));
        }
        match self.shared.connect(self.limits) {
            Ok(session) => {
                if self.failed.take().is_some() {
                    info!("connected to the database again");
                }
                Ok(Sql(Driver::Postgres(Box::new(session))))
            }
            Err(error) => {
                let error = Arc::new(error);
                if self.failed.is_none() {
                    warn!(error = %ErrorChain(&error), "the database cannot be reached; trying again");
                }
                self.failed = Some((Instant::now(), Arc::clone(&error)));
                Err(SqlError::Unreachable(error))
            }
        }
    }
}

impl Shared {
    fn connect(&self, limits: WaitLimits) -> Result<Session, SqlError> {
        let session = Session::connect(&self.server, self.instance, limits)?;
        let mut migrated = self.migrated.lock().unwrap_or_else(PoisonError::into_inner);
        if !*migrated {
            migrate::run_postgres(&session)?;
            self.notify_supported
                .store(supports_notify(&session), Ordering::Relaxed);
            *migrated = true;
        }
        drop(migrated);
        session.set_notify_supported(self.notify_supported.load(Ordering::Relaxed));
        Ok(session)
    }
}

fn supports_notify(session: &Session) -> bool {
    if session.is_pooled() {
        info!(
            "a connection pooler is between this instance and the database; every transaction sets up its own \
             session, and instances poll for work every second"
        );
        return false;
    }
    // Some engines with PostgreSQL's protocol reject LISTEN; polling still finds the work.
    let is_supported = session.batch_execute("LISTEN docspace_courier").is_ok();
    if !is_supported {
        info!("the database does not support LISTEN; instances poll for work every second");
    }
    session.batch_execute("UNLISTEN *").ok();
    is_supported
}

fn cause(error: &SqlError) -> FailureCause {
    if is_connection_lost(error) {
        FailureCause::Store
    } else if is_conflict(error) {
        FailureCause::Conflict
    } else {
        FailureCause::Write
    }
}

/// Whether the connection, or the server behind it, cannot be used any more.
fn is_connection_lost(error: &SqlError) -> bool {
    match error {
        SqlError::Postgres(error) => match error.code() {
            None => true,
            Some(code) => {
                let code = code.code();
                // Connection exceptions, a server that shuts down or starts, one that became a standby.
                code.starts_with("08") || code.starts_with("57P") || code == "25006"
            }
        },
        SqlError::TimedOut(_) | SqlError::Unreachable(_) => true,
        _ => false,
    }
}

/// Whether another transaction caused the error, so that the same statements may succeed when repeated.
///
/// A unique violation counts: another instance inserted the same key in between, and the next run sees it.
fn is_conflict(error: &SqlError) -> bool {
    const SERIALIZATION_FAILURE: &str = "40001";
    const DEADLOCK_DETECTED: &str = "40P01";
    const UNIQUE_VIOLATION: &str = "23505";

    match error {
        SqlError::Postgres(error) => error.code().is_some_and(|code| {
            [SERIALIZATION_FAILURE, DEADLOCK_DETECTED, UNIQUE_VIOLATION].contains(&code.code())
        }),
        _ => false,
    }
}
