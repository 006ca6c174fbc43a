//! A portal, a store and a worker that only act when a test drives them.
//!
//! Every test runs in a [`scenario`], which bounds it in time and checks at the end that nothing is left.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::Request;
use docspace_courier::actions::Notify;
use docspace_courier::actions::failpoint::Failpoints;
use docspace_courier::catch_up::CatchUp;
use docspace_courier::clock::Clock;
use docspace_courier::config::{PortalConfig, copy_rule, invoice_rule};
use docspace_courier::db::{Db, Sql};
use docspace_courier::docspace::Client;
use docspace_courier::event::Trigger;
use docspace_courier::facts::FactFinder;
use docspace_courier::instances::record_calls;
use docspace_courier::metrics::Metrics;
use docspace_courier::notify::Channels;
use docspace_courier::rules::{ActionPlan, ActiveRules, Condition, Rule};
use docspace_courier::service::{Parts, ReceiverSettings};
use docspace_courier::signature::WebhookSecret;
use docspace_courier::supervise::Supervisor;
use docspace_courier::webhook::{self, Receiver};
use docspace_courier::webhook::{TransportPolicy, UnsignedPolicy};
use docspace_courier::worker::{Progress, RENEWAL_INTERVAL, Worker, WorkerSettings};
use docspace_courier::{ids, journal, outbox, server};
use docspace_sandbox::{
    FileId, FolderId, Portal, PortalSettings, TimeSource, UploadEvents, WebhookId,
};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt as _;

use crate::bounds::{STATE_BOUND, until};
use crate::process::PORTS;
use crate::store::Store;

mod mishaps;
mod scenario;

pub use scenario::{Leftover, scenario};

/// The most steps of work in one test; more means that the work never ends.
const STEPS: usize = 20_000;

/// The attempts before an action becomes a dead letter.
pub const MAX_ATTEMPTS: u32 = 12;

/// How long finished events are kept.
pub const RETENTION: Duration = Duration::from_hours(24 * 30);

/// The triggers of the samples' webhook, and those that the service's own work raises.
pub const TRIGGERS: [&str; 4] = ["file.created", "file.uploaded", "file.copied", "file.moved"];

pub struct Scene {
    pub portal: Portal,
    pub clock: Clock,
    pub db: Db,
    pub parts: Parts,
    pub worker: Arc<Worker>,
    pub metrics: Arc<Metrics>,
    /// The background tasks that a test starts; the admin listener shows their health.
    pub supervisor: Supervisor,
    /// The portal's address.
    host: String,
    /// The receiver's address.
    pub address: String,
    pub webhook: WebhookId,
    secret: String,
    receiver: Arc<ArcSwap<Receiver>>,
    receiving: DropGuard,
    pub client_room: FolderId,
    pub subfolder: FolderId,
    pub internal: FolderId,
    pub incoming: FolderId,
    pub store: Store,
    /// What the test said that it leaves.
    expected: BTreeMap<Leftover, usize>,
    _stop: DropGuard,
}

/// Listens on a port below the ephemeral ones, so that no outgoing connection takes it while the receiver is closed.
fn listen() -> tokio::net::TcpListener {
    loop {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, fastrand::u16(PORTS)));
        if let Ok(listener) = server::bind(address) {
            return listener;
        }
    }
}

impl Scene {
    /// Starts a portal with a webhook to a receiver; both rules watch the client room.
    async fn start() -> Self {
        let clock = Clock::manual("2026-03-02T09:00:00Z".parse().unwrap());
        let settings = PortalSettings {
            operation_time: Duration::from_millis(1),
            retry_waits: vec![Duration::ZERO; 5],
            time: time_of(&clock),
            ..PortalSettings::default()
        };
        let (portal, host, stop) = serve_portal(settings).await;
        let store = Store::new();
        let db = Db::open(store.location()).unwrap();
        let seed = portal.seed().clone();
        let access = PortalConfig {
            host: host.clone(),
            key: portal.api_key().to_owned().into(),
            trusted: None,
        };
        let parts = Parts::new(db.clone(), &access, rules(&portal), clock.clone()).unwrap();
        let supervisor = parts.supervisor();
        let worker = parts.worker(Channels::default(), worker_settings(Failpoints::default()));
        let secret = portal.secret().to_owned();
        let receiver = parts.receiver(receiver_settings(&secret));
        let receiver = Arc::new(ArcSwap::from_pointee(receiver));
        let listener = listen();
        let address = format!("http://{}/webhook", listener.local_addr().unwrap());
        let receiving = receive(listener, &parts, &supervisor, &receiver);
        let webhook = portal.add_webhook(&address, &TRIGGERS);
        Self {
            portal,
            clock,
            db,
            metrics: Arc::clone(&parts.metrics),
            parts,
            worker: Arc::new(worker),
            supervisor,
            host,
            address,
            webhook,
            secret,
            receiver,
            receiving,
            client_room: seed.client_room,
            subfolder: seed.client_subfolder,
            internal: seed.internal_folder,
            incoming: seed.incoming_folder,
            store,
            expected: BTreeMap::new(),
            _stop: stop,
        }
    }

