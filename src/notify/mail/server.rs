//! The mail server: connects to it, and hands one email over step by step, so that a rejection shows what it
//! is about.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lettre::Message;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, AsyncTokioStream, Certificate, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use rustls::ClientConfig;
use secrecy::ExposeSecret as _;
use tokio::net::{UdpSocket, lookup_host};

use crate::certificates::TrustedCertificates;

use super::connection;
use super::settings::{InvalidSmtpSettings, Security, SmtpSettings};

/// The configured mail server.
pub(super) struct MailServer {
    host: String,
    port: u16,
    security: Security,
    /// For STARTTLS.
    tls: TlsParameters,
    /// For TLS from the first byte.
    implicit_tls: Arc<ClientConfig>,
    login: Option<Credentials>,
    helo: Option<ClientId>,
}

/// How far the transfer of an email got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Connecting, greeting, encrypting, logging in.
    MailConnection,
    /// The sender was sent (MAIL FROM).
    Sender,
    /// The recipient was sent (RCPT TO).
    Recipient,
    /// The content was sent.
    Content,
}

/// Why the server did not accept an email.
#[derive(Debug)]
pub(super) enum SmtpRejection {
    /// There is no connection, or no encrypted one.
    Unreachable(io::Error),
    /// It rejected a command, or the connection broke.
    Smtp { stage: Stage, error: smtp::Error },
    /// It does not support addresses with other than ASCII characters.
    AddressNotAscii,
}

impl SmtpRejection {
    fn at(stage: Stage) -> impl Fn(smtp::Error) -> Self {
        move |error| Self::Smtp { stage, error }
    }
}

impl MailServer {
    pub(super) fn new(settings: &SmtpSettings) -> Result<Self, InvalidSmtpSettings> {
        let mut tls = TlsParameters::builder(settings.host.clone());
        let implicit_tls = match &settings.trusted {
            Some(trusted) => {
                tls = tls.add_root_certificate(Certificate::from_pem(trusted.as_bytes())?);
                TrustedCertificates::from_pem(trusted)?
            }
            None => TrustedCertificates::system()?,
        };
        let login = settings.login.as_ref().map(|(user, password)| {
            Credentials::new(user.clone(), password.expose_secret().to_owned())
        });
        Ok(Self {
            host: settings.host.clone(),
            port: settings.port,
            security: settings.security,
            tls: tls.build()?,
            implicit_tls: Arc::new(implicit_tls.client_config()),
            login,
            helo: settings.helo.as_deref().map(client_id),
        })
    }

    /// Connects, encrypts and logs in.
    pub(super) async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpRejection> {
        let at = SmtpRejection::at(Stage::MailConnection);
        let helo = self.client_id().await;
        let stream = self.open().await.map_err(SmtpRejection::Unreachable)?;
        let connection = AsyncSmtpConnection::connect_with_transport(stream, &helo);
        let mut connection = connection.await.map_err(&at)?;
        if self.security == Security::StartTls {
            let encrypted = connection.starttls(self.tls.clone(), &helo).await;
            encrypted.map_err(&at)?;
        }
        if let Some(login) = &self.login {
            let accepted = connection.auth(DEFAULT_MECHANISMS, login).await;
            accepted.map_err(&at)?;
        }
        Ok(connection)
    }

    async fn open(&self) -> io::Result<Box<dyn AsyncTokioStream>> {
        let connection = connection::connect(&self.host, self.port).await?;
        Ok(if self.security == Security::Implicit {
            let tls = Arc::clone(&self.implicit_tls);
            Box::new(connection.encrypt(&self.host, tls).await?)
        } else {
            Box::new(connection)
        })
    }

    /// Sends an email, and returns the connection for [`quit`]. Sets `content_sent` before it sends the content: from then on the server may have
    /// accepted the email, even if its reply is lost.
    pub(super) async fn send(
        &self,
        message: &Message,
        content_sent: &AtomicBool,
    ) -> Result<AsyncSmtpConnection, SmtpRejection> {
        let mut connection = self.connect().await?;
        match transfer(&mut connection, message, content_sent).await {
            Ok(()) => Ok(connection),
            Err(rejection) => {
                connection.abort().await;
                Err(rejection)
            }
        }
    }

    /// The name that the EHLO command gives: a full name, or the address literal of this machine where it has
    /// none (RFC 5321, 4.1.4). Many servers reject a name without a dot.
    async fn client_id(&self) -> ClientId {
        if let Some(configured) = &self.helo {
            return configured.clone();
        }
        match ClientId::default() {
            ClientId::Domain(name) if name.trim_end_matches('.').contains('.') => {
                ClientId::Domain(name)
            }
            _ => address_literal(self.local_address().await),
        }
    }

    /// The address from which this machine reaches the server. Nothing is sent to find it out.
    async fn local_address(&self) -> Option<IpAddr> {
        let server = lookup_host((self.host.as_str(), self.port))
            .await
            .ok()?
            .next()?;
        let any = if server.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        let socket = UdpSocket::bind(any).await.ok()?;
        socket.connect(server).await.ok()?;
        Some(socket.local_addr().ok()?.ip())
    }
}

async fn transfer(
    connection: &mut AsyncSmtpConnection,
    message: &Message,
    content_sent: &AtomicBool,
) -> Result<(), SmtpRejection> {
    let (envelope, content) = (message.envelope(), message.formatted());
    let mut parameters = Vec::new();
    let mut addresses = envelope.from().into_iter().chain(envelope.to());
    if !addresses.all(|address| AsRef::<str>::as_ref(address).is_ascii()) {
        let server = connection.server_info();
        if !server.supports_feature(Extension::SmtpUtfEight) {
            return Err(SmtpRejection::AddressNotAscii);
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !content.is_ascii() {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let mail = Mail::new(envelope.from().cloned(), parameters);
    let accepted = connection.command(mail).await;
    accepted.map_err(SmtpRejection::at(Stage::Sender))?;
    for recipient in envelope.to() {
        let rcpt = Rcpt::new(recipient.clone(), Vec::new());
        let accepted = connection.command(rcpt).await;
        accepted.map_err(SmtpRejection::at(Stage::Recipient))?;
    }
    let at = SmtpRejection::at(Stage::Content);
    connection.command(Data).await.map_err(&at)?;
    content_sent.store(true, Ordering::Relaxed);
    connection.message(&content).await.map_err(&at)?;
    Ok(())
}

/// Ends a connection; the server may close it without a reply.
pub(super) async fn quit(mut connection: AsyncSmtpConnection) {
    let _ = connection.quit().await;
}

/// A name or an address, with or without brackets, as an EHLO command gives it.
fn client_id(text: &str) -> ClientId {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let bare = bare.strip_prefix("IPv6:").unwrap_or(bare);
    match bare.parse() {
        Ok(address) => address_literal(Some(address)),
        Err(_) => ClientId::Domain(text.to_owned()),
    }
}

fn address_literal(address: Option<IpAddr>) -> ClientId {
    match address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)) {
        IpAddr::V4(address) => ClientId::Ipv4(address),
        IpAddr::V6(address) => ClientId::Ipv6(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_an_address_can_be_configured() {
        let check = |text: &str, expected: &str| {
            assert_eq!(client_id(text).to_string(), expected, "{text}");
        };
        check("courier.example.com", "courier.example.com");
        check("192.0.2.1", "[192.0.2.1]");
        check("[192.0.2.1]", "[192.0.2.1]");
        check("2001:db8::1", "[IPv6:2001:db8::1]");
        check("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]");
    }
}
