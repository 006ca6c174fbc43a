//! Configuration: the only code that reads the environment.
//!
//! The variables are read as name/value pairs into a raw struct, and turned into a checked [`Config`] by
//! one conversion that reports every problem at once. Tests pass pairs.

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::SecretString;

use crate::db::Location;
use crate::pipeline;
use crate::rules::Rule;
use crate::server::tls::TlsFiles;
use crate::signature::WebhookSecret;
use crate::telemetry::{LogFormat, Logging};
use crate::webhook::{TransportPolicy, UnsignedPolicy};

// Text, then values, then the whole.
mod raw;

mod problems;

mod mail;
mod notify;
mod rules;
mod rules_file;
mod tls;
mod values;

pub use notify::NotificationConfig;
pub use problems::{ConfigError, Problem};
pub use raw::{EnvFileError, process_environment};
pub use rules::{Rules, RulesSource};

use problems::Problems;
use raw::Raw;

/// `RUST_LOG` when it is not set.
const RUST_LOG: &str = "info";

/// Everything the service is told, checked.
#[derive(Debug)]
pub struct Config {
    /// The portal and the key to it.
    pub portal: PortalConfig,
    /// `DOCSPACE_WEBHOOK_SECRET`: one, or several during a rotation.
    pub secrets: Vec<WebhookSecret>,
    /// `ALLOW_UNSIGNED`: deliveries without a signature header are accepted, too.
    pub unsigned: UnsignedPolicy,
    /// The rules of the environment and of `RULES_FILE`, in this order.
    pub rules: Vec<Rule>,
    /// The pipelines that rules of the file call, by their keys.
    pub pipelines: Vec<(String, pipeline::PipelineSettings)>,
    /// Where the rules come from.
    pub rules_source: RulesSource,
    /// Mail, chat, pipeline and operators.
    pub tell: NotificationConfig,
    /// `DATABASE_URL` and `DATABASE_CA_FILE`: where the store is.
    pub database: Location,
    /// `LISTEN_ADDR` or `PORT`: the public listener.
    pub listen: SocketAddr,
    /// `ADMIN_ADDR`: the operator listener.
    pub admin: SocketAddr,
    /// `ADMIN_TOKEN`: what the operator listener asks for before it changes anything.
    pub admin_token: Option<SecretString>,
    /// `TLS_CERT_FILE` and `TLS_KEY_FILE`: the public listener speaks HTTPS itself.
    pub tls: Option<TlsFiles>,
    /// `REQUIRE_HTTPS`: refuse what a proxy does not call https.
    pub transport: TransportPolicy,
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
pub struct PortalConfig {
    /// `DOCSPACE_API_HOST`.
    pub host: String,
    /// `DOCSPACE_API_KEY`.
    pub key: SecretString,
}

/// Reads `LOG_FORMAT` and `RUST_LOG` alone, so that even an invalid configuration can be logged.
pub fn logging_from_pairs(pairs: &[(String, String)]) -> Logging {
    let value = |name: &str| {
        pairs
            .iter()
            .rfind(|(pair, value)| pair == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    };
    let json = value("LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    Logging {
        format: if json {
            LogFormat::Json
        } else {
            LogFormat::Text
        },
        filter: value("RUST_LOG").unwrap_or(RUST_LOG).to_owned(),
    }
}

/// Reads `DATABASE_URL` alone, for commands that need no more than the store.
pub fn database_from_pairs(pairs: &[(String, String)]) -> Result<Location, ConfigError> {
    let mut problems = Problems::default();
    let raw = Raw::from_pairs(pairs, &mut problems);
    let path = values::database(&raw, &mut problems);
    problems.keep_only(&["DATABASE_URL", "DATABASE_URL_FILE", "DATABASE_CA_FILE"]);
    problems.or(path)
}

/// Reads `ADMIN_ADDR` alone, for asking a running service how it is.
pub fn admin_from_pairs(pairs: &[(String, String)]) -> Result<SocketAddr, ConfigError> {
    let mut problems = Problems::default();
    let raw = Raw::from_pairs(pairs, &mut problems);
    let admin = values::admin(&raw, &mut problems);
    problems.keep_only(&["ADMIN_ADDR"]);
    problems.or(admin)
}

/// Reads `DOCSPACE_API_HOST` and `DOCSPACE_API_KEY` alone, for commands that need no more than the portal.
pub fn portal_from_pairs(pairs: &[(String, String)]) -> Result<PortalConfig, ConfigError> {
    let mut problems = Problems::default();
    let raw = Raw::from_pairs(pairs, &mut problems);
    let portal = values::portal(&raw, &mut problems);
    problems.keep_only(&[
        "DOCSPACE_API_HOST",
        "DOCSPACE_API_HOST_FILE",
        "DOCSPACE_API_KEY",
        "DOCSPACE_API_KEY_FILE",
    ]);
    problems.or(portal)
}

/// Reads `DOCSPACE_WEBHOOK_SECRET` alone, for commands that need no more than the secrets.
pub fn secrets_from_pairs(pairs: &[(String, String)]) -> Result<Vec<WebhookSecret>, ConfigError> {
    let mut problems = Problems::default();
    let raw = Raw::from_pairs(pairs, &mut problems);
    let secrets = values::secrets(&raw, &mut problems);
    problems.keep_only(&["DOCSPACE_WEBHOOK_SECRET", "DOCSPACE_WEBHOOK_SECRET_FILE"]);
    problems.or(secrets)
}

/// The rules that can be understood, however wrong other variables are; for `check`, which looks at each
/// part by itself and has the problems from [`Config::from_pairs`].
pub fn rules_from_pairs(pairs: &[(String, String)]) -> Rules {
    let mut problems = Problems::default();
    let raw = Raw::from_pairs(pairs, &mut problems);
    rules::rules(&raw, pairs, &mut problems)
}

/// Reads the rules alone, for commands that need no more; whatever is wrong with them is an error.
pub fn checked_rules_from_pairs(pairs: &[(String, String)]) -> Result<Rules, ConfigError> {
    let raw = Raw::from_pairs(pairs, &mut Problems::default());
    RulesSource::new(pairs, &raw, &mut Problems::default()).read()
}

impl Config {
    /// Checks name/value pairs; later pairs win over earlier ones.
    pub fn from_pairs(pairs: &[(String, String)]) -> Result<Self, ConfigError> {
        let mut problems = Problems::default();
        let raw = Raw::from_pairs(pairs, &mut problems);
        let portal = values::portal(&raw, &mut problems);
        let secrets = values::secrets(&raw, &mut problems);
        // Before the rules are read, so that a change in between is noticed.
        let rules_source = RulesSource::new(pairs, &raw, &mut problems);
        let Rules { rules, pipelines } = rules::rules(&raw, pairs, &mut problems);
        let listen = values::listen(&raw, &mut problems);
        values::check_log_format(&raw, &mut problems);
        let tls = tls::tls(&raw, &mut problems);
        let config = Self {
            portal,
            secrets,
            unsigned: values::unsigned(&raw, listen, &mut problems),
            rules,
            pipelines,
            rules_source,
            tell: notify::tell(&raw, &mut problems),
            database: values::database(&raw, &mut problems),
            listen,
            admin: values::admin(&raw, &mut problems),
            admin_token: raw.admin_token.clone().map(SecretString::from),
            transport: values::transport(&raw, tls.is_some(), &mut problems),
            tls,
            max_attempts: values::max_attempts(&raw, &mut problems),
            retention: values::retention(&raw, &mut problems),
            catch_up_interval: values::catch_up_interval(&raw, &mut problems),
            notices: values::notices(&raw),
        };
        problems.or(config)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

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
        assert_eq!(config.listen.to_string(), "0.0.0.0:3000");
        assert_eq!(config.admin.to_string(), "127.0.0.1:3001");
        assert_eq!(config.database, file("courier.db"));
        assert_eq!(config.max_attempts, 12);
        assert_eq!(config.retention, Duration::from_hours(720));
        assert_eq!(config.catch_up_interval, Duration::from_mins(5));
        assert_eq!(config.unsigned, UnsignedPolicy::Refuse);
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

    fn file(path: &str) -> Location {
        Location::File(PathBuf::from(path))
    }

    #[test]
    fn the_store_alone() {
        let check = |variable: &str, value: &str| {
            database_from_pairs(&[(variable.to_owned(), value.to_owned())])
        };
        let path = |path: &str| Ok(file(path));
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
            &[("OPERATOR_EMAIL", "a@x.example, b@")],
            &["OPERATOR_EMAIL"],
        );
        check(&[("SMTP_URL", "smtp://mail.example")], &["MAIL_FROM"]);
        check(&[("MAIL_FROM", "no address")], &["MAIL_FROM"]);
        check(&[("SMTP_CA_FILE", "/does/not/exist")], &["SMTP_CA_FILE"]);
        check(
            &[("NOTIFY_WEBHOOK_URL", "chat.example")],
            &["NOTIFY_WEBHOOK_URL"],
        );
        check(
            &[("PIPELINE_URL", "ftp://pipeline.example")],
            &["PIPELINE_URL"],
        );
        check(
            &[
                ("PIPELINE_URL", "https://pipeline.example"),
                ("PIPELINE_SECRET", "whsec_!"),
            ],
            &["PIPELINE_SECRET"],
        );
        for url in [
            "mail.example",
            "http://mail.example",
            "smtp://",
            "smtp://user@mail.example",
        ] {
            check(
                &[("SMTP_URL", url), ("MAIL_FROM", "a@x.example")],
                &["SMTP_URL"],
            );
        }
        check(
            &[("DATABASE_URL", "postgres://db/courier?sslmode=maybe")],
            &["DATABASE_URL"],
        );
        check(
            &[("DATABASE_URL", "postgres:///courier")],
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
        check(&[("RULES_FILE", "/does/not/exist")], &["RULES_FILE"]);
        check(&[("RULES_RELOAD", "sometimes")], &["RULES_RELOAD"]);
        check(&[("ALLOWED_TRIGGERS", "uploads")], &["ALLOWED_TRIGGERS"]);
        check(&[("TLS_CERT_FILE", "/does/not/exist")], &["TLS_KEY_FILE"]);
        check(&[("TLS_KEY_FILE", "/does/not/exist")], &["TLS_CERT_FILE"]);
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
        assert_eq!(config.unsigned, UnsignedPolicy::Accept);
        assert_eq!(check(&[("PORT", "8080")]).listen.port(), 8080);
        assert_eq!(
            check(&[("LISTEN_ADDR", ":8080")]).listen.to_string(),
            "0.0.0.0:8080"
        );
        assert_eq!(
            check(&[("DATABASE_URL", "sqlite:///var/c.db")]).database,
            file("/var/c.db")
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
            check(&[("OPERATOR_EMAIL", "op@x.example"), ("PORT", "")])
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
            ("SMTP_URL", "smtp://courier:hidden@mail.example"),
            ("MAIL_FROM", "courier@x.example"),
            ("NOTIFY_WEBHOOK_URL", "https://chat.example/hidden"),
            ("PIPELINE_URL", "https://hidden@pipeline.example"),
            ("PIPELINE_SECRET", "hidden"),
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
