//! Requests to a thread of the store, and the loop that runs many writes in one commit.
//!
//! Writes that wait at the same time share a commit, because a commit is an fsync and an fsync is what a
//! delivery costs. A write that fails does not undo the others: the transaction is rolled back and each
//! write runs again in a transaction of its own. So every write may run several times, and its closure
//! must change nothing but the store.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::{mpsc, oneshot};

use super::error::{SqlError, StoreError};
use super::sql::Sql;

/// Most writes that share one commit.
const MAX_WRITES_PER_COMMIT: usize = 256;

/// How many times a write runs that conflicts with the transactions of other instances.
const MAX_ATTEMPTS: usize = 10;

/// The key that orders the writes of one commit; see [`Db::write_or_refuse`](super::Db::write_or_refuse).
pub type LockOrder = (i64, i64);

/// A read or write for a thread of the store. It may run several times, and is answered once.
pub(super) struct StoreRequest {
    work: Box<dyn Work>,
    order: Option<LockOrder>,
}

/// A closure of any type, and the caller that waits for its value.
trait Work: Send {
    /// Runs the closure and keeps its value in place of an earlier one.
    fn run(&mut self, sql: &Sql) -> Result<(), SqlError>;

    /// Sends the value, or why there is none, to the caller.
    fn respond(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Pending<T, F> {
    read_or_write: F,
    value: Option<T>,
    sender: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Work for Pending<T, F>
where
    T: Send,
    F: Fn(&Sql) -> Result<T, SqlError> + Send,
{
    fn run(&mut self, sql: &Sql) -> Result<(), SqlError> {
        self.value = None;
        self.value = Some(run_caught(&self.read_or_write, sql)?);
        Ok(())
    }

    fn respond(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { value, sender, .. } = *self;
        let result = outcome.and_then(|()| value.ok_or(StoreError::Closed));
        // The caller may be gone, such as a sender that closed its connection.
        let _ = sender.send(result);
    }
}

impl StoreRequest {
    /// A request, and the receiver of its result.
    pub(super) fn new<T, F>(
        read_or_write: F,
        order: Option<LockOrder>,
    ) -> (Self, oneshot::Receiver<Result<T, StoreError>>)
    where
        T: Send + 'static,
        F: Fn(&Sql) -> Result<T, SqlError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let pending = Pending {
            read_or_write,
            value: None,
            sender,
        };
        let request = Self {
            work: Box::new(pending),
            order,
        };
        (request, receiver)
    }

    pub(super) fn order(&self) -> Option<LockOrder> {
        self.order
    }

    /// Runs the closure on this connection.
    pub(super) fn run(&mut self, sql: &Sql) -> Result<(), SqlError> {
        self.work.run(sql)
    }

    /// Sends the result to the caller; for a write only after the commit or rollback that decides it.
    pub(super) fn respond(self, outcome: Result<(), StoreError>) {
        self.work.respond(outcome);
    }
}

impl fmt::Debug for StoreRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StoreRequest")
    }
}

/// Runs a caller's closure; a panic in it fails that request only, and the store's thread continues.
pub(super) fn run_caught<T>(
    work: impl Fn(&Sql) -> Result<T, SqlError>,
    sql: &Sql,
) -> Result<T, SqlError> {
    catch_unwind(AssertUnwindSafe(|| work(sql))).unwrap_or(Err(SqlError::Panicked))
}

/// The first request and those that already wait behind it, up to the bound of one commit.
pub(super) fn take_waiting(
    first: StoreRequest,
    waiting: &mut mpsc::Receiver<StoreRequest>,
) -> Vec<StoreRequest> {
    let mut batch = vec![first];
    while batch.len() < MAX_WRITES_PER_COMMIT {
        match waiting.try_recv() {
            Ok(request) => batch.push(request),
            Err(_) => break,
        }
    }
    batch
}

/// Why a transaction failed.
pub(super) struct TransactionError {
    pub(super) error: SqlError,
    pub(super) cause: FailureCause,
}

/// What made a transaction fail, which decides about the writes in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureCause {
    /// The store itself: every write would fail now.
    Store,
    /// One of the writes: the others may succeed without it.
    Write,
    /// Another transaction: all may succeed when repeated.
    Conflict,
}

/// Runs the writes in one transaction and, unless the store itself fails, each again in one of its own.
/// Answers every request.
pub(super) fn commit_together(
    mut batch: Vec<StoreRequest>,
    mut transaction: impl FnMut(&mut [StoreRequest]) -> Result<(), TransactionError>,
) {
    let outcome = transaction(&mut batch);
    let run_again = outcome.as_ref().is_err_and(|failed| match failed.cause {
        FailureCause::Store => false,
        FailureCause::Write => batch.len() > 1,
        FailureCause::Conflict => true,
    });
    let outcome = outcome.map_err(|failed| failed.error.into());
    for request in batch {
        if run_again {
            commit_alone(request, &mut transaction);
        } else {
            request.respond(outcome.clone());
        }
    }
}

fn commit_alone(
    request: StoreRequest,
    transaction: &mut impl FnMut(&mut [StoreRequest]) -> Result<(), TransactionError>,
) {
    let mut alone = [request];
    let mut outcome = transaction(&mut alone);
    for _ in 1..MAX_ATTEMPTS {
        match &outcome {
            Err(failed) if failed.cause == FailureCause::Conflict => {
                outcome = transaction(&mut alone);
            }
            _ => break,
        }
    }
    let [request] = alone;
    request.respond(outcome.map_err(|failed| failed.error.into()));
}
