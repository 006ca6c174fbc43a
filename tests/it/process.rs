//! The real binary as a process of its own, with a pretend portal and addresses that outlive it.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as PortProbe};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use docspace_courier::ids::WebhookId;
use docspace_courier::sandbox::{Portal, Settings};
use rusqlite::types::Value as Cell;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::scene::TRIGGERS;
use crate::store::Store;

/// How long a process that should end may take; the service itself cuts what takes longer.
const END_BOUND: Duration = Duration::from_secs(40);

/// How often a state that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Waits until a state is reached, and fails when that takes longer than the bound.
pub async fn until(bound: Duration, state: &str, mut reached: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !reached().await {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let in_time = tokio::time::timeout(bound, waiting).await.is_ok();
    assert!(in_time, "not within {bound:?}: {state}");
}

/// The binary with no variables at all.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_docspace-courier"));
    command.env_clear();
    command
}

/// A running process, which never outlives its test.
pub struct Process(Child);

impl Process {
    pub fn spawn(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// Ends it as a crash does, at this very moment; it must be running.
    pub fn kill(mut self) {
        let ended = self.0.try_wait().unwrap();
        assert_eq!(ended, None, "the service ended by itself");
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Asks it to stop, as service managers do.
    pub fn terminate(&self) {
        // The one that every shell has built in; the program of that name is often missing.
        let asked = Command::new("sh")
            .args(["-c", r#"kill -TERM "$1""#, "sh", &self.0.id().to_string()])
            .status()
            .unwrap();
        assert!(asked.success());
    }

    /// Waits for its end.
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

/// Everything around the service: a portal, a place for the store, and addresses it keeps.
pub struct Deployment {
    pub portal: Portal,
    /// The portal's webhook to the service.
    pub webhook: WebhookId,
    /// The public listener's address.
    pub address: SocketAddr,
    /// The operator listener's address.
    pub admin: SocketAddr,
    /// The service's variables.
    pub variables: Vec<(&'static str, String)>,
    pub store: Store,
    _stop: DropGuard,
}

impl Deployment {
    /// A portal with a webhook to the service, and both rules on the client room.
    pub async fn new(settings: Settings) -> Self {
        Self::with_store(settings, Store::new()).await
    }

    /// The same with this store.
    pub async fn with_store(settings: Settings, store: Store) -> Self {
        let stop = CancellationToken::new();
        let portal = Portal::new(settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        let (serving, token) = (portal.clone(), stop.clone());
        tokio::spawn(async move { serving.serve(listener, token).await.unwrap() });

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
            _stop: stop.drop_guard(),
        }
    }

    /// Starts the service; what it logs is added to what earlier ones logged.
    pub fn start(&self) -> Process {
        self.start_with(&[])
    }

    /// The same with other values of some variables.
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

    /// The command that serves, not yet started.
    pub fn command(&self) -> Command {
        let mut command = binary();
        command.arg("serve").envs(self.variables.iter().cloned());
        command
    }

    fn log_path(&self) -> PathBuf {
        self.store.folder().join("stderr.log")
    }

    /// What all services so far logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap()
    }

    /// One number from the store, beside the service; `None` when there is no store yet.
    pub fn ask_store(&self, question: &str) -> Option<i64> {
        match self.store.ask(question).ok()?.first()? {
            Cell::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// What the store still owes: one line for each event or action that waits or runs.
    pub fn owed(&self) -> Result<Vec<Cell>, String> {
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

    /// Waits until every delivery has arrived and nothing is owed any more.
    pub async fn all_done(&self, bound: Duration) {
        let delivered = tokio::time::timeout(bound, self.portal.deliveries_settled()).await;
        assert!(delivered.is_ok(), "deliveries do not end within {bound:?}");
        self.nothing_owed(bound).await;
        // What the last operations raised arrives, too, and nothing comes of it.
        self.portal.deliveries_settled().await;
        for row in self.portal.log() {
            assert!(row.delivered, "not delivered: {row:?}");
        }
        self.nothing_owed(bound).await;
        let dead = "SELECT (SELECT count(*) FROM actions WHERE state IN ('dead', 'discarded'))
                         + (SELECT count(*) FROM events WHERE state <> 'decided')";
        assert_eq!(self.ask_store(dead), Some(0), "dead letters");
    }

    /// Waits until nothing is owed.
    pub async fn nothing_owed(&self, bound: Duration) {
        let mut owed = Ok(Vec::new());
        let paid = async {
            loop {
                owed = self.owed();
                if owed.as_ref().is_ok_and(Vec::is_empty) {
                    return;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let in_time = tokio::time::timeout(bound, paid).await.is_ok();
        assert!(in_time, "still owed after {bound:?}: {owed:#?}");
    }

    /// The status and the body of an answer of the operator listener, if there is one.
    pub async fn operator_page(&self, path: &str) -> Option<(u16, String)> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let address = format!("http://{}{path}", self.admin);
        let response = client.get(address).send().await.ok()?;
        Some((response.status().as_u16(), response.text().await.ok()?))
    }

    /// Waits until the service is ready.
    pub async fn ready(&self) {
        until(
            Duration::from_secs(30),
            "the service is ready",
            async || matches!(self.operator_page("/readyz").await, Some((200, _))),
        )
        .await;
    }
}

impl Drop for Deployment {
    #[expect(clippy::print_stderr, reason = "the test's own words")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let folder = self.store.folder().display();
            eprintln!("what the service logged and stored is left in {folder}");
            self.store.keep();
        }
    }
}

/// A loopback address that nobody listens on, and that no other test of this process was given.
pub fn free_address() -> SocketAddr {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    // Below the ports that outgoing connections get, so that none of them sits on it during a restart.
    const PORTS: std::ops::Range<u16> = 10_000..32_000;
    loop {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, fastrand::u16(PORTS)));
        let free = PortProbe::bind(address).is_ok();
        if free && GIVEN.lock().unwrap().insert(address.port()) {
            return address;
        }
    }
}
