//! Listens to the notifications by which instances announce work to each other.

use std::time::Duration;

use anyhow::Context as _;

use crate::db::error::SqlError;
use crate::db::location::Server;
use crate::db::queue::Queue;

use super::client::BlockingClient;

/// How often the listener checks whether the store is still open and its connection works, and reconnects after
/// a failure.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How long the listener waits for an answer of the server.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Starts a thread that ends soon after `is_open` returns false.
pub(super) fn start(
    server: Server,
    is_open: impl Fn() -> bool + Send + 'static,
    on_notify: impl Fn(Queue) + Send + 'static,
) -> anyhow::Result<()> {
    std::thread::Builder::new()
        .name("store-listen".to_owned())
        .spawn(move || {
            while is_open() {
                // Without this connection polling finds the work, and the worker pools log what is wrong.
                let _ = listen(&server, &is_open, &on_notify);
                std::thread::sleep(POLL_INTERVAL);
            }
        })
        .context("cannot start a thread for the store")?;
    Ok(())
}

fn listen(
    server: &Server,
    is_open: &impl Fn() -> bool,
    on_notify: &impl Fn(Queue),
) -> Result<(), SqlError> {
    let client = BlockingClient::connect(server, MAX_WAIT)?;
    if client.is_pooled() {
        // Polling finds the work. The caller expects this thread to run as long as the store is open.
        drop(client);
        while is_open() {
            std::thread::sleep(POLL_INTERVAL);
        }
        return Ok(());
    }
    client.batch_execute("LISTEN docspace_courier")?;
    // Notifications sent before this moment are lost.
    on_notify(Queue::Inbox);
    on_notify(Queue::Outbox);
    while is_open() {
        match client.notification(POLL_INTERVAL) {
            Some(notification) => on_notify(match notification.payload() {
                "outbox" => Queue::Outbox,
                _ => Queue::Inbox,
            }),
            // A server that has nothing to notify of differs from one that is silent only by its answers.
            None => client.batch_execute("")?,
        }
    }
    Ok(())
}
