//! HTTP/1.1 listeners: accept connections, serve a router on them, and shut down gracefully.
//!
//! hyper is driven directly, because `axum::serve` cannot limit slow clients or the number of
//! connections.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::server::graceful::GracefulShutdown;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::telemetry::ErrorChain;

mod client_stream;
mod connection;
mod connection_limit;
pub mod file_limit;
mod lingering_close;
mod record_meter;
pub mod tls;

use connection::ClientConnection;
use connection_limit::ConnectionLimiter;
pub(crate) use connection_limit::client_network;
use tls::Tls;

/// Connections that the kernel completes and queues until they are accepted. With the default of 128, a
/// burst of connections to a busy machine overflows the queue, and the kernel resets some of them.
const ACCEPT_BACKLOG: u32 = 4096;

/// How long open connections may take to finish after shutdown begins.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause after `accept` fails, for example because the process has no file descriptors left.
const ACCEPT_ERROR_PAUSE: Duration = Duration::from_millis(100);

/// Listens on an address. `[::]` means all IPv6 and IPv4 addresses, or all IPv4 addresses of a machine without IPv6.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match listen(address) {
        Err(error) if is_unspecified_v6(address) && error.kind() != io::ErrorKind::AddrInUse => {
            listen((Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        bound => bound,
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // As `TcpListener::bind` does: without it, a restart must wait for old connections to time out.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    if is_unspecified_v6(address) {
        // The default depends on the system.
        SockRef::from(&socket).set_only_v6(false)?;
    }
    socket.bind(address)?;
    socket.listen(ACCEPT_BACKLOG)
}

fn is_unspecified_v6(address: SocketAddr) -> bool {
    address.is_ipv6() && address.ip().is_unspecified()
}

/// Serves the router until the token is cancelled; requests in progress are answered first.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    accept(listener, None, router, stop).await
}

/// Serves the router over TLS; each connection uses the certificate that is active when it is accepted.
pub async fn serve_https(
    listener: TcpListener,
    tls: Arc<Tls>,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    accept(listener, Some(tls), router, stop).await
}

async fn accept(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let connections = GracefulShutdown::new();
    let limiter = ConnectionLimiter::new(file_limit::max_connections());
    let mut is_failing = false;
    let accept_next = async || {
        let (stream, client) = listener.accept().await?;
        // Responses are small; they must not wait until there is more to send.
        let _ = stream.set_nodelay(true);
        Ok::<_, io::Error>((stream, client, limiter.acquire(client.ip()).await))
    };
    while let Some(accepted) = stop.run_until_cancelled(accept_next()).await {
        match accepted {
            Ok((stream, client, permit)) => {
                is_failing = false;
                let connection = ClientConnection {
                    router: router.clone(),
                    client,
                    watcher: connections.watcher(),
                    permit,
                };
                let (tls, stop) = (tls.clone(), stop.clone());
                tokio::spawn(async move {
                    match tls {
                        None => connection.serve(stream).await,
                        Some(tls) => connection.serve_tls(stream, &tls, stop).await,
                    }
                });
            }
            Err(error) => {
                // One line for each time that it starts to fail.
                if !is_failing {
                    warn!(error = %ErrorChain(&error), %address, "cannot accept connections");
                }
                is_failing = true;
                tokio::time::sleep(ACCEPT_ERROR_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, connections.shutdown())
        .await
        .is_err()
    {
        warn!(%address, "closed connections that were still open at the shutdown timeout");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn all_addresses_include_those_of_both_families() {
        let listener = bind((Ipv6Addr::UNSPECIFIED, 0).into()).unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        // A machine without IPv6 has no such address.
        if std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            TcpStream::connect((Ipv6Addr::LOCALHOST, port))
                .await
                .unwrap();
        }
    }
}
