//! The variables of the mail server.
//!
//! `SMTP_URL` may hold a password, so no problem quotes it.

use lettre::message::Mailbox;
use lettre::transport::smtp::client::Certificate;
use secrecy::SecretString;

use crate::notify::mail::{Security, SmtpSettings};

use super::problems::Problems;
use super::raw::Raw;

/// The port of mail submission, where STARTTLS is spoken (RFC 6409).
const SUBMISSION: u16 = 587;

/// The port of mail submission over TLS (RFC 8314).
const SUBMISSIONS: u16 = 465;

pub(super) fn mail(raw: &Raw, problems: &mut Problems) -> Option<SmtpSettings> {
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
    Some(SmtpSettings {
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
}
