//! A real mail server for the tests: Python's `aiosmtpd` in its own process.
//!
//! The first test that needs them installs its packages into `target/mail-venv`. Without Python these tests
//! fail; they are never skipped.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use docspace_courier::notify::mail::{Mailer, Security, SmtpSettings};
use serde_json::Value;

use crate::bounds::until;

/// The longest that a mail may take to arrive.
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
    // Another test run may be installing them, too.
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
        panic!("the mail tests need python3 with venv and pip; {command:?}: {error}")
    });
    assert!(
        output.status.success(),
        "the mail tests need python3 with venv and pip; {command:?} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

/// Runs a script of `tests/mail` with this input; fails with what it prints on standard error.
pub fn run_python(script: &str, input: &str) -> Result<(), String> {
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

/// A mail that arrived, as parsed by Python.
#[derive(Clone, Debug)]
pub struct Mail(Value);

impl Mail {
    pub fn to(&self) -> &str {
        self.0["to"][0].as_str().unwrap()
    }

    pub fn user(&self) -> Option<&str> {
        self.0["user"].as_str()
    }

    /// How the client introduced itself.
    pub fn client(&self) -> &str {
        self.0["client"].as_str().unwrap()
    }

    pub fn encrypted(&self) -> bool {
        self.0["tls"].as_bool().unwrap()
    }

    /// The value of a header, which must occur once.
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

/// A running mail server, which is stopped when the test ends.
pub struct MailServer {
    process: Child,
    pub port: u16,
    /// The certificate of its authority, if it uses TLS.
    pub authority: Option<String>,
    printed: Arc<Mutex<Vec<Value>>>,
}

impl MailServer {
    /// Starts a server with these options of `tests/mail/server.py`.
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
        let first = lines.next().expect("the mail server prints its port");
        let printed = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&printed);
        std::thread::spawn(move || lines.for_each(|line| writer.lock().unwrap().push(line)));
        Self {
            process,
            port: first["port"].as_u64().unwrap().try_into().unwrap(),
            authority: first["ca"].as_str().map(str::to_owned),
            printed,
        }
    }

    /// The settings of a mailer for a server on this port, without TLS and login.
    pub fn plain(port: u16) -> SmtpSettings {
        SmtpSettings {
            host: "127.0.0.1".to_owned(),
            port,
            security: Security::Plain,
            login: None,
            from: "Courier <courier@example.com>".parse().unwrap(),
            trusted: None,
            helo: None,
        }
    }

    /// A mailer for this server, without TLS and login.
    pub fn mailer(&self) -> Mailer {
        Mailer::new(Self::plain(self.port)).unwrap()
    }

    /// Waits until this many mails have arrived, and returns them.
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
        let printed = self.printed.lock().unwrap();
        let mails = printed.iter().filter(|line| line.get("from").is_some());
        mails.cloned().map(Mail).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
