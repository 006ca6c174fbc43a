//! The processes that are measured.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use docspace_courier::signature::SIGNATURE_HEADER;
use docspace_sandbox::Portal;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Served;
use crate::deliveries::SECRET;

/// The service, as it is shipped.
pub const BINARY: &str = env!("CARGO_BIN_EXE_docspace-courier");

/// A receiver that is put beside the service.
pub enum Rival {
    /// An axum handler that only verifies.
    Axum,
    /// A Node.js server that verifies and parses.
    Node,
    /// Debian's `webhook`, which verifies and starts a program.
    Webhook,
    /// A receiver that responds at once and copies each file by itself, 15 at a time.
    OneFilePerCall,
    /// What the vendor's sample does.
    Sample,
    /// One that is running already.
    Running {
        /// Where deliveries go.
        address: String,
        /// What they are signed with.
        secret: String,
    },
}

impl Rival {
    /// Its row.
    pub fn what(&self) -> &'static str {
        match self {
            Self::Axum => "a bare axum handler that only verifies",
            Self::Node => "a bare Node.js server that verifies and parses",
            Self::Webhook => "Debian's webhook, which verifies and starts `true`",
            Self::OneFilePerCall => "a receiver that copies each file by itself",
            Self::Sample => "what the vendor's sample does",
            Self::Running { .. } => "the receiver beside it",
        }
    }

    /// The least part of its rate that the service must accept.
    pub fn budget(&self) -> Option<f64> {
        match self {
            Self::Axum => Some(0.4),
            Self::Node => Some(0.95),
            _ => None,
        }
    }
}

/// A process that ends with its measurement.
pub struct Process {
    child: Child,
    /// Where deliveries go.
    pub webhook: String,
    /// Where the operator looks.
    pub admin: SocketAddr,
    /// How long it took to be ready.
    pub start: Duration,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// The service on this store, with only the copy rule, once it is ready.
    pub async fn service(portal: &Served, store: &Path) -> Self {
        let (listen, admin) = (free_address(), free_address());
        let mut command = configured(portal, store);
        command
            .arg("serve")
            .env("LISTEN_ADDR", listen.to_string())
            .env("ADMIN_ADDR", admin.to_string());
        Self::begin(command, listen, admin, "/readyz").await
    }