    /// The portal's address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Closes the receiver's address, as if the service were down.
    pub async fn stop_receiving(&mut self) {
        self.receiving = CancellationToken::new().drop_guard();
        let host = host_of(&self.address);
        until(
            STATE_BOUND,
            "the receiver's address is closed",
            async || tokio::net::TcpStream::connect(&host).await.is_err(),
        )
        .await;
    }

    /// Opens the receiver's address again.
    pub fn start_receiving(&mut self) {
        let address = host_of(&self.address).parse().unwrap();
        let listener = server::bind(address).unwrap();
        self.receiving = receive(listener, &self.parts, &self.supervisor, &self.receiver);
    }

    /// Opens the receiver's address again, for deliveries signed with another secret.
    pub fn start_receiving_with(&mut self, secret: &str) {
        secret.clone_into(&mut self.secret);
        self.replace_receiver();
        self.start_receiving();
    }

    /// The catch-up of this scene's portal and store.
    pub fn catch_up(&self) -> CatchUp {
        let secrets = self.receiver.load().secrets.clone();
        self.parts.catch_up(secrets, RETENTION)
    }

    /// Uploads a file as the web interface does, with its title as content.
    pub fn upload(&self, folder: &FolderId, title: &str) -> FileId {
        self.portal
            .upload(folder, title, title.as_bytes(), UploadEvents::Uploaded)
    }

    /// The titles in a folder, sorted.
    pub fn titles(&self, folder: &FolderId) -> Vec<String> {
        let mut titles: Vec<String> = self
            .portal
            .files_in(folder)
            .into_iter()
            .map(|file| file.title)
            .collect();
        titles.sort();
        titles
    }

    /// The contents of the files in a folder, sorted.
    pub fn contents(&self, folder: &FolderId) -> Vec<Vec<u8>> {
        let files = self.portal.files_in(folder).into_iter();
        let mut contents: Vec<_> = files.map(|file| file.content).collect();
        contents.sort();
        contents
    }

    /// Waits for all deliveries and does everything that is due, until nothing is due.
    pub async fn work(&self) {
        for _ in 0..STEPS {
            self.portal.wait_for_deliveries().await;
            let decided = self.worker.decide_next().await.unwrap();
            let processed = self.worker.process_next().await.unwrap();
            if (decided, processed) == (Progress::Idle, Progress::Idle) {
                return;
            }
        }
        panic!("the work does not end");
    }

    /// Does all work, moving the clock to whatever is due next.
    pub async fn work_to_the_end(&self) {
        for _ in 0..STEPS {
            self.work().await;
            let Some(due) = self.next_due().await else {
                return;
            };
            let wait = Duration::try_from(due.duration_since(self.clock.now())).unwrap_or_default();
            // Time must also pass for work that is due and that the open breaker holds back.
            self.clock.advance(wait.max(Duration::from_secs(1)));
        }
        panic!("the work does not end: {:?}", self.actions().await);
    }

