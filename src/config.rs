//! Configuration: the only code that reads the environment.
//!
//! The variables are read as name/value pairs into a raw struct, and turned into a checked [`Config`] by
//! one conversion that reports every problem at once. Tests pass pairs.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::event::Trigger;
use crate::ids::FolderId;
use crate::rules::{CopyRule, InvoiceRule, Rule};
use crate::webhook::signature::WebhookSecret;

mod raw;

pub use raw::{EnvFileError, process_environment};

use raw::Raw;

/// `LISTEN_ADDR` when neither it nor `PORT` is set.
const LISTEN_ADDR: &str = "0.0.0.0:3000";

/// `ADMIN_ADDR` when it is not set.
const ADMIN_ADDR: &str = "127.0.0.1:3001";

/// `DATABASE_URL` when it is not set.
const DATABASE_URL: &str = "sqlite://courier.db";

/// `INVOICE_TITLE_PREFIX` when it is not set.
const INVOICE_TITLE_PREFIX: &str = "invoice";

/// `ALLOWED_TRIGGERS` when it is not set.
const ALLOWED_TRIGGERS: &str = "file.uploaded,file.created";

/// `MAX_ATTEMPTS` when it is not set.
const MAX_ATTEMPTS: u32 = 12;

/// `RETENTION_DAYS` when it is not set.
const RETENTION_DAYS: u32 = 30;

/// `CATCH_UP_INTERVAL` when it is not set.
const CATCH_UP_INTERVAL: &str = "5m";

/// `RUST_LOG` when it is not set.
const RUST_LOG: &str = "info";

/// The shortest `CATCH_UP_INTERVAL`: each turn costs calls of the portal's budget.
const SHORTEST_CATCH_UP: Duration = Duration::from_secs(1);

/// Everything the service is told, checked.
#[derive(Debug)]
pub struct Config {
    /// The portal and the key to it.
    pub portal: Portal,
    /// `DOCSPACE_WEBHOOK_SECRET`: one, or several during a rotation.
    pub secrets: Vec<WebhookSecret>,
    /// `ALLOW_UNSIGNED`: deliveries without a signature header are accepted, too.
    pub unsigned: Unsigned,
    /// The rules of the environment.
    pub rules: Vec<Rule>,
    /// `DATABASE_URL`: the SQLite file.
    pub database: PathBuf,
    /// `LISTEN_ADDR` or `PORT`: the public listener.
    pub listen: SocketAddr,
    /// `ADMIN_ADDR`: the operator listener.
    pub admin: SocketAddr,
    /// `REQUIRE_HTTPS`: refuse what a proxy does not call https.
    pub transport: Transport,
    /// `MAX_ATTEMPTS`: attempts of an action before it is a dead letter.
    pub max_attempts: u32,
    /// `RETENTION_DAYS`: how long finished events are kept.
    pub retention: Duration,
    /// `CATCH_UP_INTERVAL`: how often the portal is asked for what never reached us.
    pub catch_up_interval: Duration,
    /// Things worth a warning that are no reason not to start.
    pub notices: Vec<String>,
}

/// A portal and the key to it.
#[derive(Debug)]
pub struct Portal {
    /// `DOCSPACE_API_HOST`.
    pub host: String,
    /// `DOCSPACE_API_KEY`.
    pub key: SecretString,
}

/// What to do about a delivery without a signature header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsigned {
    /// Refuse it.
    Refuse,
    /// Believe it; for development on one machine only.
    Accept,
}

/// What to do about a delivery that came over plain HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Take it; whoever stands before the listener decides.
    Any,
    /// Take only what `X-Forwarded-Proto` calls https.
    HttpsOnly,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines, one JSON object a line.
    Json,
}

/// `LOG_FORMAT` and `RUST_LOG`.
#[derive(Clone, Debug)]
pub struct Logging {
    /// `LOG_FORMAT`.
    pub format: LogFormat,
    /// `RUST_LOG`.
    pub filter: String,
}

