//! The portal and its state. The state is behind one mutex, which is never held across an await; whatever waits
//! is a task of its own.

mod controls;
pub(super) mod files;
pub(super) mod webhooks;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::access::Access;
use super::body::{Event, Payload};
use super::call_log::CallLog;
use super::faults::Faults;
use super::ids::{EventId, FileId, FolderId};
use super::json::Renderer;
use super::operations::Operations;
use super::seed::Seed;
use super::settings::{PortalSettings, TimeSource};
use super::storage::Storage;
use super::user::User;
use super::webhooks::Webhooks;
use super::{sender, server};

/// A simulated portal; a clone is another handle to the same portal. Methods that raise events must be called
/// inside a Tokio runtime, because deliveries are tasks.
#[derive(Clone)]
pub struct Portal {
    pub(super) shared: Arc<Shared>,
}

/// What all handles to a portal share.
pub(super) struct Shared {
    api_key: String,
    secret: String,
    seed: Seed,
    pub(super) created: Timestamp,
    time: TimeSource,
    pub(super) retry_waits: Vec<Duration>,
    pub(super) delivery_timeout: Duration,
    /// For deliveries, and for the probe of a new receiver.
    pub(super) client: reqwest::Client,
    pub(super) delivery_permits: Semaphore,
    /// The deliveries that are queued, running or waiting for a retry.
    pub(super) deliveries: TaskTracker,
    /// The operations that are queued or running.
    pub(super) operations: TaskTracker,
    state: Mutex<State>,
}

/// Everything that changes.
pub(super) struct State {
    pub(super) storage: Storage,
    pub(super) operations: Operations,
    pub(super) webhooks: Webhooks,
    pub(super) faults: Faults,
    pub(super) access: Access,
    pub(super) calls: CallLog,
    pub(super) latency: Duration,
    pub(super) operation_time: Duration,
    address: Option<SocketAddr>,
    /// Rows of the delivery log that no task delivers yet.
    undelivered: Vec<EventId>,
}

impl State {
    /// Raises an event about a file, if the file exists.
    pub(super) fn publish_file(
        &mut self,
        trigger: &'static str,
        id: &FileId,
        by: User,
        now: Timestamp,
    ) {
        let Some(file) = self.storage.file(id) else {
            return;
        };
        let path = self.storage.path(&file.folder);
        if let Some(root) = path.first() {
            let payload = Payload::of_file(file, root);
            self.publish(trigger, payload, by, now);
        }
    }

    /// Raises an event about a folder, if the folder exists.
    fn publish_folder(&mut self, trigger: &'static str, id: &FolderId, now: Timestamp) {
        let path = self.storage.path(id);
        if let (Some(root), Some(folder)) = (path.first(), path.last()) {
            let payload = Payload::of_folder(folder, root);
            self.publish(trigger, payload, User::Client, now);
        }
    }

    fn publish(&mut self, trigger: &'static str, payload: Payload, by: User, now: Timestamp) {
        let event = Event {
            trigger,
            on: now,
            by: by.id(),
            payload,
        };
        let rows = self.webhooks.publish(&event, now);
        self.undelivered.extend(rows);
    }

    /// The address in links; a placeholder until the portal is served.
    pub(super) fn base_url(&self) -> String {
        self.address.map_or_else(
            || "http://sandbox.invalid".to_owned(),
            |address| format!("http://{address}"),
        )
    }

    pub(super) fn renderer<'a>(&'a self, base_url: &'a str) -> Renderer<'a> {
        Renderer {
            storage: &self.storage,
            base_url,
        }
    }
}

impl Portal {
    /// A portal with the rooms, folders and users of [`Seed`], no files and no webhooks.
    pub fn new(settings: PortalSettings) -> Self {
        let seed = Seed::new();
        let created = settings.time.now();
        let state = State {
            storage: seed.storage(created),
            operations: Operations::default(),
            webhooks: Webhooks::new(),
            faults: Faults::default(),
            access: Access::default(),
            calls: CallLog::default(),
            latency: settings.latency,
            operation_time: settings.operation_time,
            address: None,
            undelivered: Vec::new(),
        };
        let shared = Shared {
            api_key: settings.api_key.unwrap_or_else(random_api_key),
            secret: settings.secret.unwrap_or_else(random_secret),
            seed,
            created,
            time: settings.time,
            retry_waits: settings.retry_waits,
            delivery_timeout: settings.delivery_timeout,
            client: delivery_client(),
            delivery_permits: Semaphore::new(sender::PARALLEL),
            deliveries: closed_tracker(),
            operations: closed_tracker(),
            state: Mutex::new(state),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Serves the API and the page until `stop` is cancelled.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> std::io::Result<()> {
        self.state().address = Some(listener.local_addr()?);
        server::serve(self, listener, stop).await;
        Ok(())
    }

    /// Where the portal is served; `None` before [`Portal::serve`].
    pub fn address(&self) -> Option<SocketAddr> {
        self.state().address
    }

    /// The API key of the service account.
    pub fn api_key(&self) -> &str {
        &self.shared.api_key
    }

    /// The secret of the webhooks made with [`Portal::add_webhook`].
    pub fn secret(&self) -> &str {
        &self.shared.secret
    }

    /// The rooms, folders and users the portal started with.
    pub fn seed(&self) -> &Seed {
        &self.shared.seed
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.time.now()
    }

    /// Changes the state, then starts the deliveries of the events that the change raised.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = self.now();
        let mut state = self.state();
        let result = change(&mut state, now);
        for event in std::mem::take(&mut state.undelivered) {
            let delivery = sender::deliver(self.clone(), event);
            self.shared.deliveries.spawn(delivery);
        }
        result
    }
}

impl fmt::Debug for Portal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Portal")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

/// A tracker whose `wait` returns whenever no task is left. Closing it does not prevent new tasks.
fn closed_tracker() -> TaskTracker {
    let tracker = TaskTracker::new();
    tracker.close();
    tracker
}

/// A client that follows no redirects and uses no proxy.
pub(super) fn delivery_client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("neither option can fail")
}

fn random_api_key() -> String {
    format!("sk-{:032x}{:032x}", fastrand::u128(..), fastrand::u128(..))
}

/// A secret that satisfies the portal's strictest password policy.
fn random_secret() -> String {
    let random: String = (0..20).map(|_| fastrand::alphanumeric()).collect();
    format!("Sb7-{random}")
}
