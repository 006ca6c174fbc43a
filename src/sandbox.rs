//! A pretend DocSpace portal: rooms and files in memory behind the portal's HTTP API, with webhooks
//! sent as the portal sends them. The `sandbox` command serves it, and every test uses it.
//!
//! It behaves as CONTRACT says the portal does, including what is awkward there: outcomes that can
//! be read once, refusals that all look alike, deliveries that are repeated. It can be told to
//! fail in ways a real portal only fails on a bad day. State sits behind one mutex, held for a
//! moment and never while waiting; whatever waits is a task of its own.

mod world;

mod body;
mod dotnet_json;
mod sender;
mod triggers;
mod webhooks;

mod json;
mod operations;

mod access;
mod api;
mod calls;
mod faults;
mod page;
mod server;

mod activity;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
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
use self::world::{File, Folder, NewFile, Person, RoomKind, World};
use crate::clock::Clock;
use crate::ids::{EventId, FileId, FolderId, WebhookId};
use crate::webhook::signature::WebhookSecret;

pub use self::calls::Call;
pub use self::faults::{Chaos, Fault, FaultEffect};
pub(crate) use self::page::RECEIVER_TRIGGERS;

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

/// The rooms, folders and people every portal starts with.
#[derive(Clone, Debug)]
pub struct Seed {
    /// The section that holds the rooms: the `rootId` of everything in any room.
    pub rooms_section: FolderId,
    /// The room "Acme - shared with client".
    pub client_room: FolderId,
    /// The folder "2026 uploads" in that room.
    pub client_subfolder: FolderId,
    /// The room "Beta - shared with client".
    pub other_room: FolderId,
    /// The room "Internal Processing".
    pub internal_room: FolderId,
    /// The folder "Inbox" in that room.
    pub internal_folder: FolderId,
    /// The folder "Incoming" in that room.
    pub incoming_folder: FolderId,
    /// The GUID of the account the API key belongs to.
    pub service_account: String,
    /// The GUID of the account that uploads.
    pub client_user: String,
}

impl Seed {
    fn new() -> Self {
        Self {
            rooms_section: FolderId::from(86_193),
            client_room: FolderId::from(539_564),
            client_subfolder: FolderId::from(539_702),
            other_room: FolderId::from(539_610),
            internal_room: FolderId::from(340_988),
            internal_folder: FolderId::from(341_029),
            incoming_folder: FolderId::from(748_239),
            service_account: Person::Service.id().to_owned(),
            client_user: Person::Client.id().to_owned(),
        }
    }

    fn world(&self, now: Timestamp) -> World {
        use RoomKind::Custom;
        let section = Some(&self.rooms_section);
        let client = Some(&self.client_room);
        let internal = Some(&self.internal_room);
        let mut world = World::new();
        for (id, parent, title, room) in [
            (&self.rooms_section, None, "Rooms", None),
            (
                &self.client_room,
                section,
                "Acme - shared with client",
                Some(Custom),
            ),
            (
                &self.other_room,
                section,
                "Beta - shared with client",
                Some(Custom),
            ),
            (
                &self.internal_room,
                section,
                "Internal Processing",
                Some(Custom),
            ),
            (&self.client_subfolder, client, "2026 uploads", None),
            (&self.internal_folder, internal, "Inbox", None),
            (&self.incoming_folder, internal, "Incoming", None),
        ] {
            world.put_folder(Folder {
                id: id.clone(),
                parent: parent.cloned(),
                title: title.to_owned(),
                room,
                created: now,
                updated: now,
                created_by: Person::Owner,
                forbidden: false,
            });
        }
        world
    }
}

/// Which events an upload raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// As the web interface does: `file.uploaded` only.
    Uploaded,
    /// As a plain upload through the API does: `file.created` and `file.uploaded`.
    CreatedAndUploaded,
    /// None, as for changes made at a third-party provider.
    Silently,
}

impl Announced {
    fn triggers(self) -> &'static [&'static str] {
        match self {
            Self::Uploaded => &["file.uploaded"],
            Self::CreatedAndUploaded => &["file.created", "file.uploaded"],
            Self::Silently => &[],
        }
    }
}

/// A file as it is at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileView {
    /// Its number.
    pub id: FileId,
    /// Its title, with the extension.
    pub title: String,
    /// Its newest content.
    pub content: Vec<u8>,
    /// The number of its newest version, from 1.
    pub version: u32,
    /// The folder it lies in.
    pub folder: FolderId,
}