    /// A build of the service under callgrind, which writes its counts to `report` at the end.
    pub async fn under_callgrind(
        binary: &Path,
        portal: &Served,
        store: &Path,
        report: &Path,
    ) -> Self {
        let (listen, admin) = (free_address(), free_address());
        let configured = configured(portal, store);
        let mut command = Command::new("valgrind");
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .args(["--tool=callgrind", "--quiet"])
            .arg(format!("--callgrind-out-file={}", report.display()))
            .arg(binary)
            .arg("serve")
            .envs(
                configured
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .env("LISTEN_ADDR", listen.to_string())
            .env("ADMIN_ADDR", admin.to_string());
        Self::begin(command, listen, admin, "/readyz").await
    }

    /// Ends it in good order.
    pub fn terminate(mut self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap();
    }

    /// A receiver that is put beside the service.
    pub async fn rival(rival: &Rival, portal: &Served) -> Self {
        match rival {
            Rival::Axum => Self::own(&["--be", "bare"]).await,
            Rival::OneFilePerCall => {
                let key = portal.portal.api_key();
                let to = &portal.portal.seed().internal_folder;
                let portal = format!("{} {key} {to}", portal.address);
                Self::own(&["--be", "naive", "--portal", &portal]).await
            }
            Rival::Node => Self::node("bare.js", portal).await,
            Rival::Sample => Self::node("sample.js", portal).await,
            Rival::Webhook => Self::webhook().await,
            Rival::Running { .. } => unreachable!("it is running already"),
        }
    }

    /// A receiver of this program.
    async fn own(arguments: &[&str]) -> Self {
        let listen = free_address();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(arguments)
            .args(["--listen", &listen.to_string(), "--secret", SECRET]);
        Self::begin(command, listen, listen, "/healthz").await
    }

    /// A program beside this file, configured as the vendor's sample is.
    async fn node(program: &str, portal: &Served) -> Self {
        let listen = free_address();
        let seed = portal.portal.seed();
        let mut command = Command::new("node");
        command
            .arg(
                Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("benches/service")
                    .join(program),
            )
            .env("PORT", listen.port().to_string())
            .env("DOCSPACE_API_HOST", &portal.address)
            .env("DOCSPACE_API_KEY", portal.portal.api_key())
            .env("DOCSPACE_WEBHOOK_SECRET", SECRET)
            .env("SHARED_WITH_CLIENT_ROOM_ID", seed.client_room.as_str())
            .env(
                "INTERNAL_PROCESSING_FOLDER_ID",
                seed.internal_folder.as_str(),
            );
        Self::begin(command, listen, listen, "/").await
    }

    /// Debian's `webhook`. It responds when the program has ended, because nothing else tells the sender of a failure.
    async fn webhook() -> Self {
        let listen = free_address();
        let hooks = tempfile::NamedTempFile::with_suffix(".json").unwrap();
        let definition = json!([{
            "id": "docspace",
            "execute-command": "/bin/true",
            "include-command-output-in-response": true,
            "trigger-rule-mismatch-http-response-code": 401,
            "trigger-rule": {"match": {
                "type": "payload-hmac-sha256",
                "secret": SECRET,
                "parameter": {"source": "header", "name": SIGNATURE_HEADER},
            }},
        }]);
        std::fs::write(hooks.path(), definition.to_string()).unwrap();
        let mut command = Command::new("webhook");
        command
            .args(["-ip", "127.0.0.1", "-port", &listen.port().to_string()])
            .arg("-hooks")
            .arg(hooks.path());
        let mut process = Self::begin(command, listen, listen, "/").await;
        process.webhook = format!("http://{listen}/hooks/docspace");
        process
    }

    async fn begin(
        mut command: Command,
        listen: SocketAddr,
        admin: SocketAddr,
        ready: &str,
    ) -> Self {
        let begun = Instant::now();
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let mut process = Self {
            child,
            webhook: format!("http://{listen}/webhook"),
            admin,
            start: Duration::ZERO,
        };
        while get(admin, ready).await.is_none() {
            assert!(begun.elapsed() < Duration::from_mins(1), "not ready");
            assert!(process.child.try_wait().unwrap().is_none(), "it ended");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        process.start = begun.elapsed();
        process
    }

    /// The memory it holds, in MiB.
    pub fn memory_mib(&self) -> f64 {
        self.memory("VmRSS:")
    }

    /// The most memory it has held, in MiB.
    pub fn most_memory_mib(&self) -> f64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, what: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(what))
            .unwrap();
        let kib: u32 = line.trim().strip_suffix(" kB").unwrap().parse().unwrap();
        f64::from(kib) / 1024.0
    }
}

/// The binary, configured for this portal and store, with only the copy rule.
pub fn configured(portal: &Served, store: &Path) -> Command {
    let seed = portal.portal.seed();
    let mut command = Command::new(BINARY);
    command
        .env_clear()
        .env("DOCSPACE_API_HOST", &portal.address)
        .env("DOCSPACE_API_KEY", portal.portal.api_key())
        .env("DOCSPACE_WEBHOOK_SECRET", SECRET)
        .env("SHARED_WITH_CLIENT_ROOM_ID", seed.client_room.as_str())
        .env(
            "INTERNAL_PROCESSING_FOLDER_ID",
            seed.internal_folder.as_str(),
        )
        .env("DATABASE_URL", format!("sqlite://{}", store.display()));
    command
}

/// The body of a page that is answered with 200, or with 404 where only being there counts.
pub async fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let is_there = answer.starts_with("HTTP/1.1 200") || (path == "/" && !answer.is_empty());
    is_there.then_some(answer)
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

/// Waits until so many copies have arrived.
pub async fn copies_arrived(portal: &Portal, count: usize) {
    while portal.files_in(&portal.seed().internal_folder).len() < count {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
