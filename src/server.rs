//! The listeners: accepts connections, serves a router on them, and ends them in good order.
//!
//! Each listener and the token that stops it are arguments. Hyper is driven directly, because the
//! limits on slow clients cannot be set through axum's own loop. On its way from the socket to hyper a
//! byte passes TLS, where we speak it; what closes the connection gently; and what keeps unclear heads
//! away.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

mod clear;
pub mod heads;
mod lingering;
mod places;
pub mod tls;

use clear::{Clear, close_after_chunks};
use lingering::Lingering;
use places::{Place, Places};
use tls::Tls;

/// How long a client may take to send its headers, and how long a connection may be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take to agree on TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest head of a request; those of DocSpace, through a proxy, have less than 1 KiB.
const HEAD_BYTES: usize = 16 * 1024;

/// The most headers of a request.
const HEADERS: usize = 64;

/// What hyper reads ahead at the most; it must have room for a head.
const READ_BUFFER: usize = 2 * HEAD_BYTES;

/// Connections served at a time. For one more, the one whose client has kept us waiting longest goes.
const CONNECTIONS: usize = 4096;

/// How long connections may take to end once the service is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How long to wait after a connection could not be accepted, as when files run out.
const AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(100);

/// Serves the router on the listener until told to stop; requests in hand are answered first.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    accept(listener, None, router, stop).await
}

/// The same over TLS, each connection with the certificate that serves when it comes.
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
    let places = Places::new(CONNECTIONS);
    let router = router.layer(from_fn(close_after_chunks));
    let accept_next = async || {
        let stream = listener.accept().await?.0;
        // Answers are tiny and must not wait for more to send.
        let _ = stream.set_nodelay(true);
        Ok::<_, io::Error>((stream, places.take().await))
    };
    while let Some(accepted) = stop.run_until_cancelled(accept_next()).await {
        match accepted {
            Ok((stream, place)) => {
                let (tls, router) = (tls.clone(), router.clone());
                let connection = Connection {
                    router,
                    watcher: connections.watcher(),
                    place,
                };
                let stop = stop.clone();
                tokio::spawn(async move {
                    match tls {
                        None => connection.serve(stream).await,
                        Some(tls) => connection.shake_hands_and_serve(stream, &tls, stop).await,
                    }
                });
            }
            Err(error) => {
                warn!(%error, %address, "cannot accept a connection");
                tokio::time::sleep(AFTER_ACCEPT_ERROR).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(GRACE, connections.shutdown())
        .await
        .is_err()
    {
        warn!(%address, "connections were cut");
    }
    Ok(())
}

/// What serving a connection needs.
struct Connection {
    router: Router,
    watcher: Watcher,
    place: Place,
}

impl Connection {
    async fn shake_hands_and_serve(self, stream: TcpStream, tls: &Tls, stop: CancellationToken) {
        let acceptor = tls.acceptor();
        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
        let turn = Arc::clone(self.place.turn());
        tokio::select! {
            done = handshake => match done {
                Ok(Ok(stream)) => self.serve(stream).await,
                Ok(Err(error)) => debug!(%error, "no agreement on TLS"),
                Err(_) => debug!("a client took too long to agree on TLS"),
            },
            () = turn.is_over() => debug!("a client gave way to another one"),
            () = stop.cancelled() => {}
        }
    }

    async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let turn = self.place.turn();
        let stream = Clear::new(Lingering::new(stream), Arc::clone(turn));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_header_size(HEAD_BYTES)
            .max_headers(HEADERS)
            .max_buf_size(READ_BUFFER)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(self.router));
        let served = self.watcher.watch(connection);
        tokio::select! {
            ended = served => if let Err(error) = ended {
                debug!(%error, "a connection ended early");
            },
            () = turn.is_over() => debug!("a client gave way to another one"),
        }
    }
}
