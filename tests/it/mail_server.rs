//! A real mail server for the tests: Python's `aiosmtpd`, as a process of its own.
//!
//! Its packages are installed into `target/mail-venv` by the first test that needs them. Without Python
//! these tests fail; they are never skipped.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use docspace_courier::notify::mail::{Mailer, Security, SmtpSettings};
use serde_json::Value;

use crate::bounds::until;

/// How long a mail may take to arrive once it was sent.
const BOUND: Duration = Duration::from_secs(20);

/// A Python with the packages of `tests/mail/requirements.txt`.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(install)
}

fn install() -> PathBuf {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let requirements = project.join("tests/mail/requirements.txt");
    let venv = project.join("target/mail-venv");
    let python = venv.join("bin/python");
    let wanted = std::fs::read_to_string(&requirements).unwrap();
    std::fs::create_dir_all(&venv).unwrap();
    // Another test run may be at it, too.
    let lock = File::create(venv.join("lock")).unwrap();
    lock.lock().unwrap();
    let installed = venv.join("installed.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return python;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv));
    run(Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .arg("-r")
        .arg(&requirements));
    std::fs::write(&installed, wanted).unwrap();
    python
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| {
        panic!("the tests of mail need python3 with venv and pip; {command:?}: {error}")
    });
    assert!(
        output.status.success(),
        "the tests of mail need python3 with venv and pip; {command:?} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

/// Runs a script of `tests/mail` with this input; its complaint, if it has one.
pub fn ask_python(script: &str, input: &str) -> Result<(), String> {
    let mut process = Command::new(python())
        .arg(script_path(script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = process.wait_with_output().unwrap();
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn script_path(script: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/mail")
        .join(script)
}

/// A mail that arrived, as Python's mail reader understands it.
#[derive(Clone, Debug)]
pub struct Mail(Value);

impl Mail {
    pub fn to(&self) -> &str {
        self.0["to"][0].as_str().unwrap()
    }

    pub fn user(&self) -> Option<&str> {
        self.0["user"].as_str()
    }

    pub fn encrypted(&self) -> bool {
        self.0["tls"].as_bool().unwrap()
    }

    /// A header that must be there once.
    pub fn header(&self, name: &str) -> &str {
        let headers = self.0["headers"].as_array().unwrap();
        let mut found = headers.iter().filter(|header| header[0] == name);
        let value = found
            .next()
            .unwrap_or_else(|| panic!("no {name}: {self:?}"));
        assert!(found.next().is_none(), "two of {name}: {self:?}");
        value[1].as_str().unwrap()
    }

    pub fn header_names(&self) -> Vec<String> {
        let headers = self.0["headers"].as_array().unwrap();
        headers
            .iter()
            .map(|header| header[0].as_str().unwrap().to_owned())
            .collect()
    }

    pub fn text(&self) -> &str {
        self.0["plain"].as_str().unwrap()
    }

    pub fn html(&self) -> &str {
        self.0["html"].as_str().unwrap()
    }
}

/// A running mail server; it ends with the test.
pub struct MailServer {
    process: Child,
    pub port: u16,
    /// The certificate of its authority, where it speaks TLS.
    pub authority: Option<String>,
    said: Arc<Mutex<Vec<Value>>>,
}

impl MailServer {
    /// Starts one with these options of `tests/mail/server.py`.
    pub fn start(options: &[&str]) -> Self {
        let mut process = Command::new(python())
            .arg(script_path("server.py"))
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .map(|line| serde_json::from_str::<Value>(&line).unwrap());
        let first = lines.next().expect("the mail server says where it is");
        let said = Arc::new(Mutex::new(Vec::new()));
        let saying = Arc::clone(&said);
        std::thread::spawn(move || lines.for_each(|line| saying.lock().unwrap().push(line)));
        Self {
            process,
            port: first["port"].as_u64().unwrap().try_into().unwrap(),
            authority: first["ca"].as_str().map(str::to_owned),
            said,
        }
    }

    /// What a mailer needs to send through a server at this port, without TLS and login.
    pub fn plain(port: u16) -> SmtpSettings {
        SmtpSettings {
            host: "127.0.0.1".to_owned(),
            port,
            security: Security::Plain,
            login: None,
            from: "Courier <courier@example.com>".parse().unwrap(),
            trusted: None,
        }
    }

    /// A mailer for this server, without TLS and login.
    pub fn mailer(&self) -> Mailer {
        Mailer::new(Self::plain(self.port)).unwrap()
    }

    /// The mails that have arrived, once there are this many of them.
    pub async fn mails(&self, count: usize) -> Vec<Mail> {
        until(BOUND, "the mails have arrived", async || {
            self.arrived().len() >= count
        })
        .await;
        let mails = self.arrived();
        assert_eq!(mails.len(), count, "{mails:?}");
        mails
    }

    fn arrived(&self) -> Vec<Mail> {
        let said = self.said.lock().unwrap();
        let mails = said.iter().filter(|line| line.get("from").is_some());
        mails.cloned().map(Mail).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