    async fn next_due(&self) -> Option<Timestamp> {
        let due: Option<i64> = self
            .db
            .read(|sql| {
                sql.query_one(
                    "SELECT min(due) FROM (
                         SELECT due_at AS due FROM events WHERE state = 'waiting'
                         UNION ALL SELECT a.due_at FROM actions a WHERE a.state = 'waiting'
                           AND NOT EXISTS (SELECT 1 FROM actions b WHERE b.event = a.event AND b.rule = a.rule
                               AND b.position < a.position AND b.kind <> 'notify'
                               AND b.state IN ('dead', 'discarded'))) AS times",
                    &[],
                    |row| row.get(0),
                )
            })
            .await
            .unwrap();
        due.map(|due| Timestamp::from_millisecond(due).unwrap())
    }

    /// Replaces the worker by one with these rules.
    pub fn change_rules(&mut self, rules: Vec<Rule>) {
        self.change_rules_and_channels(rules, Channels::default());
    }

    /// Replaces the worker by one with these rules and channels.
    pub fn change_rules_and_channels(&mut self, rules: Vec<Rule>, channels: Channels) {
        self.replace_worker(rules, channels, Failpoints::default());
    }

    /// Replaces the worker by one with these channels, and lets these actions follow the move of an invoice.
    pub fn notify_after_move(&mut self, channels: Channels, actions: Vec<ActionPlan>) {
        let mut rules = self.rules();
        rules[1].actions.truncate(1);
        rules[1].actions.extend(actions);
        self.change_rules_and_channels(rules, channels);
    }

    /// Ends the worker as a crash does, and starts another one on the same store.
    pub async fn crash_and_restart(&mut self) {
        self.restart_with(Failpoints::default()).await;
    }

    /// Ends the worker as a crash does, and starts one that stops at a failpoint.
    pub async fn restart_with(&mut self, failpoints: Failpoints) {
        self.restart_with_rules(self.rules(), failpoints).await;
    }

    /// The same, with these rules instead of the two of the environment.
    pub async fn restart_with_rules(&mut self, rules: Vec<Rule>, failpoints: Failpoints) {
        self.replace_worker(rules, Channels::default(), failpoints);
        let now = self.clock.now();
        let resume = move |sql: &Sql| {
            outbox::reset_due_times(sql, now)?;
            outbox::release_all_leases(sql)
        };
        self.db.write(resume).await.unwrap();
    }

    /// Starts a worker with nothing in its caches.
    pub fn replace_worker(&mut self, rules: Vec<Rule>, channels: Channels, failpoints: Failpoints) {
        let key = self.portal.api_key().to_owned().into();
        let client = Client::new(&self.host, key, self.clock.clone()).unwrap();
        let client = client
            .with_metrics(Arc::clone(&self.metrics))
            .recording_calls(record_calls(&self.db, &self.clock));
        let portal = Arc::new(client);
        self.parts = Parts {
            facts: Arc::new(FactFinder::new(Arc::clone(&portal), self.clock.clone())),
            portal,
            rules: ActiveRules::new(rules),
            channels: channels.clone(),
            ..self.parts.clone()
        };
        // It decides by the same rules and with the same caches.
        self.replace_receiver();
        self.worker = Arc::new(self.parts.worker(channels, worker_settings(failpoints)));
    }

    fn replace_receiver(&self) {
        let receiver = self.parts.receiver(receiver_settings(&self.secret));
        self.receiver.store(Arc::new(receiver));
    }

    /// The two rules of the environment.
    pub fn rules(&self) -> Vec<Rule> {
        rules(&self.portal)
    }

    /// The kind, state and reason code of every action.
    pub async fn actions(&self) -> Vec<(String, String, Option<String>)> {
        self.db
            .read(|sql| {
                sql.query(
                    "SELECT kind, state, reason_code FROM actions ORDER BY id",
                    &[],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
                )
            })
            .await
            .unwrap()
    }

    /// The reason code of the only dead letter.
    pub async fn dead_code(&self) -> Option<String> {
        let dead: Vec<_> = self
            .actions()
            .await
            .into_iter()
            .filter(|(_, state, _)| state == "dead")
            .collect();
        assert!(dead.len() <= 1, "{dead:?}");
        dead.into_iter().next().and_then(|(_, _, code)| code)
    }

    /// How many actions of this kind are in this state.
    pub async fn count(&self, kind: &str, state: &str) -> usize {
        let wanted = (kind, state);
        self.actions()
            .await
            .iter()
            .filter(|(kind, state, _)| (kind.as_str(), state.as_str()) == wanted)
            .count()
    }

    /// How many attempts have failed that count towards giving up.
    pub async fn failures(&self) -> i64 {
        let read = self.db.read(|sql| {
            let statement = "SELECT CAST(sum(failures) AS BIGINT) FROM actions";
            sql.query_one(statement, &[], |row| row.get::<Option<i64>>(0))
        });
        read.await.unwrap().unwrap_or_default()
    }

    /// The decision of each rule about each event: rule, outcome and reason, in order.
    pub async fn decisions(&self) -> Vec<(String, String, String)> {
        let events = self
            .db
            .read(|sql| sql.query("SELECT id FROM events ORDER BY id", &[], |row| row.get(0)));
        let mut decisions = Vec::new();
        for id in events.await.unwrap() {
            let details = self.db.read(move |sql| journal::find(sql, id));
            let details = details.await.unwrap().unwrap();
            for decision in details.decisions {
                let outcome = decision.outcome.to_string();
                decisions.push((decision.rule, outcome, decision.reason));
            }
        }
        decisions
    }

    /// How many calls to the portal have this method and contain this in their path.
    pub fn calls(&self, method: &str, path: &str) -> usize {
        let calls = self.portal.calls();
        calls
            .iter()
            .filter(|call| call.method == method && call.path.contains(path))
            .count()
    }
}