/// One thing wrong with a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it and what to do.
    pub what: String,
}

/// Everything wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let plural = if count == 1 { "" } else { "s" };
        writeln!(formatter, "{count} problem{plural} in the configuration:\n")?;
        let width = self
            .problems
            .iter()
            .map(|problem| problem.variable.len())
            .max()
            .unwrap_or(0);
        for Problem { variable, what } in &self.problems {
            writeln!(formatter, "  {variable:width$}  {what}")?;
        }
        write!(formatter, "\nconfig.example.env shows every variable.")
    }
}

/// Collects problems while values are read.
#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, variable: &'static str, what: impl Into<String>) {
        self.0.push(Problem {
            variable,
            what: what.into(),
        });
    }

    fn require(&mut self, variable: &'static str, value: Option<String>, what: &str) -> String {
        value.unwrap_or_else(|| {
            self.add(variable, format!("is not set: {what}"));
            String::new()
        })
    }
}

impl Logging {
    /// Reads the variables of the log alone, so that even a wrong configuration can be logged.
    pub fn from_pairs(pairs: &[(String, String)]) -> Self {
        let value = |name: &str| {
            pairs
                .iter()
                .rfind(|(pair, value)| pair == name && !value.is_empty())
                .map(|(_, v)| v)
        };
        let json = value("LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
        Self {
            format: if json {
                LogFormat::Json
            } else {
                LogFormat::Text
            },
            filter: value("RUST_LOG")
                .map_or(RUST_LOG, String::as_str)
                .to_owned(),
        }
    }
}

/// Reads `DATABASE_URL` alone, for commands that need no more than the store.
pub fn database_from_pairs(pairs: &[(String, String)]) -> Result<PathBuf, ConfigError> {
    let mut problems = Problems::default();
    let raw = Raw::from_pairs(pairs, &mut problems);
    let path = database(&raw, &mut problems);
    problems
        .0
        .retain(|problem| ["DATABASE_URL", "DATABASE_URL_FILE"].contains(&problem.variable));
    if problems.0.is_empty() {
        Ok(path)
    } else {
        Err(ConfigError {
            problems: problems.0,
        })
    }
}

impl Config {
    /// Checks name/value pairs; later pairs win over earlier ones.
    pub fn from_pairs(pairs: &[(String, String)]) -> Result<Self, ConfigError> {
        let mut problems = Problems::default();
        let raw = Raw::from_pairs(pairs, &mut problems);
        let notices = notices(&raw);
        refuse_unsupported(&raw, &mut problems);

        let portal = portal(&raw, &mut problems);
        let secrets = secrets(&raw, &mut problems);
        let triggers = triggers(&raw, &mut problems);
        let copy = copy_rule(&raw, &triggers, &mut problems);
        let invoice = invoice_rule(&raw, &triggers, &mut problems);
        let listen = listen(&raw, &mut problems);
        let admin = address(
            "ADMIN_ADDR",
            raw.admin_addr.as_deref().unwrap_or(ADMIN_ADDR),
            &mut problems,
        );
        check_admin(&raw, admin, &mut problems);
        let unsigned = unsigned(&raw, listen, &mut problems);
        log_format(&raw, &mut problems);
        let config = Self {
            portal,
            secrets,
            unsigned,
            rules: copy.into_iter().chain(invoice).collect(),
            database: database(&raw, &mut problems),
            listen,
            admin,
            transport: if flag("REQUIRE_HTTPS", raw.require_https.as_deref(), &mut problems) {
                Transport::HttpsOnly
            } else {
                Transport::Any
            },
            max_attempts: number(
                "MAX_ATTEMPTS",
                raw.max_attempts.as_deref(),
                MAX_ATTEMPTS,
                &mut problems,
            ),
            retention: days(number(
                "RETENTION_DAYS",
                raw.retention_days.as_deref(),
                RETENTION_DAYS,
                &mut problems,
            )),
            catch_up_interval: catch_up_interval(&raw, &mut problems),
            notices,
        };
        if problems.0.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError {
                problems: problems.0,
            })
        }
    }
}

