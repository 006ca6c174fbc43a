//! The embedded store: opens and migrates the SQLite file, and runs every write on one thread.
//!
//! Writes that wait together share one commit, because a commit is an fsync and an fsync is what a
//! delivery costs (WAL, `synchronous=FULL`). A caller hears of success only after the commit that
//! holds its write is on disk. Readers have connections of their own and are never in the way. The
//! SQL itself stands in the modules that own the tables.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

mod migrate;

/// Writes that may wait for the writer thread. Beyond it, deliveries are refused with 503.
const WAITING_WRITES: usize = 4096;

/// Writes that share one commit at the most.
const WRITES_PER_COMMIT: usize = 256;

/// How long a statement waits for a lock that another process holds on the file.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Why the store did not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// More writes wait than the bound allows.
    #[error("too many writes are waiting for the store")]
    Full,
    /// The writer thread has ended.
    #[error("the store is closed")]
    Closed,
    /// SQLite refused.
    #[error("the store refused")]
    Sqlite(#[source] Arc<rusqlite::Error>),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

/// A handle to the store; clones share it.
#[derive(Clone, Debug)]
pub struct Db {
    writes: mpsc::Sender<Write>,
    readers: Arc<Readers>,
    /// Held for as long as any handle lives; see [`Db::open_alone`].
    _alone: Option<Arc<File>>,
}

/// One write: runs inside the shared transaction, or hears that there is none, and leaves what is to
/// be said afterwards.
type Write = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Written + Send>;

/// What one write came to, before the commit that decides about it.
struct Written {
    kept: Result<(), StoreError>,
    /// Tells the caller, given what became of the commit.
    tell: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

#[derive(Debug)]
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Db {
    /// Opens the file, creating and migrating it as needed, and starts the writer thread.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut connection =
            connect(path).with_context(|| format!("cannot open the store {}", path.display()))?;
        migrate::run(&mut connection)
            .with_context(|| format!("cannot migrate the store {}", path.display()))?;

        let (writes, waiting) = mpsc::channel(WAITING_WRITES);
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_all(&mut connection, waiting))
            .context("cannot start the store's writer thread")?;
        let readers = Readers {
            path: path.to_owned(),
            idle: Mutex::default(),
        };
        Ok(Self {
            writes,
            readers: Arc::new(readers),
            _alone: None,
        })
    }

    /// Opens the file for a service that runs its actions: refuses when another one does.
    ///
    /// Only one service works on an embedded store, so leases left in it belong to the dead.
    pub fn open_alone(path: &Path) -> anyhow::Result<Self> {
        let mut lock_path = path.as_os_str().to_owned();
        lock_path.push(".lock");
        let lock = File::create(&lock_path)
            .with_context(|| format!("cannot write beside the store {}", path.display()))?;
        lock.try_lock().with_context(|| {
            format!(
                "another docspace-courier is working on the store {}",
                path.display()
            )
        })?;
        Ok(Self {
            _alone: Some(Arc::new(lock)),
            ..Self::open(path)?
        })
    }

    /// Runs a write and waits for its commit; waits for its turn when many are in hand.
    pub async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (write, done) = prepare(work);
        self.writes
            .send(write)
            .await
            .map_err(|_| StoreError::Closed)?;
        done.await.map_err(|_| StoreError::Closed)?
    }

    /// Like [`Db::write`], but refuses at once when the bound of waiting writes is reached.
    pub async fn write_or_refuse<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (write, done) = prepare(work);
        self.writes.try_send(write).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Full,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        done.await.map_err(|_| StoreError::Closed)?
    }

    /// Writes something that means nothing, to see that the store takes writes.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.write_or_refuse(|sql| {
            sql.execute(
                "INSERT OR REPLACE INTO state (key, value) VALUES ('probe', '')",
                [],
            )
        })
        .await
        .map(drop)
    }

    /// Reads on a connection of its own.
    pub async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let readers = Arc::clone(&self.readers);
        tokio::task::spawn_blocking(move || readers.with(work))
            .await
            .map_err(|_| StoreError::Closed)?
    }
}

