//! The variables of mail, chat, pipeline and operators.
//!
//! Their addresses may hold passwords and tokens, so no problem quotes one.

use lettre::Address;
use lettre::message::Mailbox;
use lettre::transport::smtp::client::Certificate;
use secrecy::SecretString;

use crate::notify::mail::{self, Security};
use crate::pipeline::{self, Signer};

use super::problems::Problems;
use super::raw::Raw;

/// The port of mail submission, where STARTTLS is spoken (RFC 6409).
const SUBMISSION: u16 = 587;

/// The port of mail submission over TLS (RFC 8314).
const SUBMISSIONS: u16 = 465;

/// Who is told, and by which ways.
#[derive(Debug, Default)]
pub struct Tell {
    /// `SMTP_URL`, `MAIL_FROM` and `SMTP_CA_FILE`; without them a notification is a line of the log.
    pub mail: Option<mail::Settings>,
    /// `NOTIFY_WEBHOOK_URL`.
    pub chat: Option<SecretString>,
    /// `PIPELINE_URL` and `PIPELINE_SECRET`.
    pub pipeline: Option<pipeline::Settings>,
    /// `OPERATOR_EMAIL`.
    pub operators: Vec<String>,
}

pub(super) fn tell(raw: &Raw, problems: &mut Problems) -> Tell {
    Tell {
        mail: mail(raw, problems),
        chat: web_address(
            "NOTIFY_WEBHOOK_URL",
            raw.notify_webhook_url.as_deref(),
            problems,
        ),
        pipeline: pipeline(raw, problems),
        operators: addresses("OPERATOR_EMAIL", raw.operator_email.as_deref(), problems),
    }
}

/// What has no effect because something else is not set.
pub(super) fn notices(raw: &Raw) -> Vec<String> {
    let without = |name: &str, value: &Option<String>, missing: &str, other: &Option<String>| {
        (value.is_some() && other.is_none())
            .then(|| format!("{name} has no effect without {missing}"))
    };
    [
        without(
            "OPERATOR_EMAIL",
            &raw.operator_email,
            "SMTP_URL",
            &raw.smtp_url,
        ),
        without("MAIL_FROM", &raw.mail_from, "SMTP_URL", &raw.smtp_url),
        without(
            "PIPELINE_SECRET",
            &raw.pipeline_secret,
            "PIPELINE_URL",
            &raw.pipeline_url,
        ),
        without(
            "PIPELINE_URL",
            &raw.pipeline_url,
            "CLIENT_ROOT_ID",
            &raw.client_root_id,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Several addresses, separated by commas or white space; each once.
pub(super) fn addresses(
    variable: &'static str,
    text: Option<&str>,
    problems: &mut Problems,
) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    let words = text
        .unwrap_or_default()
        .split([',', ';', ' ', '\t', '\n', '\r']);
    for word in words.filter(|word| !word.is_empty()) {
        if word.parse::<Address>().is_err() {
            problems.add(variable, format!("is no e-mail address: {word}"));
        } else if !addresses.iter().any(|known| known == word) {
            addresses.push(word.to_owned());
        }
    }
    addresses
}

fn mail(raw: &Raw, problems: &mut Problems) -> Option<mail::Settings> {
    let from = sender(raw, problems);
    let trusted = raw.smtp_ca.clone();
    if let Some(pem) = &trusted
        && Certificate::from_pem(pem.as_bytes()).is_err()
    {
        problems.add("SMTP_CA_FILE", "holds no certificate in PEM form");
    }
    let server = server(raw.smtp_url.as_deref()?, trusted.is_some(), problems);
    if raw.mail_from.is_none() {
        problems.add(
            "MAIL_FROM",
            "is not set, but SMTP_URL is: the sender of the mails",
        );
    }
    let Server {
        host,
        port,
        security,
        login,
    } = server?;
    Some(mail::Settings {
        host,
        port,
        security,
        login,
        from: from?,
        trusted,
    })
}

fn sender(raw: &Raw, problems: &mut Problems) -> Option<Mailbox> {
    let text = raw.mail_from.as_deref()?;
    let from = text.parse().ok();
    if from.is_none() {
        problems.add(
            "MAIL_FROM",
            format!(
                "is no sender like courier@example.com or Courier <courier@example.com>: {text}"
            ),
        );
    }
    from
}

struct Server {
    host: String,
    port: u16,
    security: Security,
    login: Option<(String, SecretString)>,
}

fn server(text: &str, trusts_certificate: bool, problems: &mut Problems) -> Option<Server> {
    const LIKE: &str = "must look like smtp://user:password@mail.example.com:587 or smtps://…:465";

    let url = reqwest::Url::parse(text).ok();
    let (url, host) = url
        .as_ref()
        .and_then(|url| Some((url, url.host_str().filter(|host| !host.is_empty())?)))
        .or_else(|| {
            problems.add("SMTP_URL", LIKE);
            None
        })?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let (security, port) = match url.scheme() {
        "smtps" => (Security::Implicit, SUBMISSIONS),
        // A certificate to trust says that the server on this machine has one.
        "smtp" if is_loopback(host) && !trusts_certificate => (Security::Plain, SUBMISSION),
        "smtp" => (Security::StartTls, SUBMISSION),
        _ => {
            problems.add("SMTP_URL", LIKE);
            return None;
        }
    };
    let login = match (url.username(), url.password()) {
        ("", None) => None,
        (user, Some(password)) => {
            let Some((user, password)) = percent_decoded(user).zip(percent_decoded(password))
            else {
                problems.add(
                    "SMTP_URL",
                    "has a login that is not UTF-8 once its %-codes are read",
                );
                return None;
            };
            Some((user, password.into()))
        }
        (_, None) => {
            problems.add("SMTP_URL", "names a user without a password");
            return None;
        }
    };
    Some(Server {
        host: host.to_owned(),
        port: url.port().unwrap_or(port),
        security,
        login,
    })
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The text with its `%XX` read; `None` when that is no UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'%')
            .then(|| after.get(..2).and_then(|code| hex::decode(code).ok()))
            .flatten();
        if let Some(bytes) = code {
            decoded.extend(bytes);
            rest = &after[2..];
        } else {
            decoded.push(first);
            rest = after;
        }
    }
    String::from_utf8(decoded).ok()
}

