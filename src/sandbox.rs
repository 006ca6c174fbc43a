//! A pretend DocSpace portal: rooms and files in memory behind the portal's HTTP API, with webhooks
//! sent as the portal sends them. The `sandbox` command serves it, and every test uses it.
//!
//! It behaves as CONTRACT says the portal does, including what is awkward there: outcomes that can
//! be read once, refusals that all look alike, deliveries that are repeated. It can be told to
//! fail in ways a real portal only fails on a bad day. State sits behind one mutex, held for a
//! moment and never while waiting; whatever waits is a task of its own.

mod people;
mod seed;
mod world;

mod body;
mod dotnet_json;
mod sender;
mod webhooks;

mod json;
mod operations;

mod access;
mod api;
mod calls;
mod faults;
mod page;
mod server;
mod trouble;

mod activity;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::access::Access;
use self::activity::Activity;
use self::body::{Happening, Payload};
use self::calls::Calls;
use self::faults::Faults;
use self::json::Shown;
use self::operations::Operations;
use self::webhooks::{Webhook, Webhooks};
use self::world::{Person, World};
use crate::clock::Clock;
use crate::docspace::triggers;
use crate::ids::{EventId, FileId, FolderId, WebhookId};
use crate::signature::WebhookSecret;

pub use self::calls::Call;
pub use self::faults::{Chaos, Fault, FaultEffect};
pub(crate) use self::page::RECEIVER_TRIGGERS;
pub use self::people::{Announced, FileView};
pub use self::seed::Seed;

/// The name under which [`Portal::add_webhook`] registers.
const WEBHOOK_NAME: &str = "receiver-sandbox";

/// How a portal is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Added to every API call; none by default.
    pub latency: Duration,
    /// How long a queued copy or move takes; 20 ms by default.
    pub operation_time: Duration,
    /// The waits before the retries of a delivery; 1, 2, 4, 8 and 16 s by default.
    pub retry_waits: Vec<Duration>,
    /// How long a receiver may take to answer; 100 s by default.
    pub delivery_timeout: Duration,
    /// Where every time the portal shows comes from; the machine's clock by default.
    pub clock: Clock,
    /// The webhooks' secret; a random one by default.
    pub secret: Option<String>,
    /// The API key; a random one by default.
    pub api_key: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            operation_time: Duration::from_millis(20),
            retry_waits: [1, 2, 4, 8, 16].map(Duration::from_secs).to_vec(),
            delivery_timeout: Duration::from_secs(100),
            clock: Clock::system(),
            secret: None,
            api_key: None,
        }
    }
}

/// A row of the portal's delivery log: one event for one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// The row's number, which is the `event.id` its deliveries carry.
    pub event: EventId,
    /// The webhook it is for.
    pub webhook: WebhookId,
    /// The trigger's name.
    pub trigger: String,
    /// The status of the last attempt; 0 when there was no answer.
    pub status: u16,
    /// The attempts made so far.
    pub attempts: u32,
    /// The last body sent; before the first attempt the stored copy, which has no `event.id`.
    pub body: String,
    /// Whether an attempt was answered with a 2xx.
    pub delivered: bool,
}

/// A webhook as it is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookView {
    /// Its number.
    pub id: WebhookId,
    /// Its name.
    pub name: String,
    /// Where it sends to.
    pub url: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// The names of its triggers; `*` alone for all.
    pub triggers: Vec<&'static str>,
    /// Whether it is about one entry only.
    pub targeted: bool,
}

/// A pretend portal; clones are the same portal. Methods that raise events must be called inside a
/// Tokio runtime, because the deliveries are tasks of it.
#[derive(Clone)]
pub struct Portal(Arc<Inner>);

struct Inner {
    api_key: String,
    secret: String,
    seed: Seed,
    opened: Timestamp,
    clock: Clock,
    retry_waits: Vec<Duration>,
    delivery_timeout: Duration,
    client: reqwest::Client,
    delivery_places: Semaphore,
    deliveries: Activity,
    operations: Activity,
    state: Mutex<State>,
}

