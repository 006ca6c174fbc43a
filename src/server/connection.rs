//! One connection: the TLS handshake, then HTTP/1.1 requests until it is closed or evicted.
//!
//! # Request smuggling
//!
//! A request is smuggled when a proxy and this service disagree about where the one before it ends. hyper
//! answers 400 and closes the connection where the length is ambiguous: differing or invalid
//! `Content-Length`s, an encoding whose last coding is not `chunked`, folded lines, white space before the
//! colon, invalid chunk sizes. It ignores `Content-Length` beside `Transfer-Encoding`. A chunked body is the
//! last request of its connection, so bytes after it are never parsed.
//!
//! hyper accepts a bare line feed as a line end and the same `Content-Length` twice, as RFC 9112 and RFC 9110
//! permit, and proxies that rewrite heads, such as nginx and Caddy, pass on neither. A smuggled request gains
//! nothing: each request needs a signature or token of its own. On the public listener, a connection is
//! also closed after every response but that to a verified delivery (see `webhook.rs`).

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::response::IntoResponse as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::telemetry::ErrorChain;

use super::client_stream::ClientStream;
use super::connection_limit::{ConnectionActivity, ConnectionPermit};
use super::lingering_close::LingeringClose;
use super::tls::Tls;

/// How long a client may take to send the head of a request, and how long a connection may be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may read nothing of a response that it is sent.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum size of a request's head in bytes. DocSpace's heads, through a proxy, are below 1 KiB; a browser's can contain
/// cookies of other services on the machine.
const MAX_HEAD_BYTES: usize = 8 * 1024;

/// Maximum number of headers of a request.
const MAX_HEADERS: usize = 64;

/// Maximum size of hyper's read buffer in bytes; a whole head must fit. It is the smallest that hyper permits.
const MAX_BUFFER_BYTES: usize = MAX_HEAD_BYTES;

/// An accepted connection and what it needs to be served.
pub(super) struct ClientConnection {
    pub(super) router: Router,
    /// The client's address, which handlers get as `ConnectInfo`.
    pub(super) client: SocketAddr,
    pub(super) watcher: Watcher,
    pub(super) permit: ConnectionPermit,
}

impl ClientConnection {
    /// Performs the TLS handshake, then serves requests.
    pub(super) async fn serve_tls(self, stream: TcpStream, tls: &Tls, stop: CancellationToken) {
        let acceptor = tls.acceptor();
        let stream = self.metered(stream).with_records();
        // Boxed, as what follows, so that a connection occupies only what its present state needs.
        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
        let handshake = Box::pin(handshake);
        let activity = Arc::clone(self.permit.activity());
        tokio::select! {
            done = handshake => match done {
                Ok(Ok(stream)) => {
                    activity.established();
                    Box::pin(self.serve_http(stream)).await;
                }
                Ok(Err(error)) => debug!(error = %ErrorChain(&error), "TLS handshake failed"),
                Err(_) => debug!("TLS handshake timed out"),
            },
            () = activity.evicted() => debug!("evicted an idle connection"),
            () = stop.cancelled() => {}
        }
    }

    /// Serves requests until the connection is closed or evicted.
    pub(super) async fn serve(self, stream: TcpStream) {
        let stream = self.metered(stream);
        Box::pin(self.serve_http(stream)).await;
    }

    fn metered(&self, stream: TcpStream) -> ClientStream<TcpStream> {
        ClientStream::new(stream, Arc::clone(self.permit.activity()), WRITE_TIMEOUT)
    }

    async fn serve_http<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = self.permit.activity();
        let stream = LingeringClose::new(stream, Arc::clone(activity));
        let router = TowerToHyperService::new(self.router);
        let service = service_fn(|mut request: Request<Incoming>| {
            activity.used_all();
            request.extensions_mut().insert(ConnectInfo(self.client));
            let is_chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
            let has_valid_host = has_valid_host(request.version(), request.headers());
            let response = router.call(request.map(|body| TrackedBody::new(body, activity)));
            async move {
                let mut response = if has_valid_host {
                    response.await?
                } else {
                    StatusCode::BAD_REQUEST.into_response()
                };
                if is_chunked || !has_valid_host {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(header::CONNECTION, close);
                }
                activity.mark_idle();
                Ok::<_, std::convert::Infallible>(response)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_header_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_BUFFER_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let served = self.watcher.watch(connection);
        tokio::select! {
            ended = served => if let Err(error) = ended {
                debug!(error = %ErrorChain(&error), "connection failed");
            },
            () = activity.evicted() => debug!("evicted an idle connection"),
        }
    }
}

/// Whether there is one `Host`, or none in HTTP/1.0 (RFC 9112, 3.2).
fn has_valid_host(version: Version, headers: &HeaderMap) -> bool {
    match headers.get_all(header::HOST).iter().count() {
        0 => version < Version::HTTP_11,
        count => count == 1,
    }
}

/// A request body that counts its bytes as used, and marks its connection busy once it has been received completely: from then on the
/// client waits for us.
struct TrackedBody {
    incoming: Incoming,
    activity: Arc<ConnectionActivity>,
}

impl TrackedBody {
    fn new(incoming: Incoming, activity: &Arc<ConnectionActivity>) -> Self {
        let body = Self {
            incoming,
            activity: Arc::clone(activity),
        };
        if body.incoming.is_end_stream() {
            body.activity.mark_busy();
        }
        body
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            self.activity.used(bytes);
        }
        if frame.is_none() || self.incoming.is_end_stream() {
            self.activity.mark_busy();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