fn pipeline(raw: &Raw, problems: &mut Problems) -> Option<pipeline::Settings> {
    let signer = raw.pipeline_secret.as_deref().map(Signer::new);
    if let Some(Err(error)) = &signer {
        problems.add("PIPELINE_SECRET", format!("cannot be used: {error}"));
    }
    let url = web_address("PIPELINE_URL", raw.pipeline_url.as_deref(), problems)?;
    let signer = signer.and_then(Result::ok);
    Some(pipeline::Settings { url, signer })
}

fn web_address(
    variable: &'static str,
    text: Option<&str>,
    problems: &mut Problems,
) -> Option<SecretString> {
    let text = text?;
    let url = reqwest::Url::parse(text).ok();
    if url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        Some(text.into())
    } else {
        problems.add(
            variable,
            "is no address that begins with https:// or http://",
        );
        None
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn read(url: &str, trusts_certificate: bool) -> Server {
        let mut problems = Problems::default();
        let server = server(url, trusts_certificate, &mut problems);
        problems.or(()).unwrap();
        server.unwrap()
    }

    #[test]
    fn a_mail_server_is_encrypted_unless_it_is_on_this_machine() {
        let check = |url: &str, trusts_certificate, host: &str, port, security| {
            let server = read(url, trusts_certificate);
            let found = (server.host.as_str(), server.port, server.security);
            assert_eq!(found, (host, port, security), "{url}");
        };
        check(
            "smtp://mail.example",
            false,
            "mail.example",
            587,
            Security::StartTls,
        );
        check(
            "smtp://mail.example:25",
            false,
            "mail.example",
            25,
            Security::StartTls,
        );
        check(
            "smtp://10.0.0.1",
            false,
            "10.0.0.1",
            587,
            Security::StartTls,
        );
        check(
            "smtp://127.0.0.2:25",
            false,
            "127.0.0.2",
            25,
            Security::Plain,
        );
        check(
            "smtp://localhost:25",
            false,
            "localhost",
            25,
            Security::Plain,
        );
        check(
            "smtp://localhost",
            true,
            "localhost",
            587,
            Security::StartTls,
        );
        check("smtp://[::1]:25", false, "::1", 25, Security::Plain);
        check(
            "smtp://localhost.example",
            false,
            "localhost.example",
            587,
            Security::StartTls,
        );
        check(
            "smtps://mail.example",
            false,
            "mail.example",
            465,
            Security::Implicit,
        );
        check(
            "smtps://localhost:4650",
            false,
            "localhost",
            4650,
            Security::Implicit,
        );
    }

    #[test]
    fn a_login_is_percent_decoded() {
        let check = |url: &str, user: &str, password: &str| {
            let (read_user, read_password) = read(url, false).login.unwrap();
            assert_eq!(
                (read_user.as_str(), read_password.expose_secret()),
                (user, password)
            );
        };
        check("smtp://user:pass@mail.example", "user", "pass");
        check(
            "smtp://me%40x.example:p%40ss%3A%2F%25@mail.example",
            "me@x.example",
            "p@ss:/%",
        );
        check("smtp://m%C3%BCller:%zz@mail.example", "müller", "%zz");
        assert!(read("smtp://mail.example", false).login.is_none());
    }

    #[test]
    fn several_addresses() {
        let check = |text: &str, expected: &[&str]| {
            let mut problems = Problems::default();
            let found = addresses("MANAGER_EMAIL", Some(text), &mut problems);
            assert_eq!(found, expected, "{text}");
            problems.or(()).unwrap();
        };
        check("", &[]);
        check("a@x.example", &["a@x.example"]);
        check(
            "a@x.example, b@x.example;c@x.example  a@x.example",
            &["a@x.example", "b@x.example", "c@x.example"],
        );
    }
}
