//! The moments in an attempt at which a crash matters, so that tests can stop a worker exactly there.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// A moment in an attempt to copy or move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failpoint {
    /// The intent is stored; the portal has not been called.
    BeforeCall,
    /// The portal has answered; its operation is not stored.
    AfterAnswer,
    /// The operation is stored; its end is not known.
    OperationStored,
    /// The end is known; the action is not marked as done.
    BeforeFinish,
}

/// At which failpoint a worker stops for good, if at any.
#[derive(Clone, Debug, Default)]
pub struct Failpoints {
    stop: Option<Arc<Stop>>,
}

#[derive(Debug)]
struct Stop {
    at: Failpoint,
    armed: Mutex<bool>,
    reached: Notify,
}

impl Failpoints {
    /// Stops the first attempt that comes to this failpoint; the next ones pass.
    pub fn stop_at(at: Failpoint) -> Self {
        let stop = Stop {
            at,
            armed: Mutex::new(true),
            reached: Notify::new(),
        };
        Self {
            stop: Some(Arc::new(stop)),
        }
    }

    /// Waits until an attempt has stopped.
    pub async fn reached(&self) {
        if let Some(stop) = &self.stop {
            stop.reached.notified().await;
        }
    }

    /// Passes, or never returns.
    pub(super) async fn pass(&self, failpoint: Failpoint) {
        let Some(stop) = self.stop.as_deref().filter(|stop| stop.at == failpoint) else {
            return;
        };
        let armed = std::mem::take(&mut *stop.armed.lock().unwrap_or_else(PoisonError::into_inner));
        if armed {
            stop.reached.notify_one();
            std::future::pending::<()>().await;
        }
    }
}
