//! Email: sends one email to one address through the configured SMTP server.
//!
//! The connection is encrypted and the server's certificate checked, unless the server is on this machine or the settings
//! say otherwise.
//! An email whose outcome is unknown is sent again, so delivery is at least once. Both copies carry the same
//! `Message-ID`, by which mail programs recognize duplicates.

use std::fmt;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{self, AsyncSmtpTransport};
use lettre::{Address, AsyncTransport as _, Message, Tokio1Executor};
use secrecy::{ExposeSecret as _, SecretString};

use crate::certificates;
use crate::outgoing::Failure;
use crate::root_cause::root_cause;
use crate::text::clean;

mod address;

use address::with_ascii_domain;

/// Longest wait for a connection to the mail server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest time for one email, from connecting to the server's final reply.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Replies that reject the login, not the email (RFC 4954); the operator can fix that.
const LOGIN_REJECTED: [u16; 4] = [530, 534, 535, 538];

/// The longest subject, in characters; titles may be longer.
const SUBJECT_LENGTH: usize = 160;

/// `SMTP_URL`, `MAIL_FROM` and `SMTP_CA_FILE`, checked.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// The mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// User name and password, if the server requires them.
    pub login: Option<(String, SecretString)>,
    /// The sender.
    pub from: Mailbox,
    /// Certificates (PEM) to trust in addition to the system's.
    pub trusted: Option<String>,
}

/// How a connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS is required before anything is sent.
    StartTls,
    /// Plain text: to this machine, or with `?tls=off`.
    Plain,
}

/// An email to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// The part of `Message-ID` before the `@`; the same for every attempt to send this email.
    pub id: String,
    /// The subject; control characters are removed.
    pub subject: String,
    /// The plain text body.
    pub text: String,
    /// The HTML body, escaped, if there is one.
    pub html: Option<String>,
}

/// The settings cannot be used to send email.
#[derive(Debug, thiserror::Error)]
#[error("SMTP_URL and SMTP_CA_FILE cannot be used")]
pub struct InvalidSmtpSettings(#[source] smtp::Error);

/// Sends emails.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            // Holds the password.
            transport: _,
            from,
            timeout,
        } = self;
        formatter
            .debug_struct("Mailer")
            .field("from", from)
            .field("timeout", timeout)
            .finish_non_exhaustive()
    }
}

impl Mailer {
    /// A mailer with these settings; does not connect yet.
    pub fn new(settings: SmtpSettings) -> Result<Self, InvalidSmtpSettings> {
        let tls = match settings.security {
            Security::Implicit => Tls::Wrapper(tls_to(&settings)?),
            Security::StartTls => Tls::Required(tls_to(&settings)?),
            Security::Plain => Tls::None,
        };
        let mut transport =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.host.clone())
                .port(settings.port)
                .tls(tls)
                .timeout(Some(CONNECT_TIMEOUT));
        if let Some((user, password)) = settings.login {
            let password = password.expose_secret().to_owned();
            transport = transport.credentials(Credentials::new(user, password));
        }
        Ok(Self {
            transport: transport.build(),
            from: Mailbox::new(settings.from.name, with_ascii_domain(settings.from.email)),
            timeout: TIMEOUT,
        })
    }

    /// Changes how long to wait for the server.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sends an email; returns once the server has accepted it.
    pub async fn send(&self, email: &Email, to: &str, now: Timestamp) -> Result<(), Failure> {
        let message = self
            .compose(email, to, now)
            .map_err(|reason| Failure::Permanent {
                code: "bad_address",
                reason,
            })?;
        match tokio::time::timeout(self.timeout, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(Failure::transient(
                "the mail server did not respond in time",
            )),
        }
    }

    /// Connects, encrypts and logs in, without sending an email.
    pub async fn test_connection(&self) -> Result<(), Failure> {
        match tokio::time::timeout(self.timeout, self.transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(Failure::transient("the mail server closed the connection")),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(Failure::transient(
                "the mail server did not respond in time",
            )),
        }
    }

    fn compose(&self, email: &Email, to: &str, now: Timestamp) -> Result<Message, String> {
        let to: Address = to
            .parse()
            .map_err(|_| "the address is not a valid email address".to_owned())?;
        let to = with_ascii_domain(to);
        let id = format!("<{}@{}>", email.id, self.from.email.domain());
        let builder = Message::builder()
            .message_id(Some(id))
            .date(SystemTime::from(now))
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(one_line(&email.subject, SUBJECT_LENGTH))
            // Prevents automatic replies such as holiday notes (RFC 3834).
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        let text = email.text.clone();
        match &email.html {
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(text, html.clone())),
            None => builder.singlepart(lettre::message::SinglePart::plain(text)),
        }
        .map_err(|error| format!("the email cannot be composed: {error}"))
    }
}

fn tls_to(settings: &SmtpSettings) -> Result<TlsParameters, InvalidSmtpSettings> {
    let mut parameters = TlsParameters::builder(settings.host.clone());
    if let Some(trusted) = &settings.trusted {
        let certificate = Certificate::from_pem(trusted.as_bytes()).map_err(InvalidSmtpSettings)?;
        parameters = parameters.add_root_certificate(certificate);
    }
    parameters.build().map_err(InvalidSmtpSettings)
}

