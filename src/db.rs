//! The store: runs every write in a shared commit, and reads beside it.
//!
//! A caller hears of success only after the commit that holds its write is on disk. Readers have
//! connections of their own and are never in the way. What is handed in can be run again, so it changes
//! nothing but the store. The SQL itself stands in the modules that own the tables; [`Sql`] is what they
//! write it to.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

mod sql;
mod value;
mod write;

mod migrate;
mod sqlite;

pub use sql::{Sql, SqlError};
pub use value::{Cell, Column, FromCell, Params, Row, Value};

use write::Write;

/// Writes that may wait for their turn. Beyond it, deliveries are refused with 503.
const WAITING_WRITES: usize = 4096;

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

/// A handle to the store; clones share it.
#[derive(Clone, Debug)]
pub struct Db {
    writes: mpsc::Sender<Write>,
    readers: Arc<Readers>,
    /// Held for as long as any handle lives; see [`Db::open_alone`].
    _alone: Option<Arc<File>>,
}

#[derive(Debug)]
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Sql>>,
}

impl Db {
    /// Opens the file, creating and migrating it as needed, and starts the writer thread.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let (writes, waiting) = mpsc::channel(WAITING_WRITES);
        sqlite::open(path, waiting)?;
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
        let lock = sqlite::lock(path)?;
        Ok(Self {
            _alone: Some(Arc::new(lock)),
            ..Self::open(path)?
        })
    }

    /// Runs a write and waits for its commit; waits for its turn when many are in hand.
    pub async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Sql) -> Result<T, SqlError> + Send + 'static,
    {
        let (write, done) = Write::new(work);
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
        F: Fn(&Sql) -> Result<T, SqlError> + Send + 'static,
    {
        let (write, done) = Write::new(work);
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
                "INSERT INTO state (key, value) VALUES ('probe', '')
                 ON CONFLICT (key) DO UPDATE SET value = ''",
                &[],
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
        let readers = Arc::clone(&self.readers);
        tokio::task::spawn_blocking(move || readers.with(work))
            .await
            .map_err(|_| StoreError::Closed)?
    }
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