struct State {
    world: World,
    operations: Operations,
    webhooks: Webhooks,
    faults: Faults,
    access: Access,
    calls: Calls,
    latency: Duration,
    operation_time: Duration,
    address: Option<SocketAddr>,
    /// Rows written but not yet handed to the sender.
    outgoing: Vec<EventId>,
}

impl State {
    /// Raises an event about a file, if it exists.
    fn publish_file(&mut self, trigger: &'static str, id: &FileId, by: Person, now: Timestamp) {
        let Some(file) = self.world.file(id) else {
            return;
        };
        let path = self.world.path(&file.folder);
        let payload = path.first().map(|root| Payload::of_file(file, root));
        self.publish(trigger, payload, by, now);
    }

    /// Raises an event about a folder, if it exists.
    fn publish_folder(&mut self, trigger: &'static str, id: &FolderId, now: Timestamp) {
        let path = self.world.path(id);
        let payload = match (path.first(), path.last()) {
            (Some(root), Some(folder)) => Some(Payload::of_folder(folder, root)),
            _ => None,
        };
        self.publish(trigger, payload, Person::Client, now);
    }

    fn publish(
        &mut self,
        trigger: &'static str,
        payload: Option<Payload>,
        by: Person,
        now: Timestamp,
    ) {
        let Some(payload) = payload else {
            return;
        };
        let happening = Happening {
            trigger,
            on: now,
            by: by.id(),
            payload,
        };
        let rows = self.webhooks.publish(&happening, now);
        self.outgoing.extend(rows);
    }

    /// The address in links, once the portal is served.
    fn base(&self) -> String {
        self.address.map_or_else(
            || "http://sandbox.invalid".to_owned(),
            |address| format!("http://{address}"),
        )
    }

    fn shown<'a>(&'a self, base: &'a str) -> Shown<'a> {
        Shown {
            world: &self.world,
            base,
        }
    }
}

impl Portal {
    /// A portal with the rooms, folders and people of [`Seed`], no files and no webhooks.
    pub fn new(settings: Settings) -> Self {
        let seed = Seed::new();
        let opened = whole_seconds(settings.clock.now());
        let state = State {
            world: seed.world(opened),
            operations: Operations::default(),
            webhooks: Webhooks::new(),
            faults: Faults::default(),
            access: Access::default(),
            calls: Calls::default(),
            latency: settings.latency,
            operation_time: settings.operation_time,
            address: None,
            outgoing: Vec::new(),
        };
        Self(Arc::new(Inner {
            api_key: settings.api_key.unwrap_or_else(random_api_key),
            secret: settings.secret.unwrap_or_else(random_secret),
            seed,
            opened,
            clock: settings.clock,
            retry_waits: settings.retry_waits,
            delivery_timeout: settings.delivery_timeout,
            client: delivery_client(),
            delivery_places: Semaphore::new(sender::PARALLEL),
            deliveries: Activity::new(),
            operations: Activity::new(),
            state: Mutex::new(state),
        }))
    }

    /// Serves the API and the page until it is told to stop.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> std::io::Result<()> {
        server::serve(self, listener, stop).await
    }

    /// Where the portal is served, once it is.
    pub fn address(&self) -> Option<SocketAddr> {
        self.state().address
    }

    /// The API key of the service account.
    pub fn api_key(&self) -> &str {
        &self.0.api_key
    }

    /// The secret of the webhooks made with [`Portal::add_webhook`].
    pub fn secret(&self) -> &str {
        &self.0.secret
    }

    /// The rooms, folders and people the portal started with.
    pub fn seed(&self) -> &Seed {
        &self.0.seed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time of day in whole seconds, as the portal's database keeps it.
    fn now(&self) -> Timestamp {
        whole_seconds(self.0.clock.now())
    }

    /// Changes the state, then sends the events that were raised by that.
    fn change<T>(&self, change: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = self.now();
        let mut state = self.state();
        let result = change(&mut state, now);
        let outgoing = std::mem::take(&mut state.outgoing);
        for event in outgoing {
            let running = self.0.deliveries.begin();
            tokio::spawn(sender::deliver(self.clone(), event, running));
        }
        result
    }
}

