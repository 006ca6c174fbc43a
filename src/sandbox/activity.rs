//! Counts what is under way, so that a caller can wait until nothing is.

use tokio::sync::watch;

/// How many deliveries or operations are under way.
#[derive(Debug)]
pub(super) struct Activity(watch::Sender<usize>);

/// One of them; it counts until it is dropped.
#[derive(Debug)]
pub(super) struct Running(watch::Sender<usize>);

impl Activity {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Counts one more.
    pub(super) fn begin(&self) -> Running {
        self.0.send_modify(|count| *count += 1);
        Running(self.0.clone())
    }

    /// Resolves when nothing is under way.
    pub(super) async fn settled(&self) {
        let mut count = self.0.subscribe();
        count
            .wait_for(|count| *count == 0)
            .await
            .expect("the sender is part of self");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