impl Readers {
    fn with<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path)?,
        };
        let value = work(&connection)?;
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
        Ok(value)
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn prepare<T, F>(work: F) -> (Write, oneshot::Receiver<Result<T, StoreError>>)
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
{
    let (tell, done) = oneshot::channel();
    let write: Write = Box::new(move |connection| {
        let outcome = connection.and_then(|connection| Ok(work(connection)?));
        let (kept, value) = match outcome {
            Ok(value) => (Ok(()), Some(value)),
            Err(error) => (Err(error), None),
        };
        Written {
            kept,
            tell: Box::new(move |outcome| {
                let value = outcome.and_then(|()| value.ok_or(StoreError::Closed));
                // A caller that went away, such as a sender that hung up, needs no answer.
                let _ = tell.send(value);
            }),
        }
    });
    (write, done)
}

fn write_all(connection: &mut Connection, mut waiting: mpsc::Receiver<Write>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < WRITES_PER_COMMIT {
            match waiting.try_recv() {
                Ok(write) => batch.push(write),
                Err(_) => break,
            }
        }
        commit_together(connection, batch);
    }
}

/// Runs the writes in one transaction and tells each caller what became of it.
fn commit_together(connection: &Connection, batch: Vec<Write>) {
    let mut transaction = run_batch(connection, "BEGIN IMMEDIATE");
    let mut written = Vec::with_capacity(batch.len());
    for write in batch {
        written.push(match &transaction {
            Ok(()) => in_savepoint(connection, write, &mut transaction),
            Err(error) => write(Err(error.clone())),
        });
    }
    let committed = transaction.and_then(|()| run_batch(connection, "COMMIT"));
    if committed.is_err() && !connection.is_autocommit() {
        // Nobody was told that it is kept; a rollback that fails is made up for by the next open.
        let _ = run_batch(connection, "ROLLBACK");
    }
    for Written { kept, tell } in written {
        tell(committed.clone().and(kept));
    }
}

fn run_batch(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.execute_batch(sql).map_err(StoreError::from)
}

/// Runs one write so that its failure does not undo its neighbours'.
///
/// After some errors, such as a full disk, SQLite gives up the whole transaction; then this one's
/// error becomes everybody's.
fn in_savepoint(
    connection: &Connection,
    write: Write,
    transaction: &mut Result<(), StoreError>,
) -> Written {
    if let Err(error) = run_batch(connection, "SAVEPOINT one_write") {
        *transaction = Err(error.clone());
        return write(Err(error));
    }
    let written = write(Ok(connection));
    *transaction = match &written.kept {
        Ok(()) => run_batch(connection, "RELEASE one_write"),
        Err(error) if connection.is_autocommit() => Err(error.clone()),
        Err(_) => run_batch(connection, "ROLLBACK TO one_write; RELEASE one_write"),
    };
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> (tempfile::TempDir, Db) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("courier.db")).unwrap();
        (folder, db)
    }

    async fn count(db: &Db) -> i64 {
        db.read(|sql| sql.query_row("SELECT count(*) FROM state", [], |row| row.get(0)))
            .await
            .unwrap()
    }

    fn insert(key: &'static str) -> impl FnOnce(&Connection) -> rusqlite::Result<usize> {
        move |sql| sql.execute("INSERT INTO state (key, value) VALUES (?1, '')", [key])
    }

    #[tokio::test]
    async fn a_failed_write_does_not_undo_its_neighbours() {
        let (_folder, db) = open();
        let (one, again, two) = tokio::join!(
            db.write(insert("one")),
            db.write(insert("one")),
            db.write(insert("two"))
        );
        assert_eq!(one.unwrap(), 1);
        assert!(matches!(again, Err(StoreError::Sqlite(_))));
        assert_eq!(two.unwrap(), 1);
        assert_eq!(count(&db).await, 2);
    }

    #[tokio::test]
    async fn a_locked_store_refuses_and_recovers() {
        let (folder, db) = open();
        let other = Connection::open(folder.path().join("courier.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert!(db.write(insert("locked")).await.is_err());
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(db.write(insert("free")).await.unwrap(), 1);
        assert_eq!(count(&db).await, 1);
    }

    #[tokio::test]
    async fn a_second_service_on_one_store_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("courier.db");
        let first = Db::open_alone(&path).unwrap();
        let refusal = Db::open_alone(&path).unwrap_err();
        assert!(
            refusal.to_string().starts_with("another docspace-courier"),
            "{refusal}"
        );
        drop(first);
        Db::open_alone(&path).unwrap();
    }

    #[tokio::test]
    async fn opening_twice_migrates_once() {
        let (folder, db) = open();
        db.write(insert("kept")).await.unwrap();
        drop(db);
        let db = Db::open(&folder.path().join("courier.db")).unwrap();
        assert_eq!(count(&db).await, 1);
    }
}