/// What is set and has no effect yet is said, never silently ignored.
fn notices(raw: &Raw) -> Vec<String> {
    let mut notices: Vec<String> = [
        ("SMTP_URL", &raw.smtp_url),
        ("MAIL_FROM", &raw.mail_from),
        ("NOTIFY_WEBHOOK_URL", &raw.notify_webhook_url),
        ("OPERATOR_EMAIL", &raw.operator_email),
        ("PIPELINE_URL", &raw.pipeline_url),
        ("PIPELINE_SECRET", &raw.pipeline_secret),
    ]
    .into_iter()
    .filter(|(_, value)| value.is_some())
    .map(|(name, _)| format!("{name} has no effect in this version: notifications are log lines"))
    .collect();
    let no_rule = raw.shared_with_client_room_id.is_none() && raw.client_root_id.is_none();
    if no_rule {
        notices.push(
            "no rule is configured: events are stored, and nothing is done about them".to_owned(),
        );
    }
    notices
}

/// What would change what a delivery or a rule means must not be passed over.
fn refuse_unsupported(raw: &Raw, problems: &mut Problems) {
    for (variable, value) in [
        ("RULES_FILE", &raw.rules_file),
        ("TLS_CERT_FILE", &raw.tls_cert_file),
        ("TLS_KEY_FILE", &raw.tls_key_file),
    ] {
        if value.is_some() {
            problems.add(variable, "is not supported by this version; leave it unset");
        }
    }
}

fn portal(raw: &Raw, problems: &mut Problems) -> Portal {
    let host = problems.require(
        "DOCSPACE_API_HOST",
        raw.docspace_api_host.clone(),
        "the portal's address, such as https://yourportal.onlyoffice.com",
    );
    let key = problems.require(
        "DOCSPACE_API_KEY",
        raw.docspace_api_key.clone(),
        "an API key (sk-…) or personal access token of the portal",
    );
    if !host.is_empty() {
        match reqwest::Url::parse(&host) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                if url.path() != "/" || url.query().is_some() {
                    problems.add(
                        "DOCSPACE_API_HOST",
                        "must end after the host name, without a path",
                    );
                }
            }
            _ => problems.add(
                "DOCSPACE_API_HOST",
                format!("is no address like https://yourportal.onlyoffice.com: {host}"),
            ),
        }
    }
    if key.chars().any(|character| !character.is_ascii_graphic()) {
        problems.add(
            "DOCSPACE_API_KEY",
            "contains white space or characters that no key has",
        );
    }
    Portal {
        host,
        key: key.into(),
    }
}

fn secrets(raw: &Raw, problems: &mut Problems) -> Vec<WebhookSecret> {
    problems
        .require(
            "DOCSPACE_WEBHOOK_SECRET",
            raw.docspace_webhook_secret.clone(),
            "the secret key of the webhook, as given to DocSpace",
        )
        .split_whitespace()
        .map(WebhookSecret::new)
        .collect()
}

fn triggers(raw: &Raw, problems: &mut Problems) -> Vec<Trigger> {
    let names = raw.allowed_triggers.as_deref().unwrap_or(ALLOWED_TRIGGERS);
    let triggers: Vec<Trigger> = names
        .split([',', ' '])
        .filter(|name| !name.is_empty())
        .map(Trigger::new)
        .collect();
    for trigger in &triggers {
        if !trigger.as_str().contains('.') {
            problems.add(
                "ALLOWED_TRIGGERS",
                format!("must list triggers such as file.uploaded, separated by commas; found: {trigger}"),
            );
        }
    }
    triggers
}

