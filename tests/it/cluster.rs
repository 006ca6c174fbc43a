//! A PostgreSQL cluster of this test process alone, in a temporary folder.
//!
//! However the test process ends, a guard stops the server and removes the folder.

use rusqlite::types::Value as Cell;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use postgres::types::Type;
use postgres::{Client, NoTls, Row};

use crate::process::free_address;
use crate::programs::{installed, program};

/// Settings for a quick start and many connections, without protection from power failures.
const SETTINGS: &str = "listen_addresses = '127.0.0.1'
fsync = off
full_page_writes = off
max_connections = 300
shared_buffers = 64MB
autovacuum_naptime = 5s
log_min_messages = warning
";

pub struct Cluster {
    binaries: PathBuf,
    folder: PathBuf,
    port: u16,
    /// Stops the server when this process ends and so closes its end of the pipe.
    _guard: Child,
}

impl Cluster {
    /// The cluster that all tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(""))
    }

    /// A separate cluster for a test that stops it. It lives as long as the process.
    pub fn own(settings: &str) -> &'static Self {
        Box::leak(Box::new(Self::start(settings)))
    }

    fn start(settings: &str) -> Self {
        let binaries = binaries();
        let folder = tempfile::Builder::new()
            .prefix("courier-postgres-")
            .tempdir()
            .unwrap()
            .keep();
        if as_server_user(Command::new("id")).get_program() != "id" {
            run_checked(Command::new("chown").arg("postgres").arg(&folder));
        }
        let port = free_address().port();
        let data = folder.join("data");
        let mut init = Command::new(binaries.join("initdb"));
        init.args(["--auth=trust", "--username=postgres", "--no-sync", "-E"])
            .args(["UTF8", "--locale=C.UTF-8", "-D"])
            .arg(&data)
            .current_dir(&folder);
        run_checked(&mut as_server_user(init));
        let conf = data.join("postgresql.conf");
        let mut conf = std::fs::File::options().append(true).open(conf).unwrap();
        let sockets = folder.display();
        write!(
            conf,
            "{SETTINGS}port = {port}\nunix_socket_directories = '{sockets}'\n{settings}\n"
        )
        .unwrap();

        let guard = guard(&binaries, &folder);
        let cluster = Self {
            binaries,
            folder,
            port,
            _guard: guard,
        };
        cluster.start_server();
        cluster
    }

    /// Starts the server.
    pub fn start_server(&self) {
        let log = self.folder.join("log");
        self.control(&["start", "-w", "-l", log.to_str().unwrap()]);
    }

    /// Stops the server as a power failure would.
    pub fn crash(&self) {
        self.control(&["stop", "-m", "immediate"]);
    }

    /// Stops every process of the server, as a paused machine would: connections stay open, and nothing answers.
    /// It continues when the returned value is dropped.
    pub fn freeze(&'static self) -> Frozen {
        // New processes come from the first one, so it is stopped first.
        let first = self.server_process();
        signal("STOP", std::slice::from_ref(&first));
        let children = format!("/proc/{first}/task/{first}/children");
        let children = std::fs::read_to_string(children).unwrap();
        let mut processes: Vec<String> = children.split_whitespace().map(str::to_owned).collect();
        signal("STOP", &processes);
        processes.push(first);
        Frozen(processes)
    }

    fn server_process(&self) -> String {
        let ids = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        ids.lines().next().unwrap().to_owned()
    }

    /// The folder of the cluster's files.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn control(&self, arguments: &[&str]) {
        let mut control = Command::new(self.binaries.join("pg_ctl"));
        control
            .arg("-D")
            .arg(self.data())
            .args(arguments)
            .current_dir(&self.folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let status = as_server_user(control).status().unwrap();
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        assert!(status.success(), "pg_ctl {arguments:?}:\n{log}");
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The port on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs statements in a database.
    pub fn run(&self, database: &str, statements: &str) {
        try_run(self.url(database), statements.to_owned()).unwrap();
    }
}

