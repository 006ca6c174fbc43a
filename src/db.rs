//! The store: runs every write in a shared commit, and reads beside it.
//!
//! A caller hears of success only after the commit that holds its write is on disk. Readers have
//! connections of their own and are never in the way. What is handed in can be run again, so it changes
//! nothing but the store. The SQL itself stands in the modules that own the tables; [`Sql`] is what they
//! write it to.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

mod location;
mod sql;
mod value;
mod write;

mod migrate;
mod postgres;
mod sqlite;

pub mod copy;

pub use location::{BadAddress, Location, Server};
pub use sql::{Queue, Sql, SqlError};
pub use value::{Cell, Column, FromCell, Params, Row, Value};

use write::Write;

/// Writes that may wait for their turn. Beyond it, deliveries are refused with 503.
const WAITING_WRITES: usize = 4096;

/// So many that wait are more than one quiet sender leaves behind.
const CROWD: usize = 16;

/// Why the store did not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// More writes wait than the bound allows.
    #[error("too many writes are waiting for the store")]
    Full,
    /// The writer thread has ended.
    #[error("the store is closed")]
    Closed,
    /// The database refused.
    #[error("the store refused")]
    Refused(#[source] Arc<SqlError>),
}

impl From<SqlError> for StoreError {
    fn from(error: SqlError) -> Self {
        Self::Refused(Arc::new(error))
    }
}

impl StoreError {
    /// Whether the database is away, and may be back without anybody's doing here.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Refused(error) => error.is_away(),
            Self::Full | Self::Closed => false,
        }
    }
}

/// A handle to the store; clones share it.
#[derive(Clone, Debug)]
pub struct Db {
    store: Store,
    /// Held for as long as any handle lives; see [`Db::open_for_work`].
    _alone: Option<Arc<File>>,
}

#[derive(Clone, Debug)]
enum Store {
    Sqlite {
        writes: mpsc::Sender<Write>,
        readers: Arc<Readers>,
    },
    Postgres(postgres::Lines),
}

#[derive(Debug)]
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Sql>>,
}

impl Db {
    /// Opens the store. A file is made and migrated as needed at once; a database is connected to, and
    /// migrated, when the first thing is asked of it.
    pub fn open(location: impl Into<Location>) -> anyhow::Result<Self> {
        let store = match location.into() {
            Location::File(path) => {
                let (writes, waiting) = mpsc::channel(WAITING_WRITES);
                sqlite::open(&path, waiting)?;
                let idle = Mutex::default();
                let readers = Arc::new(Readers { path, idle });
                Store::Sqlite { writes, readers }
            }
            Location::Server(server) => {
                let instance = fastrand::i64(1..);
                Store::Postgres(postgres::open(*server, instance, WAITING_WRITES)?)
            }
        };
        Ok(Self {
            store,
            _alone: None,
        })
    }

    /// Opens the store for a service that runs its actions. A file is refused when another one does.
    ///
    /// Only one service works on an embedded store, so leases left in it belong to the dead.
    pub fn open_for_work(location: &Location) -> anyhow::Result<Self> {
        let lock = location.file().map(sqlite::lock).transpose()?;
        Ok(Self {
            _alone: lock.map(Arc::new),
            ..Self::open(location)?
        })
    }

    /// Whether other instances may work on it, too.
    pub fn is_shared(&self) -> bool {
        match &self.store {
            Store::Sqlite { .. } => false,
            Store::Postgres(_) => true,
        }
    }

    /// The number of this instance; 0 where there is only one.
    pub fn instance(&self) -> i64 {
        match &self.store {
            Store::Sqlite { .. } => 0,
            Store::Postgres(lines) => lines.instance(),
        }
    }

    /// Calls `told` when another instance says that there is work.
    pub fn listen(&self, told: impl Fn(Queue) + Send + 'static) -> anyhow::Result<()> {
        match &self.store {
            Store::Sqlite { .. } => Ok(()),
            Store::Postgres(lines) => lines.listen(told),
        }
    }

