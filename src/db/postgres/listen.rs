//! Hearing from other instances that there is work.

use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Context as _;
use postgres::fallible_iterator::FallibleIterator as _;

use crate::db::Queue;
use crate::db::sql::SqlError;

use super::{Shared, session};

/// How often the listener looks whether anybody needs it still, and tries again after a failure.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Starts a thread that ends with the last handle to the store.
pub(super) fn start(
    shared: &Arc<Shared>,
    told: impl Fn(Queue) + Send + 'static,
) -> anyhow::Result<()> {
    let shared = Arc::downgrade(shared);
    std::thread::Builder::new()
        .name("store-listen".to_owned())
        .spawn(move || keep_listening(&shared, &told))
        .context("cannot start a thread for the store")?;
    Ok(())
}

fn keep_listening(shared: &Weak<Shared>, told: &impl Fn(Queue)) {
    while shared.strong_count() > 0 {
        // Without a connection work is found by looking; the other lines say what is wrong.
        let _ = listen(shared, told);
        std::thread::sleep(LOOK_EVERY);
    }
}

fn listen(shared: &Weak<Shared>, told: &impl Fn(Queue)) -> Result<(), SqlError> {
    let Some(server) = shared.upgrade().map(|shared| shared.server.clone()) else {
        return Ok(());
    };
    let mut client = session::connect(&server)?;
    client.batch_execute("LISTEN docspace_courier")?;
    // Something may have been said while nobody listened.
    told(Queue::Inbox);
    told(Queue::Outbox);
    while shared.strong_count() > 0 {
        let mut notifications = client.notifications();
        let mut notices = notifications.timeout_iter(LOOK_EVERY);
        while let Some(notice) = notices.next()? {
            told(match notice.payload() {
                "outbox" => Queue::Outbox,
                _ => Queue::Inbox,
            });
        }
        drop(notices);
        drop(notifications);
        if client.is_closed() {
            break;
        }
    }
    Ok(())
}
