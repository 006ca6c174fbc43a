//! The handle to the store that the rest of the program uses.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::error::{SqlError, StoreError};
use super::location::Location;
use super::queue::Queue;
use super::sql::Sql;
use super::write::{LockOrder, StoreRequest};
use super::{postgres, sqlite};
use crate::ids::InstanceId;

/// Most writes that wait. Beyond it deliveries are refused with 503.
const MAX_WAITING_WRITES: usize = 4096;

/// A queue of this length means load: one sender at a time leaves fewer writes waiting.
const BUSY_THRESHOLD: usize = 16;

/// The longest that a delivery or a health check waits for its commit. `docs/SCALING.md` promises a response within
/// ten seconds.
const MAX_ACCEPT_TIME: Duration = Duration::from_secs(9);

/// A handle to the store; clones share it.
#[derive(Clone, Debug)]
pub struct Db {
    backend: Backend,
    /// The store's lock, held as long as any handle lives; see [`Db::open_for_work`].
    lock: Option<Arc<sqlite::StoreLock>>,
}

#[derive(Clone, Debug)]
enum Backend {
    Sqlite {
        writes: mpsc::Sender<StoreRequest>,
        readers: Arc<sqlite::Readers>,
    },
    Postgres(postgres::WorkerPools),
}

impl Db {
    /// Opens the store. A file is created and migrated as needed at once; a database is connected to and
    /// migrated at the first request.
    pub fn open(location: impl Into<Location>) -> anyhow::Result<Self> {
        let backend = match location.into() {
            Location::File(path) => {
                let (writes, requests) = mpsc::channel(MAX_WAITING_WRITES);
                sqlite::open(&path, requests)?;
                let readers = Arc::new(sqlite::Readers::new(path));
                Backend::Sqlite { writes, readers }
            }
            Location::Server(server) => {
                let instance = InstanceId(fastrand::i64(1..));
                Backend::Postgres(postgres::open(*server, instance, MAX_WAITING_WRITES)?)
            }
        };
        Ok(Self {
            backend,
            lock: None,
        })
    }

    /// Opens the store for a service that runs its actions. Fails when another service uses the same file.
    ///
    /// An embedded store has one service, so all leases found in it belong to a process that has ended.
    pub fn open_for_work(location: &Location) -> anyhow::Result<Self> {
        let lock = location.file().map(sqlite::lock).transpose()?;
        Ok(Self {
            lock: lock.map(Arc::new),
            ..Self::open(location)?
        })
    }

    /// Whether no other handle holds the lock of the store, so that it is free once this one is dropped.
    pub fn is_last_handle(&self) -> bool {
        let lock = self.lock.as_ref();
        lock.is_none_or(|lock| Arc::strong_count(lock) == 1)
    }

    /// Whether several instances may use the store.
    pub fn is_shared(&self) -> bool {
        match &self.backend {
            Backend::Sqlite { .. } => false,
            Backend::Postgres(_) => true,
        }
    }

    /// Calls `on_notify` when another instance announces work.
    pub fn listen(&self, on_notify: impl Fn(Queue) + Send + 'static) -> anyhow::Result<()> {
        match &self.backend {
            Backend::Sqlite { .. } => Ok(()),
            Backend::Postgres(pools) => pools.listen(on_notify),
        }
    }

    /// Runs a write and waits for its commit; when the queue is full, it waits for that first.
    pub async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Sql) -> Result<T, SqlError> + Send + 'static,
    {
        let queue = match &self.backend {
            Backend::Sqlite { writes, .. } => writes,
            Backend::Postgres(pools) => &pools.write,
        };
        submit(queue, work).await
    }

    /// Like [`Db::write`], but fails at once when the queue is full or after nine seconds without a result,
    /// and does not wait behind the service's own writes where the store has a queue for each.
    ///
    /// Writes of several instances that lock the same rows pass a key, and those of one commit run in its
    /// order. Otherwise two instances could each wait for a row that the other has locked.
    pub async fn write_or_refuse<T, F>(
        &self,
        order: Option<LockOrder>,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Sql) -> Result<T, SqlError> + Send + 'static,
    {
        let (request, result) = StoreRequest::new(work, order);
        self.accept_queue()
            .try_send(request)
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => StoreError::Full,
                mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
            })?;
        let result = tokio::time::timeout(MAX_ACCEPT_TIME, result).await;
        let result = result.map_err(|_| StoreError::TimedOut(MAX_ACCEPT_TIME))?;
        result.map_err(|_| StoreError::Closed)?
    }

    /// Whether many deliveries wait for the store.
    pub fn has_backlog(&self) -> bool {
        let queue = self.accept_queue();
        queue.max_capacity() - queue.capacity() >= BUSY_THRESHOLD
    }

    fn accept_queue(&self) -> &mpsc::Sender<StoreRequest> {
        match &self.backend {
            Backend::Sqlite { writes, .. } => writes,
            Backend::Postgres(pools) => &pools.accept,
        }
    }

    /// Checks that the store is writable. It writes a new value each time, because SQLite does not write
    /// when nothing changes.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let value = format!("{:016x}", fastrand::u64(..));
        self.write_or_refuse(None, move |sql| {
            sql.execute(
                "INSERT INTO state (key, value) VALUES ('probe', :value)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                &[(":value", (&value).into())],
            )
        })
        .await
        .map(drop)
    }

    /// Reads on a connection that no write uses.
    pub async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Sql) -> Result<T, SqlError> + Send + 'static,
    {
        match &self.backend {
            Backend::Sqlite { readers, .. } => {
                let readers = Arc::clone(readers);
                tokio::task::spawn_blocking(move || readers.read(work))
                    .await
                    .map_err(|_| StoreError::Closed)?
            }
            Backend::Postgres(pools) => submit(&pools.read, work).await,
        }
    }
}

async fn submit<T, F>(queue: &mpsc::Sender<StoreRequest>, work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: Fn(&Sql) -> Result<T, SqlError> + Send + 'static,
{
    let (request, result) = StoreRequest::new(work, None);
    queue.send(request).await.map_err(|_| StoreError::Closed)?;
    result.await.map_err(|_| StoreError::Closed)?
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
    async fn a_panic_fails_one_request_and_not_the_store() {
        fn panics(_: &Sql) -> Result<(), SqlError> {
            panic!("in a test")
        }

        let (_folder, db) = open();
        let (neighbour, panicked) = tokio::join!(db.write(insert("one")), db.write(panics));
        assert_eq!(neighbour.unwrap(), 1);
        let is_panic = |error: StoreError| match error {
            StoreError::Refused(error) => matches!(*error, SqlError::Panicked),
            _ => false,
        };
        assert!(is_panic(panicked.unwrap_err()));
        assert!(is_panic(db.read(panics).await.unwrap_err()));
        assert_eq!(db.write(insert("two")).await.unwrap(), 1);
        assert_eq!(count(&db).await, 2);
    }

    #[tokio::test]
    async fn a_store_of_a_newer_version_is_refused() {
        let (folder, db) = open();
        drop(db);
        let path = folder.path().join("courier.db");
        rusqlite::Connection::open(&path)
            .unwrap()
            .pragma_update(None, "user_version", 2_099_999_999_i64)
            .unwrap();
        let refusal = format!("{:#}", Db::open(&path).unwrap_err());
        assert!(refusal.contains("a newer docspace-courier"), "{refusal}");
        assert!(refusal.contains("2099999999"), "{refusal}");
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