/// Serves a portal on a free port until the guard is dropped; returns its address, too.
pub async fn serve_portal(settings: PortalSettings) -> (Portal, String, DropGuard) {
    let portal = Portal::new(settings);
    let stop = CancellationToken::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    let (serving, token) = (portal.clone(), stop.clone());
    tokio::spawn(async move { serving.serve(listener, token).await.unwrap() });
    (portal, host, stop.drop_guard())
}

/// The service's form of a portal's folder id.
pub fn folder_id(id: &FolderId) -> ids::FolderId {
    ids::FolderId::new(id.as_str()).unwrap()
}

/// The service's form of a portal's webhook id.
pub fn webhook_id(id: WebhookId) -> ids::WebhookId {
    ids::WebhookId(id.0)
}

/// Lets a portal take its time from a clock.
fn time_of(clock: &Clock) -> TimeSource {
    let clock = clock.of_other_machine();
    TimeSource::new(move || clock.now())
}

fn receive(
    listener: TcpListener,
    parts: &Parts,
    supervisor: &Supervisor,
    receiver: &Arc<ArcSwap<Receiver>>,
) -> DropGuard {
    let stop = CancellationToken::new();
    let health = parts.health(supervisor.health(), stop.clone());
    let receiver = Arc::clone(receiver);
    let router = Router::new().fallback(move |request: Request| {
        let router = webhook::router(receiver.load_full(), health.clone());
        router.oneshot(request)
    });
    tokio::spawn(server::serve(listener, router, stop.clone()));
    stop.drop_guard()
}

fn host_of(address: &str) -> String {
    let without_scheme = address.strip_prefix("http://").unwrap();
    without_scheme.split('/').next().unwrap().to_owned()
}

fn receiver_settings(secret: &str) -> ReceiverSettings {
    ReceiverSettings {
        secrets: vec![WebhookSecret::new(secret)],
        unsigned: UnsignedPolicy::Refuse,
        transport: TransportPolicy::Any,
        retention: RETENTION,
    }
}

fn worker_settings(failpoints: Failpoints) -> WorkerSettings {
    WorkerSettings {
        max_attempts: MAX_ATTEMPTS,
        retention: RETENTION,
        renewal_interval: RENEWAL_INTERVAL,
        failpoints,
    }
}

fn rules(portal: &Portal) -> Vec<Rule> {
    let seed = portal.seed();
    let triggers = vec![Trigger::new("file.uploaded"), Trigger::new("file.created")];
    vec![
        copy_rule(
            folder_id(&seed.client_room),
            folder_id(&seed.internal_folder),
            triggers.clone(),
        ),
        invoice_rule(
            folder_id(&seed.client_room),
            folder_id(&seed.incoming_folder),
            Condition::title_prefix(["invoice"]).unwrap(),
            vec![Notify::email(Some("manager@example.com".to_owned())).into()],
            triggers,
        ),
    ]
}
