//! The mail server.
//!
//! `SMTP_URL` may contain a password, so no problem quotes it. We do not use lettre's `from_url`: it keeps the
//! brackets around an IPv6 address, so that `smtp://[::1]:25` is never reached, and it accepts
//! `?tls=opportunistic`, which an attacker can downgrade to plain text.

use lettre::message::Mailbox;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use secrecy::SecretString;

use crate::address::SMTPUTF8;
use crate::loopback::is_loopback;
use crate::notify::mail::{Security, SmtpSettings};

use super::reader::Reader;

/// The port of mail submission with STARTTLS (RFC 6409).
const SUBMISSION: u16 = 587;

/// The port of mail submission over TLS (RFC 8314).
const SUBMISSIONS: u16 = 465;

/// `SMTP_URL`, `MAIL_FROM`, `SMTP_CA_FILE` and `SMTP_HELO`; `None` without `SMTP_URL`.
pub(super) fn mail(reader: &mut Reader<'_>) -> Option<SmtpSettings> {
    let from = sender(reader);
    let trusted = trusted_certificates(reader);
    let helo = helo(reader);
    let url = reader.get("SMTP_URL")?;
    if !reader.variables.is_set("MAIL_FROM") {
        let what = "is required because SMTP_URL is set: the sender of the emails";
        reader.problem("MAIL_FROM", what);
    }
    if !has_encoded_login(url) {
        let what = "has a login with special characters that are not percent-encoded; it is read up to the last @, but \
                    write @ as %40, % as %25, # as %23 and / as %2F";
        reader.warning("SMTP_URL", what);
    }
    let server = server(url, trusted.is_some());
    if server
        .as_ref()
        .is_ok_and(|server| server.security == Security::Plain && !is_loopback(&server.host))
    {
        reader.warning(
            "SMTP_URL",
            "has tls=off, so login and emails are sent in plain text",
        );
    }
    match server {
        Ok(server) => Some(SmtpSettings {
            host: server.host,
            port: server.port,
            security: server.security,
            login: server.login,
            from: from?,
            trusted,
            helo,
        }),
        Err(what) => {
            reader.problem("SMTP_URL", what);
            None
        }
    }
}

fn sender(reader: &mut Reader<'_>) -> Option<Mailbox> {
    let text = reader.get("MAIL_FROM")?;
    let from: Option<Mailbox> = text.parse().ok();
    if from
        .as_ref()
        .is_some_and(|from| !from.email.user().is_ascii())
    {
        reader.warning("MAIL_FROM", SMTPUTF8);
    }
    if from.is_none() {
        let what = format!(
            "is not a valid sender such as courier@example.com or Courier <courier@example.com>: {text}"
        );
        reader.problem("MAIL_FROM", what);
    }
    from
}

/// A host name or an address; it becomes part of an SMTP command.
fn helo(reader: &mut Reader<'_>) -> Option<String> {
    let name = reader.get("SMTP_HELO")?.to_owned();
    let is_valid =
        |character: char| character.is_ascii_alphanumeric() || "-.:[]".contains(character);
    if !name.chars().all(is_valid) {
        let what = "is not a host name such as courier.example.com or an address such as 192.0.2.1";
        reader.problem("SMTP_HELO", what);
    }
    Some(name)
}

fn trusted_certificates(reader: &mut Reader<'_>) -> Option<String> {
    reader.certificates("SMTP_CA")?;
    reader.get("SMTP_CA").map(str::to_owned)
}

#[derive(Debug)]
struct SmtpUrl {
    host: String,
    port: u16,
    security: Security,
    login: Option<(String, SecretString)>,
}

/// Parses `SMTP_URL`. The connection is encrypted unless the server is on this machine and there is no certificate to
/// verify it with, or the URL ends in `?tls=off`.
fn server(text: &str, trusts_certificate: bool) -> Result<SmtpUrl, &'static str> {
    const LIKE: &str = "must look like smtp://user:password@mail.example.com:587 or smtps://…:465, with special \
                        characters in the login percent-encoded, such as # as %23 and / as %2F";

    let url = Url::parse(text).map_err(|_| LIKE)?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(LIKE)?;
    let is_plain = url.query() == Some("tls=off");
    let (security, port) = match url.scheme() {
        "smtps" if is_plain => return Err("has tls=off, but smtps:// is encrypted; use smtp://"),
        "smtp" if is_plain => (Security::Plain, SUBMISSION),
        "smtps" => (Security::Implicit, SUBMISSIONS),
        "smtp" if is_loopback(host) && !trusts_certificate => (Security::Plain, SUBMISSION),
        "smtp" => (Security::StartTls, SUBMISSION),
        _ => return Err(LIKE),
    };
    // An unencoded special character in the login ends it, and the rest would be taken for host, port or path.
    if !matches!(url.path(), "" | "/")
        || (url.query().is_some() && !is_plain)
        || url.fragment().is_some()
    {
        return Err(
            "must end after the host and port; percent-encode special characters in the login, such as # \
                    as %23",
        );
    }
    Ok(SmtpUrl {
        // Only a URL has brackets around an IPv6 address.
        host: host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned(),
        port: url.port().unwrap_or(port),
        security,
        login: login(&url)?,
    })
}

/// Whether the login of the address, if there is one, is percent-encoded: no second @, and no % but before two
/// hexadecimal digits.
fn has_encoded_login(url: &str) -> bool {
    let Some((login, _)) = url.rsplit_once('@') else {
        return true;
    };
    let is_hex = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut escapes = login.split('%').skip(1);
    !login.contains('@') && escapes.all(|rest| rest.get(..2).is_some_and(is_hex))
}

fn login(url: &Url) -> Result<Option<(String, SecretString)>, &'static str> {
    let decode = |text| {
        let decoded = percent_decode_str(text).decode_utf8();
        decoded.map_err(|_| "has a login that is not UTF-8 after percent-decoding")
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (_, None) => Err("has a user without a password"),
        (user, Some(password)) => Ok(Some((
            decode(user)?.into_owned(),
            SecretString::from(decode(password)?.into_owned()),
        ))),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_mail_server_is_encrypted_unless_it_is_on_this_machine() {
        let check = |url: &str, trusts_certificate, host: &str, port, security| {
            let found = server(url, trusts_certificate).unwrap();
            let found = (found.host.as_str(), found.port, found.security);
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
            "smtp://10.0.0.1:25?tls=off",
            false,
            "10.0.0.1",
            25,
            Security::Plain,
        );
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
    fn a_login_that_is_not_percent_encoded_is_noticed() {
        for encoded in [
            "smtp://mail.example",
            "smtp://user:pass@mail.example",
            "smtp://me%40x.example:p%40ss%3A%2F%25@mail.example",
        ] {
            assert!(has_encoded_login(encoded), "{encoded}");
        }
        for other in [
            "smtp://user:pa@ss@mail.example",
            "smtp://user:pa%ss@mail.example",
            "smtp://user:pass%@mail.example",
        ] {
            assert!(!has_encoded_login(other), "{other}");
        }
    }

    #[test]
    fn a_login_is_percent_decoded() {
        let check = |url: &str, user: &str, password: &str| {
            let (read_user, read_password) = server(url, false).unwrap().login.unwrap();
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
        assert!(
            server("smtp://mail.example", false)
                .unwrap()
                .login
                .is_none()
        );
    }
}
