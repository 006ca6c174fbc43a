//! One write that waits for its turn, and is told what became of it.

use std::fmt;

use tokio::sync::{mpsc, oneshot};

use super::{Sql, SqlError, StoreError};

/// Writes that share one commit at the most.
const WRITES_PER_COMMIT: usize = 256;

/// One write: can be run again as long as it has not been told that it is kept.
pub(super) struct Write {
    job: Box<dyn Job>,
    order: Order,
}

/// The order in which the writes of one commit are made.
pub(super) type Order = (i64, i64);

/// What a write is to the thread that runs it, whatever it gives to its caller.
trait Job: Send {
    fn run(&mut self, sql: &Sql) -> Result<(), SqlError>;
    fn tell(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Asked<T, F> {
    work: F,
    value: Option<T>,
    tell: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Asked<T, F>
where
    T: Send,
    F: Fn(&Sql) -> Result<T, SqlError> + Send,
{
    fn run(&mut self, sql: &Sql) -> Result<(), SqlError> {
        self.value = None;
        self.value = Some((self.work)(sql)?);
        Ok(())
    }

    fn tell(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { value, tell, .. } = *self;
        let value = outcome.and_then(|()| value.ok_or(StoreError::Closed));
        // A caller that went away, such as a sender that hung up, needs no answer.
        let _ = tell.send(value);
    }
}

impl Write {
    /// A write, and where its caller hears of it.
    pub(super) fn new<T, F>(work: F) -> (Self, oneshot::Receiver<Result<T, StoreError>>)
    where
        T: Send + 'static,
        F: Fn(&Sql) -> Result<T, SqlError> + Send + 'static,
    {
        let (tell, done) = oneshot::channel();
        let job = Asked {
            work,
            value: None,
            tell,
        };
        let write = Self {
            job: Box::new(job),
            order: Order::default(),
        };
        (write, done)
    }

    /// The same write, made in this order among those that share its commit.
    pub(super) fn in_order(self, order: Order) -> Self {
        Self { order, ..self }
    }

    pub(super) fn order(&self) -> Order {
        self.order
    }

    /// Runs it inside the transaction that is open.
    pub(super) fn run(&mut self, sql: &Sql) -> Result<(), SqlError> {
        self.job.run(sql)
    }

    /// Tells the caller what became of it; only after the commit that decides about it.
    pub(super) fn tell(self, outcome: Result<(), StoreError>) {
        self.job.tell(outcome);
    }
}

impl fmt::Debug for Write {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Write")
    }
}

/// What waits just now, behind the first, up to what one commit takes.
pub(super) fn take_waiting(first: Write, waiting: &mut mpsc::Receiver<Write>) -> Vec<Write> {
    let mut batch = vec![first];
    while batch.len() < WRITES_PER_COMMIT {
        match waiting.try_recv() {
            Ok(write) => batch.push(write),
            Err(_) => break,
        }
    }
    batch
}
