//! The configuration as a whole. Each test sets some variables.

mod findings;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::db::Location;
use crate::signature::WebhookSecret;
use crate::webhook::UnsignedPolicy;

use super::variables::VARIABLES;
use super::{Config, ConfigError, Settings, env_file};

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

fn problems(pairs: &[(&str, &str)]) -> Vec<String> {
    let problems = read(pairs).unwrap_err().problems;
    problems
        .into_iter()
        .map(|problem| problem.subject)
        .collect()
}

#[test]
fn defaults() {
    let config = read(&[]).unwrap();
    assert_eq!(config.public.address.to_string(), "[::]:3000");
    assert_eq!(config.admin.address.to_string(), "127.0.0.1:3001");
    assert_eq!(config.database, file("courier.db"));
    assert_eq!(config.limits.max_attempts, 12);
    assert_eq!(config.limits.retention, Duration::from_hours(720));
    assert_eq!(config.limits.catch_up_interval, Duration::from_mins(5));
    assert_eq!(config.public.unsigned, UnsignedPolicy::Refuse);
    assert_eq!(config.rules, []);
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
}

#[test]
fn the_example_is_loaded_and_shows_every_variable() {
    let text = include_str!("../../config.example.env");
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
        let mut pairs = env_file::read(&file).unwrap();
        let error = Config::from_pairs(&pairs).unwrap_err();
        let [problem] = error.problems.as_slice() else {
            panic!("{name}: {error}")
        };
        assert!(
            problem.message.contains("is the example's"),
            "{name}: {error}"
        );
        pairs.push((
            "DOCSPACE_WEBHOOK_SECRET".to_owned(),
            "One-Secret-1".to_owned(),
        ));
        let config = Config::from_pairs(&pairs).unwrap_or_else(|error| panic!("{name}: {error}"));
        let rules: Vec<&str> = config.rules.iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(rules, ["copy", "invoice"], "{path}");
        // The example names a manager and, unless that is uncommented, no mail server.
        let warned: Vec<&str> = config
            .warnings
            .iter()
            .map(|it| it.subject.as_str())
            .collect();
        let expected: &[&str] = if config.notifications.mail.is_some() {
            &[]
        } else {
            &["SMTP_URL"]
        };
        assert_eq!(warned, expected, "{name}");
    }
    for variable in VARIABLES {
        let mut lines = [format!("{variable}="), format!("{variable}_FILE=")].into_iter();
        let is_shown = lines.any(|line| text.contains(&line));
        assert!(is_shown, "{variable} is missing from {path}");
    }
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
        .map(|problem| problem.subject.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "DOCSPACE_API_HOST",
            "DOCSPACE_API_KEY",
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
fn a_part_is_read_however_wrong_other_parts_are() {
    let check = |variable: &str, value: &str| {
        Settings::from_pairs(&[(variable.to_owned(), value.to_owned())]).database()
    };
    let path = |path: &str| Ok(file(path));
    assert_eq!(Settings::from_pairs(&[]).database(), path("courier.db"));
    assert_eq!(check("DATABASE_URL", "sqlite://a.db"), path("a.db"));
    assert_eq!(check("PORT", "nonsense"), path("courier.db"));
    assert_eq!(check("ADMIN_TOKEN_FILE", "/no/such"), path("courier.db"));
    let error = check("DATABASE_URL", "a.db").unwrap_err();
    assert_eq!(error.problems[0].subject, "DATABASE_URL");
    let error = check("DATABASE_URL_FILE", "/no/such").unwrap_err();
    assert_eq!(error.problems[0].subject, "DATABASE_URL_FILE");
}

#[test]
fn an_empty_file_is_a_problem_and_a_missing_one_is_reported_once() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "\n").unwrap();
    for (path, what) in [
        (&*empty, "is empty"),
        (Path::new("/no/such"), "cannot read"),
    ] {
        let path = path.to_str().unwrap().to_owned();
        let settings = Settings::from_pairs(&[("DOCSPACE_API_KEY_FILE".to_owned(), path)]);
        let findings = settings.parts().findings;
        let of_key: Vec<_> = findings
            .iter()
            .filter(|finding| finding.subject.starts_with("DOCSPACE_API_KEY"))
            .collect();
        assert_eq!(of_key.len(), 1, "{findings:?}");
        assert_eq!(of_key[0].subject, "DOCSPACE_API_KEY_FILE");
        assert!(of_key[0].message.contains(what), "{of_key:?}");
    }
}

#[test]
fn contradictions_and_values_that_are_not_valid() {
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
    check(
        &[
            ("CLIENT_ROOT_ID", "1"),
            ("INCOMING_FOLDER_ID", "2"),
            ("INVOICE_TITLE_PREFIX", "\u{200b}"),
        ],
        &["INVOICE_TITLE_PREFIX"],
    );
    check(&[("MANAGER_EMAIL", "nobody")], &["MANAGER_EMAIL"]);
    check(
        &[("OPERATOR_EMAIL", "a@x.example, b@")],
        &["OPERATOR_EMAIL"],
    );
    check(&[("TIME_ZONE", "Berlin")], &["TIME_ZONE"]);
    check(
        &[("NOTIFY_WEBHOOK_URL", "https://api.telegram.org/bot1:x")],
        &["NOTIFY_WEBHOOK_URL"],
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
fn valid_values() {
    let check =
        |pairs: &[(&str, &str)]| read(pairs).unwrap_or_else(|error| panic!("{pairs:?}: {error}"));
    let config = check(&[("LISTEN_ADDR", "127.0.0.1:0"), ("ALLOW_UNSIGNED", "true")]);
    assert_eq!(config.public.unsigned, UnsignedPolicy::Accept);
    assert_eq!(check(&[("PORT", "8080")]).public.address.port(), 8080);
    assert_eq!(
        check(&[("LISTEN_ADDR", ":8080")])
            .public
            .address
            .to_string(),
        "[::]:8080"
    );
    assert_eq!(
        check(&[("DATABASE_URL", "sqlite:///var/c.db")]).database,
        file("/var/c.db")
    );
    assert_eq!(
        check(&[("CATCH_UP_INTERVAL", "90s")])
            .limits
            .catch_up_interval,
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
            .warnings
            .len(),
        2
    );
}

#[test]
fn a_secret_may_be_in_a_file_and_is_never_printed() {
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
