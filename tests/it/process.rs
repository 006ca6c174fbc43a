//! The real binary in its own process, with a sandbox portal and addresses that stay over restarts.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as PortProbe};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use docspace_courier::clock::Clock;
use docspace_sandbox::{Portal, PortalSettings, TimeSource, WebhookId};
use jiff::SignedDuration;
use rusqlite::types::Value as Cell;
use tokio_util::sync::DropGuard;

use crate::bounds::{CHECK_EVERY, STATE_BOUND, until};
use crate::scene::{TRIGGERS, serve_portal};
use crate::store::Store;

/// The longest that a process may take to end; the service's own shutdown is bounded, too.
const END_BOUND: Duration = Duration::from_secs(40);

/// Ports below the ephemeral ones, so that no outgoing connection takes one during a restart.
pub const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// The binary without any variables.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_docspace-courier"));
    command.env_clear();
    command
}

/// A running process, which is killed when its test ends.
pub struct Process(Child);

impl Process {
    pub fn spawn(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// Kills the process, which must be running.
    pub fn kill(mut self) {
        let ended = self.0.try_wait().unwrap();
        assert_eq!(ended, None, "the service ended by itself");
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends SIGTERM, as service managers do.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends the signal with this name.
    pub fn signal(&self, name: &str) {
        // Every shell has `kill` built in; the program of that name is often missing.
        let (script, id) = (r#"kill -"$1" "$2""#, self.0.id().to_string());
        let sent = Command::new("sh")
            .args(["-c", script, "sh", name, &id])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits until the process ends.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until(END_BOUND, "the process has ended", async || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The environment of the service: a portal, a store, and addresses that stay over restarts.
pub struct Deployment {
    pub portal: Portal,
    /// The portal's webhook to the service.
    pub webhook: WebhookId,
    /// The public listener's address.
    pub address: SocketAddr,
    /// The operator listener's address.
    pub admin: SocketAddr,
    /// The variables of the service.
    pub variables: Vec<(&'static str, String)>,
    pub store: Store,
    _stop: DropGuard,
}

impl Deployment {
    /// Starts a portal with a webhook to the service; both rules watch the client room.
    pub async fn new(settings: PortalSettings) -> Self {
        Self::with_store(settings, Store::new()).await
    }

    /// Starts a portal as [`Deployment::new`] does, with this store.
    pub async fn with_store(settings: PortalSettings, store: Store) -> Self {
        let (portal, host, stop) = serve_portal(settings).await;
        let (address, admin) = (free_address(), free_address());
        let webhook = portal.add_webhook(&format!("http://{address}/webhook"), &TRIGGERS);
        let seed = portal.seed();
        let variables = vec![
            ("DOCSPACE_API_HOST", host),
            ("DOCSPACE_API_KEY", portal.api_key().to_owned()),
            ("DOCSPACE_WEBHOOK_SECRET", portal.secret().to_owned()),
            ("SHARED_WITH_CLIENT_ROOM_ID", seed.client_room.to_string()),
            (
                "INTERNAL_PROCESSING_FOLDER_ID",
                seed.internal_folder.to_string(),
            ),
            ("CLIENT_ROOT_ID", seed.client_room.to_string()),
            ("INCOMING_FOLDER_ID", seed.incoming_folder.to_string()),
            ("MANAGER_EMAIL", "manager@example.com".to_owned()),
            ("DATABASE_URL", store.url()),
            ("LISTEN_ADDR", address.to_string()),
            ("ADMIN_ADDR", admin.to_string()),
            ("LOG_FORMAT", "json".to_owned()),
        ];
        Self {
            portal,
            webhook,
            address,
            admin,
            variables,
            store,
            _stop: stop,
        }
    }

    /// Starts the service; it appends to the log of earlier ones.
    pub fn start(&self) -> Process {
        self.start_with(&[])
    }

    /// Starts the service with other values of some variables.
    pub fn start_with(&self, variables: &[(&str, String)]) -> Process {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .unwrap();
        let mut command = self.command();
        command.envs(variables.iter().cloned());
        Process::spawn(command.stdout(Stdio::null()).stderr(log))
    }

    /// The command that starts the service.
    pub fn command(&self) -> Command {
        let mut command = binary();
        command.arg("serve").envs(self.variables.iter().cloned());
        command
    }

    /// The command that checks the deployment.
    pub fn check(&self) -> Command {
        let mut command = binary();
        command.args(["check", "--json"]);
        command.envs(self.variables.iter().cloned());
        command
    }

    fn log_path(&self) -> PathBuf {
        self.store.folder().join("stderr.log")
    }

    /// The log of all services so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap()
    }

    /// A number that a query finds in the store; `None` if there is no store yet.
    pub fn ask_store(&self, question: &str) -> Option<i64> {
        match self.store.ask(question).ok()?.first()? {
            Cell::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The pending work: one line for each event or action that waits or runs.
    fn pending(&self) -> Result<Vec<Cell>, String> {
        self.store.ask(
            "SELECT 'event ' || id || ', due ' || due_at || ': ' || coalesce(reason, '')
             FROM events WHERE state = 'waiting'
             UNION ALL
             SELECT kind || ' ' || id || ' ' || state
                    || ', due ' || coalesce(CAST(due_at AS TEXT), '-')
                    || ', lease ' || coalesce(CAST(lease_until AS TEXT), '-')
                    || ': ' || coalesce(reason, '')
             FROM actions WHERE state IN ('waiting', 'running')",
        )
    }

    /// Waits until every delivery has arrived and nothing is pending.
    pub async fn all_done(&self, bound: Duration) {
        let delivered = tokio::time::timeout(bound, self.portal.wait_for_deliveries()).await;
        assert!(delivered.is_ok(), "deliveries do not end within {bound:?}");
        self.nothing_pending(bound).await;
        // The last operations raise events, too, which no rule acts on.
        let delivered = tokio::time::timeout(bound, self.portal.wait_for_deliveries()).await;
        assert!(delivered.is_ok(), "deliveries do not end within {bound:?}");
        for row in self.portal.log() {
            assert!(row.delivered, "not delivered: {row:?}");
        }
        self.nothing_pending(bound).await;
        let dead = "SELECT (SELECT count(*) FROM actions WHERE state IN ('dead', 'discarded'))
                         + (SELECT count(*) FROM events WHERE state <> 'decided')";
        assert_eq!(self.ask_store(dead), Some(0), "dead letters");
    }

    /// Waits until nothing is pending.
    pub async fn nothing_pending(&self, bound: Duration) {
        // All of it is read only for the message: there may be many thousands.
        let is_pending = "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM events WHERE state = 'waiting')
                                             OR EXISTS (SELECT 1 FROM actions WHERE state IN ('waiting', 'running'))
                                      THEN 1 ELSE 0 END AS BIGINT)";
        let finished = async {
            while self.ask_store(is_pending) != Some(0) {
                tokio::time::sleep(CHECK_EVERY).await;
            }
        };
        let in_time = tokio::time::timeout(bound, finished).await.is_ok();
        let pending = self.pending();
        assert!(in_time, "still pending after {bound:?}: {pending:#?}");
    }

    /// The status and the body of a response of the operator listener, if it responds.
    pub async fn operator_page(&self, path: &str) -> Option<(u16, String)> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let address = format!("http://{}{path}", self.admin);
        let response = client.get(address).send().await.ok()?;
        Some((response.status().as_u16(), response.text().await.ok()?))
    }

    /// Waits until the service is ready.
    pub async fn ready(&self) {
        until(STATE_BOUND, "the service is ready", async || {
            matches!(self.operator_page("/readyz").await, Some((200, _)))
        })
        .await;
    }
}

impl Drop for Deployment {
    #[expect(clippy::print_stderr, reason = "the test prints where to look")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let folder = self.store.folder().display();
            eprintln!("the log and the store of the service are in {folder}");
            self.store.keep();
        }
    }
}

/// The clock of a portal: the machine's, until a test moves it forward.
#[derive(Clone, Default)]
pub struct PortalClock(Arc<AtomicI64>);

impl PortalClock {
    /// Where the portal takes its time from.
    pub fn source(&self) -> TimeSource {
        let ahead_s = Arc::clone(&self.0);
        let machine = Clock::system();
        TimeSource::new(move || {
            let ahead = SignedDuration::from_secs(ahead_s.load(Ordering::Relaxed));
            machine.now() + ahead
        })
    }

    /// Moves the portal's clock forward by so much that no request and no operation of before can be under way.
    pub async fn outlast_calls(&self, portal: &Portal) {
        const OUTLASTING_S: i64 = 30 * 60;

        portal.wait_for_operations().await;
        self.0.fetch_add(OUTLASTING_S, Ordering::Relaxed);
    }
}

/// A free loopback address that no other test of this process uses.
pub fn free_address() -> SocketAddr {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, fastrand::u16(PORTS)));
        let free = PortProbe::bind(address).is_ok();
        if free && GIVEN.lock().unwrap().insert(address.port()) {
            return address;
        }
    }
}
