//! Email: sends one email to one address through the configured SMTP server.
//!
//! The connection is encrypted and the server's certificate checked, unless the server is on this machine or the settings
//! say otherwise.
//! An email whose outcome is unknown is sent again, so delivery is at least once. Both copies carry the same
//! `Message-ID`, by which mail programs recognize duplicates.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};

use crate::clock::Clock;
use crate::outgoing::{ChannelBreaker, Failure};
use crate::text::clean;

mod address;
mod connection;
mod reply;
mod server;
mod settings;

pub use settings::{InvalidSmtpSettings, Security, SmtpSettings};

use address::with_ascii_domain;
use server::MailServer;

/// Longest time for one email, from connecting to the server's final reply.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Longest wait for the reply to QUIT, which makes no difference.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest subject, in characters; titles may be longer.
const SUBJECT_LENGTH: usize = 160;

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

/// Sends emails. Clones share the circuit breaker.
#[derive(Clone)]
pub struct Mailer {
    server: Arc<MailServer>,
    from: Mailbox,
    timeout: Duration,
    breaker: Arc<ChannelBreaker>,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            // Contains the password.
            server: _,
            from,
            timeout,
            breaker,
        } = self;
        formatter
            .debug_struct("Mailer")
            .field("from", from)
            .field("timeout", timeout)
            .field("breaker", breaker)
            .finish_non_exhaustive()
    }
}

impl Mailer {
    /// A mailer with these settings; does not connect yet.
    pub fn new(settings: SmtpSettings) -> Result<Self, InvalidSmtpSettings> {
        Ok(Self {
            server: Arc::new(MailServer::new(&settings)?),
            from: Mailbox::new(settings.from.name, with_ascii_domain(settings.from.email)),
            timeout: TIMEOUT,
            breaker: Arc::new(ChannelBreaker::new("the mail server")),
        })
    }

    /// Changes how long to wait for the server.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The circuit breaker of the mail server.
    pub fn breaker(&self) -> &ChannelBreaker {
        &self.breaker
    }

    /// Sends an email, unless the circuit is open; returns once the server has accepted it.
    pub async fn send(&self, email: &Email, to: &str, clock: &Clock) -> Result<(), Failure> {
        let message =
            self.compose(email, to, clock.wall())
                .map_err(|reason| Failure::Permanent {
                    code: "bad_address",
                    reason,
                })?;
        let send = self.send_once(&message, to);
        self.breaker.send(clock, send).await
    }

    async fn send_once(&self, message: &Message, to: &str) -> Result<(), Failure> {
        let content_sent = AtomicBool::new(false);
        // Boxed, because the futures of a TLS handshake are large.
        let sending = Box::pin(self.server.send(message, &content_sent));
        match tokio::time::timeout(self.timeout, sending).await {
            Ok(Ok(connection)) => {
                // The email is accepted, whatever becomes of the connection.
                let _ =
                    tokio::time::timeout(QUIT_TIMEOUT, Box::pin(server::quit(connection))).await;
                Ok(())
            }
            Ok(Err(rejection)) => Err(self.failure(&rejection, to)),
            Err(_) => Err(reply::timed_out(content_sent.load(Ordering::Relaxed))),
        }
    }

    /// Connects, encrypts and logs in, without sending an email.
    pub async fn test_connection(&self) -> Result<(), Failure> {
        let testing = Box::pin(async {
            let mut connection = self.server.connect().await?;
            connection.abort().await;
            Ok(())
        });
        match tokio::time::timeout(self.timeout, testing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(rejection)) => Err(self.failure(&rejection, "")),
            Err(_) => Err(reply::timed_out(false)),
        }
    }

    fn failure(&self, rejection: &server::SmtpRejection, to: &str) -> Failure {
        reply::failure(rejection, &self.from.email.to_string().to_lowercase(), to)
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
            helo: None,
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
