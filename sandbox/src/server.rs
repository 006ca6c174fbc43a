//! Accepts connections, records API calls, and injects faults. The accept loop does not use `axum::serve`,
//! because only the owner of a connection can close it without a response.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::http::header::DATE;
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use axum::{BoxError, Router};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::api::{self, ApiError};
use super::call_log::CallNumber;
use super::faults::FaultEffect;
use super::page;
use super::portal::Portal;

/// The pause after a failed accept, for example without free file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The calls per minute that a 429 response states as the limit (docs/DOCSPACE.md 7).
const RATE_LIMIT: &str = "1500";

/// Makes hyper close the connection without a response.
#[derive(Debug, thiserror::Error)]
#[error("the portal closes the connection")]
struct Dropped;

impl Portal {
    /// Serves the API and the page until `stop` is cancelled.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> std::io::Result<()> {
        self.state().address = Some(listener.local_addr()?);
        serve(self, listener, stop).await;
        Ok(())
    }
}

async fn serve(portal: &Portal, listener: TcpListener, stop: CancellationToken) {
    let router = api::router(portal)
        .merge(page::router(portal))
        .with_state(portal.clone());
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(portal.clone(), router.clone(), stream);
                connections.spawn(stop.clone().run_until_cancelled_owned(connection));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
    connections.close();
    connections.wait().await;
}

/// Serves the requests of one connection. Its errors are those of the client.
async fn connection(portal: Portal, router: Router, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| respond(&portal, &router, request));
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Responds to one request. API calls are recorded and subject to faults.
async fn respond(
    portal: &Portal,
    router: &Router,
    request: Request<Incoming>,
) -> Result<Response<Body>, Dropped> {
    let path = request.uri().path();
    if !path.starts_with("/api/") && ![api::CHUNKS, api::DOWNLOADS].contains(&path) {
        return Ok(route(router, request).await);
    }
    let (call, latency, effect) = begin(portal, &request);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let mut response = respond_with_fault(portal, router, request, effect).await?;
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&portal.now());
    if let Some(date) = date.ok().and_then(|date| HeaderValue::try_from(date).ok()) {
        response.headers_mut().insert(DATE, date);
    }
    let status = response.status().as_u16();
    portal.state().calls.record_status(call, status);
    Ok(response)
}

fn begin(
    portal: &Portal,
    request: &Request<Incoming>,
) -> (CallNumber, Duration, Option<FaultEffect>) {
    let method = request.method().as_str();
    let path = request
        .uri()
        .path_and_query()
        .map_or("", |path| path.as_str());
    let now = portal.now();
    let mut state = portal.state();
    let call = state.calls.begin(method, path);
    let effect = if state.access.down {
        Some(FaultEffect::DropBefore)
    } else if !state.rate.admits(now) {
        Some(FaultEffect::Status(429))
    } else {
        let of_rule = state.fault_rules.next_effect(method, path);
        of_rule.or_else(|| state.faults.next_effect(method, path))
    };
    (call, state.latency, effect)
}

async fn respond_with_fault(
    portal: &Portal,
    router: &Router,
    mut request: Request<Incoming>,
    effect: Option<FaultEffect>,
) -> Result<Response<Body>, Dropped> {
    match effect {
        None => Ok(route(router, request).await),
        Some(FaultEffect::Status(status)) => Ok(failure(status)),
        Some(FaultEffect::StatusWithRetryAfter(status, seconds)) => {
            let mut response = failure(status);
            let headers = response.headers_mut();
            headers.insert("retry-after", HeaderValue::from(seconds));
            Ok(response)
        }
        Some(FaultEffect::StatusAfter(status)) => {
            route(router, request).await;
            Ok(failure(status))
        }
        Some(FaultEffect::Gateway(status)) => Ok(gateway_page(status)),
        Some(FaultEffect::GatewayAfter(status)) => {
            route(router, request).await;
            Ok(gateway_page(status))
        }
        Some(FaultEffect::DropBefore) => Err(Dropped),
        Some(FaultEffect::DropAfter) => {
            route(router, request).await;
            Err(Dropped)
        }
        Some(FaultEffect::Hang) => std::future::pending().await,
        Some(FaultEffect::Hold) => respond_after_release(portal, router, request).await,
        Some(effect @ (FaultEffect::OperationError(_) | FaultEffect::OperationResultLost)) => {
            request.extensions_mut().insert(effect);
            Ok(route(router, request).await)
        }
    }
}

/// Processes a call after its release. This is a task of its own, which outlives the client's connection.
async fn respond_after_release(
    portal: &Portal,
    router: &Router,
    request: Request<Incoming>,
) -> Result<Response<Body>, Dropped> {
    let (head, body) = request.into_parts();
    let body = Body::new(body);
    let body = to_bytes(body, usize::MAX).await.map_err(|_| Dropped)?;
    let request = Request::from_parts(head, Body::from(body));
    let (router, released) = (router.clone(), portal.state().released.clone());
    let responding = portal.shared.held.spawn(async move {
        released.cancelled().await;
        route(&router, request).await
    });
    responding.await.map_err(|_| Dropped)
}

async fn route<B>(router: &Router, request: Request<B>) -> Response<Body>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service = TowerToHyperService::new(router.clone());
    let result: Result<_, Infallible> = service.call(request).await;
    let Ok(response) = result;
    response
}

/// The response of a failing portal: the JSON error, or the status alone for those that the portal responds
/// with before its API is reached (docs/DOCSPACE.md 5.4).
fn failure(status: u16) -> Response {
    match status {
        401 | 403 | 502..=504 => status_code(status).into_response(),
        429 => {
            let headers = [
                ("x-ratelimit-limit", RATE_LIMIT),
                ("x-ratelimit-remaining", "0"),
            ];
            (status_code(status), headers).into_response()
        }
        500 => ApiError::Server.into_response(),
        _ => ApiError::Injected(status).into_response(),
    }
}

/// The page of a proxy in front of the portal.
fn gateway_page(status: u16) -> Response {
    let status = status_code(status);
    let page = format!("<html><head><title>{status}</title></head><body>{status}</body></html>\n");
    (status, Html(page)).into_response()
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
