//! Failpoints: where a test stops an attempt, as a crash would.
//!
//! They are compiled into the service on purpose: the integration tests and the model test of random
//! schedules then exercise the same build that ships, which a `cfg` or a cargo feature would prevent. A
//! worker has none unless a test gives it one with `WorkerSettings::failpoints`; no variable, file or command
//! can. Without one, `Failpoints::pass` compares an `Option` and returns.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// A point in an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failpoint {
    /// The intent is stored; the portal has not been called.
    BeforeCall,
    /// The portal has responded; the id of the operation is not stored.
    AfterResponse,
    /// The id of the operation is stored; the operation's end is not known.
    OperationStored,
    /// The result is known; the action is not marked as done.
    BeforeFinish,
    /// A message is composed; its channel has not been called.
    BeforeMessage,
}

/// The failpoint at which a worker stops, if any.
#[derive(Clone, Debug, Default)]
pub struct Failpoints {
    stop: Option<Arc<Stop>>,
}

#[derive(Debug)]
struct Stop {
    at: Failpoint,
    armed: Mutex<bool>,
    reached: Notify,
    resumed: Notify,
}

impl Failpoints {
    /// Stops the first attempt that reaches this failpoint; later attempts pass it.
    pub fn stop_at(at: Failpoint) -> Self {
        let stop = Stop {
            at,
            armed: Mutex::new(true),
            reached: Notify::new(),
            resumed: Notify::new(),
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

    /// Lets the stopped attempt continue, as after a suspension.
    pub fn resume(&self) {
        if let Some(stop) = &self.stop {
            stop.resumed.notify_one();
        }
    }

    /// Returns at once, or only after [`Failpoints::resume`] if a test stops the attempt here.
    pub(super) async fn pass(&self, failpoint: Failpoint) {
        let Some(stop) = self.stop.as_deref().filter(|stop| stop.at == failpoint) else {
            return;
        };
        let armed = std::mem::take(&mut *stop.armed.lock().unwrap_or_else(PoisonError::into_inner));
        if armed {
            stop.reached.notify_one();
            stop.resumed.notified().await;
        }
    }
}
