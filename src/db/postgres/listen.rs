//! Listens to the notifications by which instances announce work to each other.

use std::time::Duration;

use anyhow::Context as _;
use postgres::fallible_iterator::FallibleIterator as _;

use crate::db::error::SqlError;
use crate::db::location::Server;
use crate::db::queue::Queue;

use super::session;

/// How often the listener checks whether the store is still open, and reconnects after a failure.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

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
    let mut client = session::connect(server)?;
    client.batch_execute("LISTEN docspace_courier")?;
    // Notifications sent before this moment are lost.
    on_notify(Queue::Inbox);
    on_notify(Queue::Outbox);
    while is_open() {
        let mut notifications = client.notifications();
        let mut arriving = notifications.timeout_iter(POLL_INTERVAL);
        while let Some(notification) = arriving.next()? {
            on_notify(match notification.payload() {
                "outbox" => Queue::Outbox,
                _ => Queue::Inbox,
            });
        }
        drop(arriving);
        drop(notifications);
        if client.is_closed() {
            break;
        }
    }
    Ok(())
}
