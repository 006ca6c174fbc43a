//! Tests of single errors and warnings.

use super::super::{Config, Settings, env_file};
use super::{MINIMAL, read};
use crate::finding::Severity;
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
fn the_token_of_viewers_is_another_one() {
    let check = |viewers: &'static str, words: &'static str| {
        let pairs = [
            ("ADMIN_TOKEN", "0123456789abcdef"),
            ("ADMIN_VIEWER_TOKEN", viewers),
        ];
        finds(&pairs, Severity::Error, &[("ADMIN_VIEWER_TOKEN", words)]);
    };
    check("letmein", "fewer than 16 characters");
    check("0123456789abcdef", "the same as ADMIN_TOKEN");
    // Alone, it protects a listener on other addresses, on which nothing can be changed.
    let pairs = [
        ("ADMIN_VIEWER_TOKEN", "fedcba9876543210"),
        ("ADMIN_ADDR", "0.0.0.0:3001"),
    ];
    finds(&pairs, Severity::Error, &[]);
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
    let addresses = ("ADMIN_PROXY_ADDRS", "10.0.0.5");
    check(
        &[header, addresses, ("ADMIN_PROXY_ROLE_HEADER", "X Role")],
        ("ADMIN_PROXY_ROLE_HEADER", "is not a valid header name"),
    );
    check(
        &[("ADMIN_PROXY_ROLE_HEADER", "X-Role")],
        ("ADMIN_PROXY_HEADER", "is not set"),
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
            ("SMTP_URL", "smtp://127.0.0.1:25"),
            ("MAIL_FROM", "courier@x.example"),
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
        &[
            ("CLIENT_ROOT_ID", "7"),
            ("INCOMING_FOLDER_ID", "8"),
            ("INVOICE_TITLE_PREFIX", "bill # or receipt"),
            ("NOTIFY_WEBHOOK_URL", "https://chat.example/hook"),
        ],
        Severity::Warning,
        &[("INVOICE_TITLE_PREFIX", "contains “ #”")],
    );
}

#[test]
fn a_variable_without_effect_is_warned_of() {
    for (name, needed) in [
        ("MANAGER_EMAIL", "CLIENT_ROOT_ID"),
        ("INVOICE_TITLE_PREFIX", "CLIENT_ROOT_ID"),
        ("SMTP_HELO", "SMTP_URL"),
    ] {
        let value = "someone@mail.example";
        let words = format!("has no effect without {needed}");
        finds(&[(name, value)], Severity::Warning, &[(name, &words)]);
    }
}

#[test]
fn a_pipeline_that_no_rule_calls_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.toml");
    let rule =
        |action: &str| format!("[[rule]]\nname = \"a\"\ntriggers = [\"file.uploaded\"]\n{action}");
    for (action, expected) in [
        ("action = [{ call = true }]", None),
        (
            "action = [{ copy = 5 }]",
            Some(("PIPELINE_URL", "no rule calls")),
        ),
    ] {
        std::fs::write(&path, rule(action)).unwrap();
        let pairs = [
            ("PIPELINE_URL", "https://pipeline.example"),
            ("RULES_FILE", path.to_str().unwrap()),
        ];
        finds(&pairs, Severity::Warning, expected.as_slice());
    }
    let invoices = [
        ("PIPELINE_URL", "https://pipeline.example"),
        ("CLIENT_ROOT_ID", "7"),
        ("INCOMING_FOLDER_ID", "8"),
        ("NOTIFY_WEBHOOK_URL", "https://chat.example/hook"),
    ];
    finds(&invoices, Severity::Warning, &[]);
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
    let example = path("example.env", include_str!("../../../config.example.env"));
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

#[test]
fn notifications_that_reach_nobody_are_warned_of() {
    let invoice = [("CLIENT_ROOT_ID", "1"), ("INCOMING_FOLDER_ID", "2")];
    let check = |more: &[(&str, &str)], expected: &[(&str, &str)]| {
        let pairs: Vec<_> = invoice.iter().chain(more).copied().collect();
        finds(&pairs, Severity::Warning, expected);
    };
    let nobody = ("MANAGER_EMAIL", "nobody is notified");
    let manager = ("MANAGER_EMAIL", "manager@example.com");
    check(&[], &[nobody]);
    check(&[manager], &[("SMTP_URL", "are not sent")]);
    let server = [
        manager,
        ("SMTP_URL", "smtp://127.0.0.1:25"),
        ("MAIL_FROM", "courier@example.com"),
    ];
    check(&server, &[]);
    check(&[("NOTIFY_WEBHOOK_URL", "https://chat.example/hook")], &[]);
}