/// Two variables that mean something only together.
fn both(
    (one, one_value): (&'static str, Option<&str>),
    (other, other_value): (&'static str, Option<&str>),
    problems: &mut Problems,
) -> Option<(FolderId, FolderId)> {
    match (one_value, other_value) {
        (None, None) => None,
        (Some(_), None) => {
            problems.add(
                other,
                format!("is not set, but {one} is: the rule needs both"),
            );
            None
        }
        (None, Some(_)) => {
            problems.add(
                one,
                format!("is not set, but {other} is: the rule needs both"),
            );
            None
        }
        (Some(one), Some(other)) => Some((FolderId::new(one)?, FolderId::new(other)?)),
    }
}

fn copy_rule(raw: &Raw, triggers: &[Trigger], problems: &mut Problems) -> Option<Rule> {
    let (room, to) = both(
        (
            "SHARED_WITH_CLIENT_ROOM_ID",
            raw.shared_with_client_room_id.as_deref(),
        ),
        (
            "INTERNAL_PROCESSING_FOLDER_ID",
            raw.internal_processing_folder_id.as_deref(),
        ),
        problems,
    )?;
    if room == to {
        problems.add(
            "INTERNAL_PROCESSING_FOLDER_ID",
            "is the client room itself; uploads must go somewhere else",
        );
    }
    Some(
        CopyRule {
            room,
            to,
            triggers: triggers.to_vec(),
        }
        .into(),
    )
}

fn invoice_rule(raw: &Raw, triggers: &[Trigger], problems: &mut Problems) -> Option<Rule> {
    let rooms = both(
        ("CLIENT_ROOT_ID", raw.client_root_id.as_deref()),
        ("INCOMING_FOLDER_ID", raw.incoming_folder_id.as_deref()),
        problems,
    );
    if let Some(manager) = &raw.manager_email
        && !looks_like_an_address(manager)
    {
        problems.add("MANAGER_EMAIL", format!("is no e-mail address: {manager}"));
    }
    let (room, to) = rooms?;
    if room == to {
        problems.add(
            "INCOMING_FOLDER_ID",
            "is the client room itself; invoices must go somewhere else",
        );
    }
    Some(
        InvoiceRule {
            room,
            to,
            title_prefix: raw
                .invoice_title_prefix
                .clone()
                .unwrap_or_else(|| INVOICE_TITLE_PREFIX.to_owned()),
            manager: raw.manager_email.clone(),
            triggers: triggers.to_vec(),
        }
        .into(),
    )
}

fn looks_like_an_address(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
        && !text.contains(char::is_whitespace)
}

fn address(variable: &'static str, text: &str, problems: &mut Problems) -> SocketAddr {
    let full = if text.starts_with(':') {
        format!("0.0.0.0{text}")
    } else {
        text.to_owned()
    };
    let resolved = full
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next());
    resolved.unwrap_or_else(|| {
        problems.add(
            variable,
            format!("is no address like 127.0.0.1:3000: {text}"),
        );
        SocketAddr::from(([0, 0, 0, 0], 0))
    })
}

fn listen(raw: &Raw, problems: &mut Problems) -> SocketAddr {
    let from_port = raw.port.as_deref().and_then(|port| {
        let number = port.parse::<u16>().ok();
        if number.is_none() {
            problems.add("PORT", format!("is no port number: {port}"));
        }
        number
    });
    match (&raw.listen_addr, from_port) {
        (Some(text), port) => {
            let listen = address("LISTEN_ADDR", text, problems);
            if port.is_some_and(|port| port != listen.port()) {
                problems.add(
                    "PORT",
                    format!("contradicts LISTEN_ADDR, which is {text}; set one of them"),
                );
            }
            listen
        }
        (None, Some(port)) => SocketAddr::from(([0, 0, 0, 0], port)),
        (None, None) => address("LISTEN_ADDR", LISTEN_ADDR, problems),
    }
}

fn check_admin(raw: &Raw, admin: SocketAddr, problems: &mut Problems) {
    if !admin.ip().is_loopback() && raw.admin_token.is_none() {
        problems.add(
            "ADMIN_TOKEN",
            format!("is not set, and ADMIN_ADDR {admin} can be reached from other machines"),
        );
    }
}

fn unsigned(raw: &Raw, listen: SocketAddr, problems: &mut Problems) -> Unsigned {
    if !flag("ALLOW_UNSIGNED", raw.allow_unsigned.as_deref(), problems) {
        return Unsigned::Refuse;
    }
    if !listen.ip().is_loopback() {
        problems.add(
            "ALLOW_UNSIGNED",
            format!("is only allowed when LISTEN_ADDR is a loopback address, not {listen}"),
        );
    }
    Unsigned::Accept
}

fn flag(variable: &'static str, value: Option<&str>, problems: &mut Problems) -> bool {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("false" | "0" | "no" | "off") => false,
        Some("true" | "1" | "yes" | "on") => true,
        Some(other) => {
            problems.add(variable, format!("must be true or false, not {other}"));
            false
        }
    }
}