impl FileView {
    fn of(file: &File) -> Self {
        Self {
            id: file.id.clone(),
            title: file.title.clone(),
            content: file.content.to_vec(),
            version: file.version,
            folder: file.folder.clone(),
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

/// What people do in the portal: the client uploads, the owner arranges.
impl Portal {
    /// The client makes a folder.
    pub fn create_folder(&self, parent: &FolderId, title: &str) -> FolderId {
        self.change(|state, now| {
            let folder = state.world.add_folder(parent, title, Person::Client, now);
            state.publish_folder("folder.created", &folder, now);
            folder
        })
    }

    /// The client uploads a file. The title is cleaned as the portal does; a title that is taken
    /// makes another file of the same title.
    pub fn upload(
        &self,
        folder: &FolderId,
        title: &str,
        content: &[u8],
        announced: Announced,
    ) -> FileId {
        self.upload_by(Person::Client, folder, title, content, announced)
    }

    fn upload_by(
        &self,
        by: Person,
        folder: &FolderId,
        title: &str,
        content: &[u8],
        announced: Announced,
    ) -> FileId {
        let new = NewFile {
            folder: folder.clone(),
            title: title.to_owned(),
            content: Bytes::copy_from_slice(content),
            by,
        };
        self.change(|state, now| {
            let file = state.world.add_file(new, now);
            for trigger in announced.triggers() {
                state.publish_file(trigger, &file, by, now);
            }
            file
        })
    }

    /// The client uploads a new version; its time is at least a second after the last one's.
    pub fn overwrite(&self, file: &FileId, content: &[u8], announced: Announced) {
        self.change(|state, now| {
            if let Some(existing) = state.world.file_mut(file) {
                existing.overwrite(Bytes::copy_from_slice(content), Person::Client, now);
            }
            for trigger in announced.triggers() {
                state.publish_file(trigger, file, Person::Client, now);
            }
        });
    }

    /// The client deletes a file for good.
    pub fn delete(&self, file: &FileId) {
        self.change(|state, now| {
            state.publish_file("file.deleted", file, Person::Client, now);
            state.world.remove_file(file);
        });
    }

    /// The client locks or unlocks a file.
    pub fn lock(&self, file: &FileId, locked: bool) {
        self.change(|state, now| {
            if let Some(existing) = state.world.file_mut(file) {
                existing.locked = locked;
            }
            state.publish_file("file.updated", file, Person::Client, now);
        });
    }

    /// The client opens a file in an editor or closes it.
    pub fn open_in_editor(&self, file: &FileId, open: bool) {
        if let Some(existing) = self.state().world.file_mut(file) {
            existing.in_editor = open;
        }
    }

    /// Leaves the service account only the right to read a file.
    pub fn forbid(&self, file: &FileId) {
        if let Some(existing) = self.state().world.file_mut(file) {
            existing.forbidden = true;
        }
    }

    /// Takes the right to put anything into a folder from the service account.
    pub fn forbid_destination(&self, folder: &FolderId) {
        if let Some(existing) = self.state().world.folder_mut(folder) {
            existing.forbidden = true;
        }
    }

    /// Deletes a folder with everything below it.
    pub fn delete_folder(&self, folder: &FolderId) {
        self.change(|state, now| {
            state.publish_folder("folder.deleted", folder, now);
            state.world.remove_folder(folder);
        });
    }

    /// Moves a folder into another one.
    pub fn move_folder(&self, folder: &FolderId, new_parent: &FolderId) {
        self.change(|state, now| {
            if let Some(existing) = state.world.folder_mut(folder) {
                existing.parent = Some(new_parent.clone());
            }
            state.publish_folder("folder.moved", folder, now);
        });
    }

    /// Makes a room one for filling in forms: it refuses every file that is no PDF form, and no
    /// file of the sandbox is one.
    pub fn make_form_room(&self, room: &FolderId) {
        if let Some(existing) = self.state().world.folder_mut(room) {
            existing.room = Some(RoomKind::FormFilling);
        }
    }

    /// The files directly in a folder.
    pub fn files_in(&self, folder: &FolderId) -> Vec<FileView> {
        let state = self.state();
        state.world.files_in(folder).map(FileView::of).collect()
    }

    /// A file, if it exists.
    pub fn file(&self, file: &FileId) -> Option<FileView> {
        self.state().world.file(file).map(FileView::of)
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

/// Trouble on request.
impl Portal {
    /// Makes the API key a valid or an invalid one.
    pub fn set_key_valid(&self, valid: bool) {
        self.state().access.key_valid = valid;
    }

    /// Gives the API key these scopes; none means all.
    pub fn set_scopes(&self, scopes: &[&str]) {
        self.state().access.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    }

    /// While it is down, the portal cuts every API connection without an answer.
    pub fn set_down(&self, down: bool) {
        self.state().access.down = down;
    }

    /// Adds a fault behind those that wait already.
    pub fn fail(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Starts or ends random faults.
    pub fn set_chaos(&self, chaos: Option<Chaos>) {
        self.state().faults.set_chaos(chaos);
    }

    /// Every API call so far, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.all()
    }

    /// Changes what is added to every API call.
    pub fn set_latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// Changes how long copies and moves queued from now on take.
    pub fn set_operation_time(&self, time: Duration) {
        self.state().operation_time = time;
    }

    /// Drops the result of every finished operation that nobody has read.
    pub fn forget_results(&self) {
        self.state().operations.forget_results();
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
