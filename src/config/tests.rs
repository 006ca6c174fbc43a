//! The configuration as a whole: each test sets some variables and expects the errors and warnings about them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::db::Location;
use crate::finding::Severity;
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
        assert_eq!(config.warnings, []);
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

/// Checks that these are the only errors, with their variables and some of their words.
#[track_caller]
fn finds(pairs: &[(&str, &str)], severity: Severity, expected: &[(&str, &str)]) {
    let pairs: Vec<_> = MINIMAL
        .iter()
        .chain(pairs)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut found = Settings::from_pairs(&pairs).parts().findings;
    found.retain(|finding| finding.severity == severity && finding.subject != "rules");
    let are_expected = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(finding, (subject, words))| {
                finding.subject == *subject && finding.message.contains(words)
            });
    assert!(are_expected, "{pairs:?}: {found:#?}");
}

#[test]
fn a_secret_that_docspace_does_not_accept_is_refused() {
    for (secret, words) in [
        ("a", "has 1 characters"),
        ("Secret-1 short", "has 5 characters"),
        ("0123456789012345678901234567890", "has 31 characters"),
        ("Größe-12345", "does not accept"),
        (
            "One-Secret-1 Two-Secret-2 Three-Secret-3",
            "must be one secret",
        ),
        (
            "Sandbox-Secret-1  # the secret of the webhook",
            "must be one secret",
        ),
        ("Sandbox-Secret-1 #rotating", "must be one secret"),
        (
            "# the-webhook-secret\nSandbox-Secret-1",
            "must be one secret",
        ),
        ("change-Me-1", "is the example's"),
        ("Another-Secret-2 change-Me-1", "is the example's"),
    ] {
        let pairs = [("DOCSPACE_WEBHOOK_SECRET", secret)];
        finds(
            &pairs,
            Severity::Error,
            &[("DOCSPACE_WEBHOOK_SECRET", words)],
        );
    }
    finds(
        &[("DOCSPACE_WEBHOOK_SECRET", "#Secret-1")],
        Severity::Error,
        &[],
    );
}

#[test]
fn an_id_that_is_none_is_refused() {
    for id in [
        "539564 # client room",
        "539564,539610",
        "https://portal/rooms/shared/filter?folder=539564",
        "0539564",
        "-1",
    ] {
        let pairs = [
            ("SHARED_WITH_CLIENT_ROOM_ID", id),
            ("INTERNAL_PROCESSING_FOLDER_ID", "drive-12-|1Zk3Qp"),
        ];
        finds(
            &pairs,
            Severity::Error,
            &[("SHARED_WITH_CLIENT_ROOM_ID", "is not the id of a room")],
        );
    }
    let quoted = [
        ("SHARED_WITH_CLIENT_ROOM_ID", "\"7\""),
        ("INTERNAL_PROCESSING_FOLDER_ID", "8"),
    ];
    finds(
        &quoted,
        Severity::Error,
        &[("SHARED_WITH_CLIENT_ROOM_ID", "is in quotes")],
    );
}

#[test]
fn a_trigger_that_docspace_does_not_know_is_refused() {
    for (triggers, words) in [
        (
            "file.uploaded; file.created",
            "contains file.uploaded;, which",
        ),
        ("[\"file.uploaded\"]", "which is not a trigger"),
        ("file.upload", "did you mean file.uploaded?"),
    ] {
        let pairs = [("ALLOWED_TRIGGERS", triggers)];
        finds(&pairs, Severity::Error, &[("ALLOWED_TRIGGERS", words)]);
    }
}

#[test]
fn a_short_token_is_refused() {
    let words = "fewer than 16 characters";
    finds(
        &[("ADMIN_TOKEN", "letmein")],
        Severity::Error,
        &[("ADMIN_TOKEN", words)],
    );
    finds(&[("ADMIN_TOKEN", "0123456789abcdef")], Severity::Error, &[]);
}

#[test]
fn a_proxy_that_authenticates_operators_has_a_header_and_addresses() {
    let header = ("ADMIN_PROXY_HEADER", "X-User");
    let check = |pairs: &[(&'static str, &'static str)], words: (&'static str, &'static str)| {
        finds(pairs, Severity::Error, &[words]);
    };
    check(&[header], ("ADMIN_PROXY_ADDRS", "is not set"));
    check(
        &[("ADMIN_PROXY_ADDRS", "10.0.0.5")],
        ("ADMIN_PROXY_HEADER", "is not set"),
    );
    check(
        &[header, ("ADMIN_PROXY_ADDRS", "10.0.0.5 proxy.example")],
        ("ADMIN_PROXY_ADDRS", "contains proxy.example"),
    );
    check(
        &[
            ("ADMIN_PROXY_HEADER", "X User"),
            ("ADMIN_PROXY_ADDRS", "10.0.0.5"),
        ],
        ("ADMIN_PROXY_HEADER", "is not a valid header name"),
    );
    // Then no token is needed on other addresses.
    let everywhere = ("ADMIN_ADDR", "0.0.0.0:3001");
    let pairs = [
        header,
        ("ADMIN_PROXY_ADDRS", "10.0.0.5, 10.1.0.0/16"),
        everywhere,
    ];
    finds(&pairs, Severity::Error, &[]);
    let local = [header, ("ADMIN_PROXY_ADDRS", "::1")];
    let words = "every program on it";
    finds(&local, Severity::Warning, &[("ADMIN_PROXY_ADDRS", words)]);
}

