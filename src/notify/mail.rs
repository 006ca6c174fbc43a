//! Mail: one letter to one address through the configured SMTP server.
//!
//! The connection is encrypted, with the server's certificate checked, unless the server is on this very
//! machine. A letter whose outcome is not known is sent again, so delivery is at least once; both bear
//! the same `Message-ID`, by which mail programs and people know the repetition.

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

use crate::outgoing::Failure;
use crate::root_cause::root_cause;

/// Longest wait for a connection to the mail server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest time for one letter, from the connection to the server's last word.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Answers that refuse our login rather than the letter (RFC 4954): the operator can mend it.
const LOGIN_REFUSED: [u16; 4] = [530, 534, 535, 538];

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
    /// User name and password, where the server wants them.
    pub login: Option<(String, SecretString)>,
    /// The sender.
    pub from: Mailbox,
    /// Certificates in PEM form to trust besides those of the system.
    pub trusted: Option<String>,
}

/// How a connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Implicit,
    /// Plain at first, then STARTTLS, or no mail at all.
    StartTls,
    /// Not at all, to this machine only.
    Plain,
}

/// One mail to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// The part of `Message-ID` before the `@`; the same for every attempt to send this letter.
    pub id: String,
    /// One line; whatever is no text in it is taken out.
    pub subject: String,
    /// The letter as plain text.
    pub text: String,
    /// The same as HTML, escaped; some letters have none.
    pub html: Option<String>,
}

/// Why no mail can be sent with these settings.
#[derive(Debug, thiserror::Error)]
#[error("SMTP_URL and SMTP_CA_FILE cannot be used")]
pub struct Unusable(#[source] smtp::Error);

/// Sends letters.
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
    /// A mailer with these settings; connects to nothing yet.
    pub fn new(settings: SmtpSettings) -> Result<Self, Unusable> {
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
            from: settings.from,
            timeout: TIMEOUT,
        })
    }

    /// The same mailer, which waits for another time for the server.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sends a letter; returns once the server has taken it over.
    pub async fn send(&self, letter: &Email, to: &str, now: Timestamp) -> Result<(), Failure> {
        let message = self
            .compose(letter, to, now)
            .map_err(|reason| Failure::Lasting {
                code: "bad_address",
                reason,
            })?;
        match tokio::time::timeout(self.timeout, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(Failure::passing("the mail server did not answer in time")),
        }
    }

    /// Connects, encrypts and logs in as for a letter, and sends none.
    pub async fn try_out(&self) -> Result<(), Failure> {
        match tokio::time::timeout(self.timeout, self.transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(Failure::passing("the mail server ended the connection")),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(Failure::passing("the mail server did not answer in time")),
        }
    }

    fn compose(&self, letter: &Email, to: &str, now: Timestamp) -> Result<Message, String> {
        let to: Address = to
            .parse()
            .map_err(|_| "the address is no e-mail address".to_owned())?;
        let id = format!("<{}@{}>", letter.id, self.from.email.domain());
        let builder = Message::builder()
            .message_id(Some(id))
            .date(SystemTime::from(now))
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(one_line(&letter.subject, SUBJECT_LENGTH))
            // So that nobody's holiday note answers (RFC 3834).
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        let text = letter.text.clone();
        match &letter.html {
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(text, html.clone())),
            None => builder.singlepart(lettre::message::SinglePart::plain(text)),
        }
        .map_err(|error| format!("the letter cannot be written: {error}"))
    }
}

fn tls_to(settings: &SmtpSettings) -> Result<TlsParameters, Unusable> {
    let mut parameters = TlsParameters::builder(settings.host.clone());
    if let Some(trusted) = &settings.trusted {
        let certificate = Certificate::from_pem(trusted.as_bytes()).map_err(Unusable)?;
        parameters = parameters.add_root_certificate(certificate);
    }
    parameters.build().map_err(Unusable)
}

/// What an answer of the server, or none, means for the letter.
fn failure(error: &smtp::Error) -> Failure {
    let words = one_line(&said(error), SUBJECT_LENGTH);
    match error.status().map(u16::from) {
        Some(code) if LOGIN_REFUSED.contains(&code) => {
            Failure::passing(format!("the mail server refuses the login: {words}"))
        }
        Some(_) if error.is_permanent() => Failure::Lasting {
            code: "mail_refused",
            reason: format!("the mail server refuses the mail: {words}"),
        },
        Some(_) => Failure::passing(format!("the mail server cannot take it now: {words}")),
        None if error.is_timeout() => Failure::passing("the mail server did not answer in time"),
        None if error.is_tls() => Failure::passing(format!(
            "no encrypted connection to the mail server: {words}"
        )),
        // It does not offer STARTTLS, or no way to log in that we know.
        None if error.is_client() => {
            Failure::passing(format!("the mail server cannot be used: {words}"))
        }
        None => Failure::passing(format!("the mail server cannot be reached: {words}")),
    }
}

/// The code and the root cause: the server's own words, or the system's.
fn said(error: &smtp::Error) -> String {
    let cause = root_cause(error);
    match error.status() {
        Some(code) => format!("{code} {cause}"),
        None => cause.to_string(),
    }
}

/// The text on one line, without control characters, cut to a length.
pub(crate) fn one_line(text: &str, length: usize) -> String {
    let clean = |character: char| {
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            ' '
        } else {
            character
        }
    };
    let mut line: String = text.chars().take(length).map(clean).collect();
    if text.chars().nth(length).is_some() {
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

    fn letter(subject: &str) -> Email {
        Email {
            id: "action-1".to_owned(),
            subject: subject.to_owned(),
            text: "text".to_owned(),
            html: None,
        }
    }

    fn headers(subject: &str, to: &str) -> Result<Vec<String>, String> {
        let now = "2026-03-02T09:14:31Z".parse().unwrap();
        let message = mailer().compose(&letter(subject), to, now)?;
        let raw = String::from_utf8(message.formatted()).unwrap();
        let head = raw.split("\r\n\r\n").next().unwrap();
        Ok(head.lines().map(str::to_owned).collect())
    }

    #[test]
    fn the_headers_of_a_letter() {
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
    fn no_title_makes_a_header() {
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
    fn no_address_makes_a_second_one() {
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