/// The stopped processes of a server.
pub struct Frozen(Vec<String>);

impl Drop for Frozen {
    fn drop(&mut self) {
        signal("CONT", &self.0);
    }
}

fn signal(name: &str, processes: &[String]) {
    // Every shell has `kill` built in; the program of that name is often missing.
    let mut kill = Command::new("sh");
    kill.args(["-c", r#"kill -s "$@""#, "sh", name])
        .args(processes);
    let sent = kill.status().unwrap();
    assert!(sent.success(), "{kill:?}");
}

/// Runs statements in the database with this address.
pub fn try_run(url: String, statements: String) -> Result<(), String> {
    on_own_thread(move || Client::connect(&url, NoTls)?.batch_execute(&statements))
}

/// The first column of a query's result, and the client for the next query.
pub fn ask(
    client: Option<Client>,
    url: String,
    question: String,
) -> Result<(Client, Vec<Cell>), String> {
    on_own_thread(move || {
        let mut client = match client {
            Some(client) => client,
            None => Client::connect(&url, NoTls)?,
        };
        let rows = client.query(&question, &[])?;
        let cells = rows.iter().map(first_cell).collect::<Result<_, _>>()?;
        Ok((client, cells))
    })
}

/// Runs work on its own thread, because this client must not block a thread of the runtime.
fn on_own_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, postgres::Error> + Send + 'static,
) -> Result<T, String> {
    let describe = |error: postgres::Error| format!("{error}: {:?}", error.as_db_error());
    std::thread::spawn(work).join().unwrap().map_err(describe)
}

fn first_cell(row: &Row) -> Result<Cell, postgres::Error> {
    let cell = match *row.columns()[0].type_() {
        Type::INT8 => row.try_get::<_, Option<i64>>(0)?.map(Cell::Integer),
        Type::INT4 => row
            .try_get::<_, Option<i32>>(0)?
            .map(|number| Cell::Integer(number.into())),
        _ => row.try_get::<_, Option<String>>(0)?.map(Cell::Text),
    };
    Ok(cell.unwrap_or(Cell::Null))
}

/// Runs a command of the server as the user of its package if this user is root, which the server refuses.
pub fn as_server_user(command: Command) -> Command {
    static ROOT: OnceLock<bool> = OnceLock::new();
    let root = *ROOT.get_or_init(|| {
        let id = Command::new("id").arg("-u").output().unwrap();
        id.stdout.trim_ascii() == b"0"
    });
    if !root {
        return command;
    }
    let mut as_user = Command::new("setpriv");
    as_user
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        as_user.current_dir(folder);
    }
    as_user
}

/// Starts a process that outlives this one briefly, however it ends, and then stops the server.
fn guard(binaries: &Path, folder: &Path) -> Child {
    let end = as_server_user(Command::new(binaries.join("pg_ctl")));
    let mut words: Vec<String> = vec![end.get_program().to_str().unwrap().to_owned()];
    words.extend(end.get_args().map(|word| word.to_str().unwrap().to_owned()));
    let script = format!(
        "cd /; read _; kill -CONT $(head -n 1 {folder}/data/postmaster.pid); \
         {} -D {folder}/data stop -m immediate >/dev/null 2>&1; rm -rf {folder}",
        words.join(" "),
        folder = folder.display(),
    );
    Command::new("setsid")
        .args(["sh", "-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The folder of PostgreSQL's `initdb` and `pg_ctl`.
fn binaries() -> PathBuf {
    installed();
    let known = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut folders: Vec<PathBuf> = known
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    folders.sort();
    folders
        .into_iter()
        .rfind(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
        .unwrap_or_else(|| {
            let initdb = program("initdb");
            let folder = Path::new(initdb.get_program()).parent().unwrap();
            folder.to_owned()
        })
}

/// Runs a command, which must succeed.
pub fn run_checked(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