    /// Runs a write and waits for its commit; waits for its turn when many are in hand.
    pub async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Sql) -> Result<T, SqlError> + Send + 'static,
    {
        let line = match &self.store {
            Store::Sqlite { writes, .. } => writes,
            Store::Postgres(lines) => &lines.write,
        };
        ask(line, work).await
    }

    /// Like [`Db::write`], but refuses at once when the bound of waiting writes is reached, and does not
    /// wait behind what the service itself writes, where the store can do that.
    ///
    /// Writes of several instances that might wait for each other are given the same `order`.
    pub async fn write_or_refuse<T, F>(&self, order: (i64, i64), work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Sql) -> Result<T, SqlError> + Send + 'static,
    {
        let (write, done) = Write::new(work);
        self.accepting()
            .try_send(write.in_order(order))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => StoreError::Full,
                mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
            })?;
        done.await.map_err(|_| StoreError::Closed)?
    }

    /// Whether deliveries stand in line for the store just now.
    pub fn is_crowded(&self) -> bool {
        let line = self.accepting();
        line.max_capacity() - line.capacity() >= CROWD
    }

    fn accepting(&self) -> &mpsc::Sender<Write> {
        match &self.store {
            Store::Sqlite { writes, .. } => writes,
            Store::Postgres(lines) => &lines.accept,
        }
    }

    /// Writes something that means nothing, to see that the store takes writes. It is another value each
    /// time: SQLite writes nothing where nothing changes.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let value = format!("{:016x}", fastrand::u64(..));
        self.write_or_refuse((0, 0), move |sql| {
            sql.execute(
                "INSERT INTO state (key, value) VALUES ('probe', :value)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                &[(":value", (&value).into())],
            )
        })
        .await
        .map(drop)
    }

    /// Reads on a connection of its own.
    pub async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Sql) -> Result<T, SqlError> + Send + 'static,
    {
        match &self.store {
            Store::Sqlite { readers, .. } => {
                let readers = Arc::clone(readers);
                tokio::task::spawn_blocking(move || readers.with(work))
                    .await
                    .map_err(|_| StoreError::Closed)?
            }
            Store::Postgres(lines) => ask(&lines.read, work).await,
        }
    }
}

async fn ask<T, F>(line: &mpsc::Sender<Write>, work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: Fn(&Sql) -> Result<T, SqlError> + Send + 'static,
{
    let (write, done) = Write::new(work);
    line.send(write).await.map_err(|_| StoreError::Closed)?;
    done.await.map_err(|_| StoreError::Closed)?
}

impl Readers {
    fn with<T>(&self, work: impl Fn(&Sql) -> Result<T, SqlError>) -> Result<T, StoreError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let sql = match idle {
            Some(sql) => sql,
            None => sqlite::reader(&self.path)?,
        };
        let value = work(&sql)?;
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sql);
        Ok(value)
    }
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
        db.read(|sql| sql.query_one("SELECT count(*) FROM state", &[], |row| row.get(0)))
            .await
            .unwrap()
    }

    fn insert(key: &'static str) -> impl Fn(&Sql) -> Result<usize, SqlError> {
        move |sql| {
            sql.execute(
                "INSERT INTO state (key, value) VALUES (:key, '')",
                &[(":key", key.into())],
            )
        }
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
        assert!(matches!(again, Err(StoreError::Refused(_))));
        assert_eq!(two.unwrap(), 1);
        assert_eq!(count(&db).await, 2);
    }

    #[tokio::test]
    async fn a_locked_store_refuses_and_recovers() {
        let (folder, db) = open();
        let other = rusqlite::Connection::open(folder.path().join("courier.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert!(db.write(insert("locked")).await.is_err());
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(db.write(insert("free")).await.unwrap(), 1);
        assert_eq!(count(&db).await, 1);
    }

    #[tokio::test]
    async fn a_second_service_on_one_store_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = Location::File(folder.path().join("courier.db"));
        let first = Db::open_for_work(&path).unwrap();
        let refusal = Db::open_for_work(&path).unwrap_err();
        assert!(
            refusal.to_string().starts_with("another docspace-courier"),
            "{refusal}"
        );
        drop(first);
        Db::open_for_work(&path).unwrap();
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
