//! The listeners: accepts connections, serves a router on them, and ends them in good order.
//!
//! Each listener and the token that stops it are arguments. Hyper is driven directly, because the
//! limits on slow clients cannot be set through axum's own loop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

mod lingering;

use lingering::Lingering;

/// How long a client may take to send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections served at a time; further ones wait to be accepted.
const CONNECTIONS: usize = 4096;

/// How long connections may take to end once the service is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How long to wait after a connection could not be accepted, as when files run out.
const AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(100);

/// Serves the router on the listener until told to stop; requests in hand are answered first.
#[expect(clippy::missing_panics_doc, reason = "the slots are never closed")]
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let connections = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let slot = Arc::clone(&slots)
            .acquire_owned()
            .await
            .expect("the slots are never closed");
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => serve_connection(stream, &router, &connections, slot),
                Err(error) => {
                    warn!(%error, %address, "cannot accept a connection");
                    tokio::time::sleep(AFTER_ACCEPT_ERROR).await;
                }
            },
            () = stop.cancelled() => break,
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

fn serve_connection(
    stream: TcpStream,
    router: &Router,
    connections: &GracefulShutdown,
    slot: OwnedSemaphorePermit,
) {
    // Answers are tiny and must not wait for more to send.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(
            TokioIo::new(Lingering::new(stream)),
            TowerToHyperService::new(router.clone()),
        );
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            debug!(%error, "a connection ended early");
        }
        drop(slot);
    });
}