/// Webhooks and their deliveries.
impl Portal {
    /// Registers a webhook without asking the receiver first; no triggers means all.
    pub fn add_webhook(&self, url: &str, triggers: &[&str]) -> WebhookId {
        let webhook = Webhook {
            id: WebhookId(0),
            name: WEBHOOK_NAME.to_owned(),
            url: url.to_owned(),
            secret: WebhookSecret::new(self.secret()),
            enabled: true,
            ssl: url.starts_with("https:"),
            triggers: triggers::sum(triggers),
            target: None,
            created: self.now(),
            modified: None,
            last_success: None,
            last_failure: None,
        };
        self.state().webhooks.add(webhook)
    }

    /// Switches a webhook on or off; events while it is off leave no row in the log.
    pub fn set_webhook_enabled(&self, id: WebhookId, enabled: bool) {
        if let Some(webhook) = self.state().webhooks.get_mut(id) {
            webhook.enabled = enabled;
        }
    }

    /// Changes what a webhook listens to; no triggers means all.
    pub fn set_webhook_triggers(&self, id: WebhookId, triggers: &[&str]) {
        if let Some(webhook) = self.state().webhooks.get_mut(id) {
            webhook.triggers = triggers::sum(triggers);
        }
    }

    /// Narrows a webhook down to the events of one entry.
    pub fn set_webhook_target(&self, id: WebhookId, target: &FolderId) {
        if let Some(webhook) = self.state().webhooks.get_mut(id) {
            webhook.target = Some(target.to_string());
        }
    }

    /// The registered webhooks, in the order of their ids.
    pub fn webhooks(&self) -> Vec<WebhookView> {
        let state = self.state();
        let webhooks = state.webhooks.all().map(|webhook| WebhookView {
            id: webhook.id,
            name: webhook.name.clone(),
            url: webhook.url.clone(),
            enabled: webhook.enabled,
            triggers: triggers::names(webhook.triggers),
            targeted: webhook.target.is_some(),
        });
        webhooks.collect()
    }

    /// Deletes a webhook together with its log.
    pub fn delete_webhook(&self, id: WebhookId) {
        self.state().webhooks.remove(id);
    }

    /// Repeats a delivery as a person orders it in the portal: it arrives under a new `event.id`.
    pub fn retry_delivery(&self, event: EventId) {
        self.repeat_delivery(event);
    }

    fn repeat_delivery(&self, event: EventId) -> Option<EventId> {
        self.change(|state, now| {
            let repeated = state.webhooks.repeat(event, now)?;
            state.outgoing.push(repeated);
            Some(repeated)
        })
    }

    /// The delivery log, oldest row first.
    pub fn log(&self) -> Vec<LogRow> {
        let state = self.state();
        let rows = state.webhooks.rows().map(|row| LogRow {
            event: row.event,
            webhook: row.webhook,
            trigger: row.happening.trigger.to_owned(),
            status: row.status,
            attempts: row.attempts,
            body: row.body.clone(),
            delivered: row.delivered.is_some(),
        });
        rows.collect()
    }

    /// Resolves when no delivery is queued, running or waiting for a retry.
    pub async fn deliveries_settled(&self) {
        self.0.deliveries.settled().await;
    }

    /// Resolves when no operation is queued or running.
    pub async fn operations_settled(&self) {
        self.0.operations.settled().await;
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

/// The client of the deliveries: it follows no redirects, and nothing stands between.
fn delivery_client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("a client that only departs from the defaults in these two points")
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn random_api_key() -> String {
    format!("sk-{:032x}{:032x}", fastrand::u128(..), fastrand::u128(..))
}

/// A secret that satisfies the portal's strictest password policy.
fn random_secret() -> String {
    let random: String = (0..20).map(|_| fastrand::alphanumeric()).collect();
    format!("Sb7-{random}")
}

#[cfg(test)]
mod tests;