#[test]
fn a_log_filter_that_would_silence_the_log_is_refused() {
    for filter in ["infoo", "docspace_courier", "info,hyper", "info,hyper=loud"] {
        finds(
            &[("RUST_LOG", filter)],
            Severity::Error,
            &[("RUST_LOG", "")],
        );
    }
    for filter in [
        "INFO",
        "off",
        "3",
        "warn,docspace_courier=debug",
        "info,[attempt{id=1}]=trace",
    ] {
        finds(&[("RUST_LOG", filter)], Severity::Error, &[]);
    }
}

#[test]
fn a_login_in_an_address_is_neither_used_nor_shown() {
    for host in [
        "https://me:hunter2@portal.example",
        "https://me:hunter2@portal example",
    ] {
        finds(
            &[("DOCSPACE_API_HOST", host)],
            Severity::Error,
            &[("DOCSPACE_API_HOST", "a login")],
        );
        let error = read(&[("DOCSPACE_API_HOST", host)])
            .unwrap_err()
            .to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
    let mail = [
        ("SMTP_URL", "smtp://courier:12#ss@mail.example"),
        ("MAIL_FROM", "a@x.example"),
    ];
    finds(&mail, Severity::Error, &[("SMTP_URL", "percent-encode")]);
    let database = [(
        "DATABASE_URL",
        "postgres://courier:S3cret@Part#1@127.0.0.1/courier",
    )];
    finds(
        &database,
        Severity::Error,
        &[("DATABASE_URL", "more than one @")],
    );
}

#[test]
fn an_empty_secret_of_a_rule_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty"), "\u{feff}\n").unwrap();
    let rules = folder.path().join("rules.toml");
    for (call, words) in [
        (r#"secret_file = "empty""#, "empty is empty"),
        (r#"secret = """#, "is empty"),
        (r#"secret = "v1,secret whsec_7""#, "contains whsec_"),
    ] {
        let text = format!(
            "\u{feff}[[rule]]\nname = \"a\"\ntriggers = \"file.uploaded\"\n[[rule.action]]\n\
             call = {{ url = \"https://x.example\", {call} }}\n"
        );
        std::fs::write(&rules, text).unwrap();
        let pairs = [("RULES_FILE", rules.to_str().unwrap())];
        finds(&pairs, Severity::Error, &[("RULES_FILE", words)]);
    }
}

#[test]
fn development_settings_are_warned_of() {
    let pairs = [("LISTEN_ADDR", "127.0.0.1:0"), ("ALLOW_UNSIGNED", "true")];
    finds(
        &pairs,
        Severity::Warning,
        &[("ALLOW_UNSIGNED", "for development only")],
    );
    let mail = [
        ("SMTP_URL", "smtp://mail.example:25?tls=off"),
        ("MAIL_FROM", "a@x.example"),
    ];
    finds(&mail, Severity::Warning, &[("SMTP_URL", "in plain text")]);
    let mail = [
        ("SMTP_URL", "smtp://mail.example:25?tls=opportunistic"),
        ("MAIL_FROM", "a@x.example"),
    ];
    finds(&mail, Severity::Error, &[("SMTP_URL", "must end after")]);
}

#[test]
fn plain_text_to_another_machine_is_warned_of() {
    for variable in ["DOCSPACE_API_HOST", "NOTIFY_WEBHOOK_URL"] {
        finds(
            &[(variable, "http://x.example")],
            Severity::Warning,
            &[(variable, "plain text")],
        );
        finds(&[(variable, "http://127.0.0.1:80")], Severity::Warning, &[]);
    }
}

#[test]
fn a_mailbox_that_few_mail_servers_accept_is_warned_of() {
    let words = "only a mail server with SMTPUTF8";
    let pairs = |address| {
        [
            ("CLIENT_ROOT_ID", "7"),
            ("INCOMING_FOLDER_ID", "8"),
            ("MANAGER_EMAIL", address),
        ]
    };
    finds(
        &pairs("jörg@x.example"),
        Severity::Warning,
        &[("MANAGER_EMAIL", words)],
    );
    finds(&pairs("info@müller.example"), Severity::Warning, &[]);
}

#[test]
fn misspelt_names_and_comments_are_warned_of() {
    finds(
        &[("DOCSPACE_API_KYE", "1")],
        Severity::Warning,
        &[("DOCSPACE_API_KYE", "did you mean DOCSPACE_API_KEY?")],
    );
    finds(
        &[("INVOICE_TITLE_PREFIX", "bill # or receipt")],
        Severity::Warning,
        &[("INVOICE_TITLE_PREFIX", "contains “ #”")],
    );
}

#[test]
fn a_byte_order_mark_is_not_part_of_a_value() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("\u{feff}{text}")).unwrap();
        path
    };
    let env_file = path("courier.env", "REQUIRE_HTTPS=true\n");
    let pairs = env_file::read(&env_file).unwrap();
    assert_eq!(pairs, [("REQUIRE_HTTPS".to_owned(), "true".to_owned())]);
    let example = path("example.env", include_str!("../../config.example.env"));
    assert!(env_file::read(&example).is_ok());

    let secret = path("secret", "From-A-File-1\n");
    let pairs = [
        ("DOCSPACE_API_HOST", "https://portal.example"),
        ("DOCSPACE_API_KEY", "sk-1"),
        ("DOCSPACE_WEBHOOK_SECRET_FILE", secret.to_str().unwrap()),
    ];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::from_pairs(&pairs).unwrap();
    assert_eq!(config.secrets[0].expose(), "From-A-File-1");
}
