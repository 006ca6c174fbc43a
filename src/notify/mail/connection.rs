//! The connection to the mail server. What is read from it is bounded, because lettre reads lines of any length.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{fmt, io};

use lettre::transport::smtp::client::AsyncTokioStream;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Longest wait for a connection to one address of the mail server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes that are read for one email. All replies together have a few KiB, and so have the certificates.
const MAX_BYTES: usize = 256 * 1024;

/// Connects to one of the addresses of the server.
pub(super) async fn connect(host: &str, port: u16) -> io::Result<MailConnection<TcpStream>> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    for address in lookup_host((host, port)).await? {
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(MailConnection::new(stream, address)),
            Ok(Err(error)) => failed = error,
            Err(_) => failed = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failed)
}

/// A connection from which a limited number of bytes can be read.
#[derive(Debug)]
pub(super) struct MailConnection<S> {
    stream: S,
    peer: SocketAddr,
    bytes_left: usize,
}

impl<S> MailConnection<S> {
    fn new(stream: S, peer: SocketAddr) -> Self {
        Self {
            stream,
            peer,
            bytes_left: MAX_BYTES,
        }
    }
}

impl MailConnection<TcpStream> {
    /// Performs the TLS handshake.
    pub(super) async fn encrypt(
        self,
        host: &str,
        tls: Arc<ClientConfig>,
    ) -> io::Result<MailConnection<TlsStream<TcpStream>>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(tls).connect(name, self.stream).await?;
        Ok(MailConnection::new(stream, self.peer))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for MailConnection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        let Some(left) = self.bytes_left.checked_sub(read) else {
            return Poll::Ready(Err(io::Error::other("it sends too much")));
        };
        self.bytes_left = left;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for MailConnection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> AsyncTokioStream for MailConnection<S>
where
    S: AsyncRead + AsyncWrite + fmt::Debug + Send + Sync + Unpin,
{
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
