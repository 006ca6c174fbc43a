//! The settings of the mail server.

use lettre::message::Mailbox;
use lettre::transport::smtp;
use secrecy::SecretString;

use crate::certificates::NoCertificate;

/// `SMTP_URL`, `MAIL_FROM`, `SMTP_CA_FILE` and `SMTP_HELO`, checked.
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
    /// The name or address by which we introduce ourselves; by default the machine's full name or address.
    pub helo: Option<String>,
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

/// The settings cannot be used to send email.
#[derive(Debug, thiserror::Error)]
#[error("SMTP_URL and SMTP_CA_FILE cannot be used")]
pub enum InvalidSmtpSettings {
    /// The mail client refuses them.
    Client(#[from] smtp::Error),
    /// `SMTP_CA_FILE` contains no certificate.
    Certificate(#[from] NoCertificate),
    /// The certificates of the system cannot be used.
    System(#[from] rustls::Error),
}
