//! The store that several instances share: a PostgreSQL database, or an engine that speaks as one.
//!
//! Three lines lead there, each with threads and connections of its own: one accepts deliveries, one
//! writes all else, and a few read. So a write that waits for another instance never holds up a
//! delivery. Writes that wait together share one commit, as on the embedded store. A transaction that
//! the database asks to repeat is repeated, and one that fails in company is tried alone, so that it
//! does not undo its neighbours.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::location::Server;
use super::sql::{Connection, Sql, SqlError};
use super::write::{Write, take_waiting};
use super::{StoreError, migrate};
use crate::telemetry::ErrorChain;

mod encryption;
mod listen;
mod session;

pub(super) use session::{Session, cell};

/// Reads side by side in one instance; each takes a connection of the server's.
const READERS: usize = 3;

/// How often a write that the database asks to repeat is tried.
const TRIES: u32 = 10;

/// After a connection failed, how long the next try waits. Until then everything fails at once, so that
/// deliveries are answered rather than kept waiting.
const CONNECT_AGAIN: Duration = Duration::from_millis(500);

/// The lines to the database; whoever holds one end of a line keeps its threads.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    pub(super) accept: mpsc::Sender<Write>,
    pub(super) write: mpsc::Sender<Write>,
    pub(super) read: mpsc::Sender<Write>,
    shared: Arc<Shared>,
}

/// What the threads of one handle know together.
#[derive(Debug)]
struct Shared {
    server: Server,
    /// This instance, in the claims it makes.
    instance: i64,
    /// Held while migrating; true once that is done.
    migrated: Mutex<bool>,
    /// Whether the database passes on what is said with NOTIFY.
    passes_on: AtomicBool,
}

/// Starts the threads. They connect, and migrate, when the first thing is asked of them.
pub(super) fn open(server: Server, instance: i64, bound: usize) -> anyhow::Result<Lines> {
    let shared = Arc::new(Shared {
        server,
        instance,
        migrated: Mutex::new(false),
        passes_on: AtomicBool::new(true),
    });
    let line = |name: &str, threads: usize, serve: fn(&mut Link, &Waiting)| {
        let (sender, waiting) = mpsc::channel(bound);
        let waiting: Waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..threads {
            let (waiting, mut link) = (Arc::clone(&waiting), Link::new(&shared));
            std::thread::Builder::new()
                .name(format!("store-{name}"))
                .spawn(move || serve(&mut link, &waiting))
                .context("cannot start a thread for the store")?;
        }
        anyhow::Ok(sender)
    };
    Ok(Lines {
        accept: line("accept", 1, write_all)?,
        write: line("write", 1, write_all)?,
        read: line("read", READERS, read_all)?,
        shared,
    })
}

impl Lines {
    /// Calls `told` whenever an instance says that there is work, until every handle is gone.
    pub(super) fn listen(
        &self,
        told: impl Fn(super::Queue) + Send + 'static,
    ) -> anyhow::Result<()> {
        listen::start(&self.shared, told)
    }

    pub(super) fn instance(&self) -> i64 {
        self.shared.instance
    }
}

type Waiting = Arc<Mutex<mpsc::Receiver<Write>>>;

fn next(waiting: &Waiting) -> Option<Write> {
    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.blocking_recv()
}

fn read_all(link: &mut Link, waiting: &Waiting) {
    while let Some(mut read) = next(waiting) {
        let mut outcome = link.run(|sql| read.run(sql));
        if outcome.as_ref().is_err_and(is_lost) {
            // An idle connection may have been lost long ago; reading twice harms nothing.
            outcome = link.run(|sql| read.run(sql));
        }
        read.tell(outcome.map_err(StoreError::from));
    }
}

fn write_all(link: &mut Link, waiting: &Waiting) {
    while let Some(first) = next(waiting) {
        let batch = {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            take_waiting(first, &mut waiting)
        };
        commit_together(link, batch);
    }
}

/// Runs the writes in one transaction; when that fails for another reason than the connection, each in
/// one of its own. Tells each caller what became of it.
fn commit_together(link: &mut Link, mut batch: Vec<Write>) {
    // Instances that accept the same events lock them in the same order then.
    batch.sort_by_key(Write::order);
    let outcome = transaction(link, &mut batch);
    let together = match &outcome {
        Ok(()) => true,
        Err(error) => is_lost(error) || (batch.len() == 1 && !is_worth_repeating(error)),
    };
    let outcome = outcome.map_err(StoreError::from);
    for write in batch {
        if together {
            write.tell(outcome.clone());
        } else {
            alone(link, write);
        }
    }
}

