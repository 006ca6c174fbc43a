//! The portal: its setup, and the methods for tests and for the API.

mod controls;
pub(super) mod files;
mod people;
pub(super) mod rooms;
pub(super) mod webhooks;

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::access::Access;
use super::call_log::CallLog;
use super::conversion::Conversions;
use super::fault_rules::FaultRules;
use super::faults::Faults;
use super::ids::FolderId;
use super::operations::Operations;
use super::rate_limit::RateLimit;
use super::seed::Seed;
use super::sender;
use super::settings::PortalSettings;
use super::state::{Shared, State};
use super::webhooks::Webhooks;

/// A simulated portal; a clone is another handle to the same portal. Methods that raise events must be called
/// inside a Tokio runtime, because deliveries are tasks.
#[derive(Clone)]
pub struct Portal {
    pub(super) shared: Arc<Shared>,
}

impl Portal {
    /// A portal with the rooms, folders and users of [`Seed`], no files and no webhooks.
    pub fn new(settings: PortalSettings) -> Self {
        let seed = Seed::new();
        let created = settings.time.now();
        let state = State {
            storage: seed.storage(created),
            operations: Operations::default(),
            conversions: Conversions::default(),
            room_from_template: None,
            webhooks: Webhooks::new(),
            uploads: Vec::new(),
            faults: Faults::default(),
            fault_rules: FaultRules::default(),
            deviations: BTreeSet::new(),
            access: Access::default(),
            calls: CallLog::default(),
            latency: settings.latency,
            operation_time: settings.operation_time,
            rate: RateLimit::default(),
            address: None,
            log_zone: TimeZone::UTC,
            log_zone_name: "UTC0".to_owned(),
            delivered_per_log_page: 0,
            added_per_log_page: 0,
            undelivered: Vec::new(),
            invitation_mails: Vec::new(),
            released: CancellationToken::new(),
        };
        let shared = Shared {
            api_key: settings.api_key.unwrap_or_else(random_api_key),
            secret: settings.secret.unwrap_or_else(random_secret),
            seed,
            created,
            time: settings.time,
            clock_offset: AtomicI64::new(0),
            retry_waits: settings.retry_waits,
            delivery_timeout: settings.delivery_timeout,
            client: delivery_client(),
            delivery_permits: Semaphore::new(sender::PARALLEL),
            deliveries: closed_tracker(),
            operations: closed_tracker(),
            held: closed_tracker(),
            state: Mutex::new(state),
        };
        Self {
            shared: Arc::new(shared),
        }
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

    /// The folder that an address of the API names: by its id, or as a section of the service account.
    pub(super) fn folder_of_address(&self, name: &str) -> FolderId {
        match name {
            "@my" => self.seed().my_documents.clone(),
            "@trash" => self.seed().trash.clone(),
            id => FolderId::from(id),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.now()
    }

    /// Changes the state, then starts the deliveries of the events that the change raised.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = self.now();
        let mut state = self.state();
        let result = change(&mut state, now);
        for event in std::mem::take(&mut state.undelivered) {
            let delivery = sender::deliver(Arc::clone(&self.shared), event);
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