fn log_format(raw: &Raw, problems: &mut Problems) {
    if let Some(format) = &raw.log_format
        && !["text", "json"].contains(&format.to_ascii_lowercase().as_str())
    {
        problems.add("LOG_FORMAT", format!("must be text or json, not {format}"));
    }
}

fn database(raw: &Raw, problems: &mut Problems) -> PathBuf {
    let url = raw.database_url.as_deref().unwrap_or(DATABASE_URL);
    let path = url
        .strip_prefix("sqlite://")
        .or_else(|| url.strip_prefix("sqlite:"));
    match path.map(|path| path.split_once('?').map_or(path, |(path, _)| path)) {
        Some("") => problems.add("DATABASE_URL", "names no file; write sqlite://courier.db"),
        Some(path) => return PathBuf::from(path),
        None if url.starts_with("postgres") => {
            problems.add(
                "DATABASE_URL",
                "this version keeps its store in SQLite only; write sqlite://courier.db",
            );
        }
        None => problems.add("DATABASE_URL", "must look like sqlite://courier.db"),
    }
    PathBuf::new()
}

fn number(
    variable: &'static str,
    value: Option<&str>,
    default: u32,
    problems: &mut Problems,
) -> u32 {
    match value.map(str::parse::<u32>) {
        None => default,
        Some(Ok(number)) if number > 0 => number,
        Some(_) => {
            problems.add(variable, "must be a whole number above 0");
            default
        }
    }
}

fn days(days: u32) -> Duration {
    Duration::from_hours(24 * u64::from(days))
}