/// Runs one write in a transaction of its own, as often as the database asks for it.
fn alone(link: &mut Link, write: Write) {
    let mut one = [write];
    let mut outcome = transaction(link, &mut one);
    for _ in 1..TRIES {
        match &outcome {
            Err(error) if is_worth_repeating(error) => outcome = transaction(link, &mut one),
            _ => break,
        }
    }
    let [write] = one;
    write.tell(outcome.map_err(StoreError::from));
}

fn transaction(link: &mut Link, writes: &mut [Write]) -> Result<(), SqlError> {
    let begun = link.run(|sql| session_of(sql).say("BEGIN"));
    if begun.as_ref().is_err_and(is_lost) {
        // The connection was lost while nobody looked; nothing has been asked of it yet.
        link.run(|sql| session_of(sql).say("BEGIN"))?;
    } else {
        begun?;
    }
    link.run(|sql| {
        for write in writes {
            write.run(sql)?;
        }
        session_of(sql).commit()
    })
}

fn session_of(sql: &Sql) -> &Session {
    match &sql.0 {
        Connection::Postgres(session) => session,
        Connection::Sqlite(_) => unreachable!("a link holds sessions of PostgreSQL only"),
    }
}

/// A thread's connection, made when it is needed.
struct Link {
    shared: Arc<Shared>,
    sql: Option<Sql>,
    failed: Option<(Instant, Arc<SqlError>)>,
}

impl Link {
    fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            sql: None,
            failed: None,
        }
    }

    /// Runs something on the connection, and gives the connection up when it is of no use any more.
    fn run<T>(&mut self, work: impl FnOnce(&Sql) -> Result<T, SqlError>) -> Result<T, SqlError> {
        let sql = match self.sql.take() {
            Some(sql) => sql,
            None => self.connect()?,
        };
        let outcome = work(&sql);
        let usable = match &outcome {
            Ok(_) => true,
            Err(error) => !is_lost(error) && session_of(&sql).roll_back().is_ok(),
        };
        if usable {
            self.sql = Some(sql);
        }
        outcome
    }

    fn connect(&mut self) -> Result<Sql, SqlError> {
        if let Some((at, error)) = &self.failed
            && at.elapsed() < CONNECT_AGAIN
        {
            return Err(SqlError::Away(Arc::clone(error)));
        }
        match self.shared.connect() {
            Ok(session) => {
                if self.failed.take().is_some() {
                    info!("the database is reached again");
                }
                Ok(Sql(Connection::Postgres(Box::new(session))))
            }
            Err(error) => {
                let error = Arc::new(error);
                if self.failed.is_none() {
                    warn!(error = %ErrorChain(&error), "the database cannot be reached; trying again");
                }
                self.failed = Some((Instant::now(), Arc::clone(&error)));
                Err(SqlError::Away(error))
            }
        }
    }
}

impl Shared {
    fn connect(&self) -> Result<Session, SqlError> {
        let session = Session::connect(&self.server, self.instance)?;
        let mut migrated = self.migrated.lock().unwrap_or_else(PoisonError::into_inner);
        if !*migrated {
            migrate::run_postgres(&session)?;
            // Some engines that speak as PostgreSQL take no LISTEN; then looking around must do.
            let passes_on = session.say("LISTEN docspace_courier").is_ok();
            if !passes_on {
                info!(
                    "the database passes no notices on; other instances look for work each second"
                );
            }
            session.say("UNLISTEN *").ok();
            self.passes_on.store(passes_on, Ordering::Relaxed);
            *migrated = true;
        }
        drop(migrated);
        session.passes_on(self.passes_on.load(Ordering::Relaxed));
        Ok(session)
    }
}

/// Whether the connection, or the server behind it, is of no use any more.
fn is_lost(error: &SqlError) -> bool {
    match error {
        SqlError::Postgres(error) => match error.code() {
            None => true,
            Some(code) => {
                let code = code.code();
                // Connection exceptions, a server that shuts down or starts, one that became a standby.
                code.starts_with("08") || code.starts_with("57P") || code == "25006"
            }
        },
        SqlError::Away(_) => true,
        _ => false,
    }
}

/// Whether the same may succeed when it is simply done again.
///
/// Beside what the database asks to repeat: another instance may have written the same key in between,
/// which the next look finds.
fn is_worth_repeating(error: &SqlError) -> bool {
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