/// Classifies the server's reply, or its absence.
fn failure(error: &smtp::Error) -> Failure {
    if let Some(reason) = certificates::refusal(error) {
        return Failure::transient(format!("the certificate of the mail server {reason}"));
    }
    let cause = one_line(&reply_or_cause(error), SUBJECT_LENGTH);
    match error.status().map(u16::from) {
        Some(code) if LOGIN_REJECTED.contains(&code) => {
            Failure::transient(format!("the mail server rejects the login: {cause}"))
        }
        Some(_) if error.is_permanent() => Failure::Permanent {
            code: "mail_refused",
            reason: format!("the mail server rejects the email: {cause}"),
        },
        Some(_) => Failure::transient(format!(
            "the mail server cannot accept the email now: {cause}"
        )),
        None if error.is_timeout() => Failure::transient("the mail server did not respond in time"),
        None if error.is_tls() => Failure::transient(format!(
            "no encrypted connection to the mail server: {cause}"
        )),
        // It offers neither STARTTLS nor a supported way to log in.
        None if error.is_client() => {
            Failure::transient(format!("the mail server cannot be used: {cause}"))
        }
        None => Failure::transient(format!("the mail server cannot be reached: {cause}")),
    }
}

/// The reply code, if any, and the innermost cause: the server's text or the system's.
fn reply_or_cause(error: &smtp::Error) -> String {
    let cause = root_cause(error);
    match error.status() {
        Some(code) => format!("{code} {cause}"),
        None => cause.to_string(),
    }
}

/// The text on one line, without control characters and invisible characters, cut to a number of characters.
pub(crate) fn one_line(text: &str, length: usize) -> String {
    let clean = clean(text);
    let mut line: String = clean.chars().take(length).collect();
    if clean.chars().nth(length).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailer() -> Mailer {
        Mailer::new(SmtpSettings {
            host: "localhost".to_owned(),
            port: 25,
            security: Security::Plain,
            login: Some(("courier".to_owned(), "hidden".into())),
            from: "Courier <courier@example.com>".parse().unwrap(),
            trusted: None,
        })
        .unwrap()
    }

    fn email(subject: &str) -> Email {
        Email {
            id: "action-1".to_owned(),
            subject: subject.to_owned(),
            text: "text".to_owned(),
            html: None,
        }
    }

    fn headers(subject: &str, to: &str) -> Result<Vec<String>, String> {
        let now = "2026-03-02T09:14:31Z".parse().unwrap();
        let message = mailer().compose(&email(subject), to, now)?;
        let raw = String::from_utf8(message.formatted()).unwrap();
        let head = raw.split("\r\n\r\n").next().unwrap();
        Ok(head.lines().map(str::to_owned).collect())
    }

    #[test]
    fn the_headers_of_an_email() {
        let headers = headers("Invoice", "manager@example.com").unwrap();
        for expected in [
            "Message-ID: <action-1@example.com>",
            "Date: Mon, 02 Mar 2026 09:14:31 +0000",
            "To: manager@example.com",
            "Subject: Invoice",
            "Auto-Submitted: auto-generated",
        ] {
            assert!(headers.iter().any(|line| line == expected), "{headers:?}");
        }
    }

    #[test]
    fn a_domain_with_other_letters_is_sent_in_ascii() {
        let now = "2026-03-02T09:14:31Z".parse().unwrap();
        let message = mailer().compose(&email("Invoice"), "info@müller.test", now);
        let envelope = message.unwrap().envelope().clone();
        assert_eq!(envelope.to()[0].to_string(), "info@xn--mller-kva.test");
        assert!(envelope.from().unwrap().domain().is_ascii());
    }

    #[test]
    fn a_title_cannot_add_a_header() {
        for title in [
            "a\r\nBcc: victim@example.com",
            "a\nBcc: victim@example.com",
            "a\r\n\r\nbody",
            "a\u{2028}Bcc: victim@example.com",
            "a\u{85}\u{b}Bcc: victim@example.com",
            "Рахунок\r\nBcc: victim@example.com",
        ] {
            let headers = headers(title, "manager@example.com").unwrap();
            let before_colon = |line: &String| line.split(':').next().map(str::to_ascii_lowercase);
            let names: Vec<_> = headers
                .iter()
                .filter(|line| !line.starts_with(' '))
                .filter_map(before_colon)
                .collect();
            assert!(!names.contains(&"bcc".to_owned()), "{headers:?}");
            assert_eq!(names.len(), 9, "{headers:?}");
        }
    }

    #[test]
    fn an_address_cannot_add_another() {
        for address in [
            "a@example.com, b@example.com",
            "a@example.com\r\nBcc: b@example.com",
            "nobody",
            "<a@example.com> SIZE=1",
        ] {
            assert!(headers("Invoice", address).is_err(), "{address}");
        }
    }

    #[test]
    fn the_password_is_not_printed() {
        assert!(!format!("{:?}", mailer()).contains("hidden"));
    }
}