fn catch_up_interval(raw: &Raw, problems: &mut Problems) -> Duration {
    let text = raw
        .catch_up_interval
        .as_deref()
        .unwrap_or(CATCH_UP_INTERVAL);
    let interval = text.parse::<jiff::SignedDuration>().ok();
    match interval.and_then(|interval| Duration::try_from(interval).ok()) {
        Some(interval) if interval >= SHORTEST_CATCH_UP => interval,
        _ => {
            problems.add(
                "CATCH_UP_INTERVAL",
                format!("must be a time such as 5m or 90s, not {text}"),
            );
            Duration::ZERO
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: [(&str, &str); 3] = [
        ("DOCSPACE_API_HOST", "https://portal.example"),
        ("DOCSPACE_API_KEY", "sk-1"),
        ("DOCSPACE_WEBHOOK_SECRET", "One-Secret-1"),
    ];

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let pairs: Vec<_> = MINIMAL
            .iter()
            .chain(pairs)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Config::from_pairs(&pairs)
    }

    fn problems(pairs: &[(&str, &str)]) -> Vec<&'static str> {
        read(pairs)
            .unwrap_err()
            .problems
            .iter()
            .map(|problem| problem.variable)
            .collect()
    }

    #[test]
    fn defaults() {
        let config = read(&[]).unwrap();
        assert_eq!(config.listen.to_string(), LISTEN_ADDR);
        assert_eq!(config.admin.to_string(), ADMIN_ADDR);
        assert_eq!(config.database, PathBuf::from("courier.db"));
        assert_eq!(config.max_attempts, 12);
        assert_eq!(config.retention, Duration::from_hours(720));
        assert_eq!(config.catch_up_interval, Duration::from_mins(5));
        assert_eq!(config.unsigned, Unsigned::Refuse);
        assert_eq!(config.rules, []);
        assert_eq!(config.notices.len(), 1, "{:?}", config.notices);
    }

    #[test]
    fn the_example_is_loaded_and_shows_every_variable() {
        let text = include_str!("../config.example.env");
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config.example.env");
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("as it is", text.to_owned()),
            (
                "uncommented",
                text.replace("\n#", "\n").replace("\n ", "\n# "),
            ),
        ] {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            let mut pairs = process_environment(Some(&file)).unwrap();
            pairs.retain(|(name, _)| text_names(name));
            let config =
                Config::from_pairs(&pairs).unwrap_or_else(|error| panic!("{name}: {error}"));
            let rules: Vec<&str> = config.rules.iter().map(|rule| rule.name.as_str()).collect();
            assert_eq!(rules, ["copy", "invoice"], "{path}");
            assert_eq!(config.notices, Vec::<String>::new());
        }
    }

    fn text_names(name: &str) -> bool {
        include_str!("../config.example.env").contains(&format!("{name}="))
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let error = Config::from_pairs(&[
            ("DOCSPACE_API_HOST".to_owned(), "portal.example".to_owned()),
            ("SHARED_WITH_CLIENT_ROOM_ID".to_owned(), "1".to_owned()),
            ("PORT".to_owned(), "x".to_owned()),
        ])
        .unwrap_err();
        let names: Vec<&str> = error
            .problems
            .iter()
            .map(|problem| problem.variable)
            .collect();
        assert_eq!(
            names,
            [
                "DOCSPACE_API_KEY",
                "DOCSPACE_API_HOST",
                "DOCSPACE_WEBHOOK_SECRET",
                "INTERNAL_PROCESSING_FOLDER_ID",
                "PORT"
            ]
        );
        assert!(
            error
                .to_string()
                .starts_with("5 problems in the configuration:\n"),
            "{error}"
        );
    }

    #[test]
    fn the_store_alone() {
        let check = |variable: &str, value: &str| {
            database_from_pairs(&[(variable.to_owned(), value.to_owned())])
        };
        let path = |path: &str| Ok(PathBuf::from(path));
        assert_eq!(database_from_pairs(&[]), path("courier.db"));
        assert_eq!(check("DATABASE_URL", "sqlite://a.db"), path("a.db"));
        assert_eq!(check("PORT", "nonsense"), path("courier.db"));
        assert_eq!(check("ADMIN_TOKEN_FILE", "/no/such"), path("courier.db"));
        let error = check("DATABASE_URL", "a.db").unwrap_err();
        assert_eq!(error.problems[0].variable, "DATABASE_URL");
        let error = check("DATABASE_URL_FILE", "/no/such").unwrap_err();
        assert_eq!(error.problems[0].variable, "DATABASE_URL_FILE");
    }

    #[test]
    fn contradictions_and_nonsense() {
        let check = |pairs: &[(&str, &str)], expected: &[&str]| {
            assert_eq!(problems(pairs), expected, "{pairs:?}");
        };
        check(&[("LISTEN_ADDR", "127.0.0.1:1"), ("PORT", "2")], &["PORT"]);
        check(&[("LISTEN_ADDR", "nowhere")], &["LISTEN_ADDR"]);
        check(&[("ADMIN_ADDR", "0.0.0.0:3001")], &["ADMIN_TOKEN"]);
        check(&[("ALLOW_UNSIGNED", "true")], &["ALLOW_UNSIGNED"]);
        check(&[("ALLOW_UNSIGNED", "maybe")], &["ALLOW_UNSIGNED"]);
        check(&[("CLIENT_ROOT_ID", "1")], &["INCOMING_FOLDER_ID"]);
        check(&[("INCOMING_FOLDER_ID", "1")], &["CLIENT_ROOT_ID"]);
        check(
            &[("CLIENT_ROOT_ID", "1"), ("INCOMING_FOLDER_ID", "1")],
            &["INCOMING_FOLDER_ID"],
        );
        check(&[("MANAGER_EMAIL", "nobody")], &["MANAGER_EMAIL"]);
        check(
            &[("DATABASE_URL", "postgres://db/courier")],
            &["DATABASE_URL"],
        );
        check(&[("DATABASE_URL", "courier.db")], &["DATABASE_URL"]);
        check(&[("DATABASE_URL", "sqlite://")], &["DATABASE_URL"]);
        check(
            &[("MAX_ATTEMPTS", "0"), ("RETENTION_DAYS", "-1")],
            &["MAX_ATTEMPTS", "RETENTION_DAYS"],
        );
        check(&[("CATCH_UP_INTERVAL", "soon")], &["CATCH_UP_INTERVAL"]);
        check(&[("CATCH_UP_INTERVAL", "-5m")], &["CATCH_UP_INTERVAL"]);
        check(&[("LOG_FORMAT", "xml")], &["LOG_FORMAT"]);
        check(&[("RULES_FILE", "rules.toml")], &["RULES_FILE"]);
        check(&[("ALLOWED_TRIGGERS", "uploads")], &["ALLOWED_TRIGGERS"]);
        check(
            &[("ADMIN_TOKEN_FILE", "/does/not/exist")],
            &["ADMIN_TOKEN_FILE"],
        );
        check(
            &[("DOCSPACE_API_KEY_FILE", "/does/not/exist")],
            &["DOCSPACE_API_KEY_FILE"],
        );
        check(
            &[("DOCSPACE_API_HOST", "https://portal.example/rooms")],
            &["DOCSPACE_API_HOST"],
        );
    }

    #[test]
    fn what_is_fine() {
        let check = |pairs: &[(&str, &str)]| {
            read(pairs).unwrap_or_else(|error| panic!("{pairs:?}: {error}"))
        };
        let config = check(&[("LISTEN_ADDR", "127.0.0.1:0"), ("ALLOW_UNSIGNED", "true")]);
        assert_eq!(config.unsigned, Unsigned::Accept);
        assert_eq!(check(&[("PORT", "8080")]).listen.port(), 8080);
        assert_eq!(
            check(&[("LISTEN_ADDR", ":8080")]).listen.to_string(),
            "0.0.0.0:8080"
        );
        assert_eq!(
            check(&[("DATABASE_URL", "sqlite:///var/c.db")]).database,
            PathBuf::from("/var/c.db")
        );
        assert_eq!(
            check(&[("CATCH_UP_INTERVAL", "90s")]).catch_up_interval,
            Duration::from_secs(90)
        );
        assert_eq!(
            check(&[("DOCSPACE_WEBHOOK_SECRET", "One-Secret-1 Two-Secret-2")])
                .secrets
                .len(),
            2
        );
        assert_eq!(
            check(&[("SMTP_URL", "smtp://mail"), ("PORT", "")])
                .notices
                .len(),
            2
        );
    }

    #[test]
    fn a_secret_may_stand_in_a_file_and_is_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "From-A-File-1\n").unwrap();
        let pairs = [
            ("DOCSPACE_API_HOST", "https://portal.example"),
            ("DOCSPACE_API_KEY", "sk-hidden"),
            ("DOCSPACE_WEBHOOK_SECRET_FILE", file.to_str().unwrap()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::from_pairs(&pairs).unwrap();
        let signature = config.secrets[0].sign(b"{}");
        assert_eq!(signature, WebhookSecret::new("From-A-File-1").sign(b"{}"));
        let printed = format!("{config:?}");
        assert!(
            !printed.contains("hidden") && !printed.contains("From-A-File"),
            "{printed}"
        );
    }
}
