//! Guards: the conditions that a request must meet before any page is rendered.
//!
//! A foreign page in the operator's browser must neither read this listener under a host name of its own
//! (DNS rebinding) nor post to it (request forgery). Our own pages must not load anything from elsewhere,
//! and other pages must not frame them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::loopback::host_of;

use super::access::{Caller, Identity, bearer};
use super::console::Console;
use super::guess_limit::{TokenRejection, retry_after};
use super::layout::{Layout, message, unavailable};
use super::{login, session};

/// Maximum size of a body in bytes; the largest form has a token and a path.
const MAX_BODY_BYTES: usize = 4 * 1024;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The headers of every response. Referrers are sent within this origin only; without any, browsers would
/// also omit the origin of our own forms.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Adds the headers of every response.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().extend(HEADERS);
    response
}

/// On a loopback listener, accepts only requests whose host is a loopback name.
pub(super) async fn host(
    State(console): State<Arc<Console>>,
    request: Request,
    next: Next,
) -> Response {
    if console
        .access
        .is_rebound(request.version(), request.headers())
    {
        let sentence =
            "This listener accepts only the host names localhost, 127.0.0.1 and [::1].\n";
        return (StatusCode::MISDIRECTED_REQUEST, sentence).into_response();
    }
    next.run(request).await
}

/// Accepts requests that change something only from pages of this origin.
pub(super) async fn same_origin(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads || is_same_origin(request.headers()) {
        return next.run(request).await;
    }
    let sentence = "This request did not come from a page of this service, so it was refused.\n";
    (StatusCode::FORBIDDEN, sentence).into_response()
}

/// Browsers send one or both of the two headers with every form. A request with neither does not come from
/// a browser with a session.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let site = headers.get("sec-fetch-site").map(text);
    let origin = headers.get(header::ORIGIN).map(text);
    if site.is_none() && origin.is_none() {
        return false;
    }
    let host = host_of(headers);
    let origin_is_host = |origin: &String| {
        let authority = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"))
            .and_then(|authority| authority.parse::<Authority>().ok());
        authority.is_some() && authority == host
    };
    site.is_none_or(|site| site == "same-origin") && origin.as_ref().is_none_or(origin_is_host)
}

/// Reads the body, before anything else is done for a request, as far as its limits on size and time allow.
pub(super) async fn body(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let is_announced_too_large = body.size_hint().lower() > MAX_BODY_BYTES as u64;
    let read = async {
        if is_announced_too_large {
            return None;
        }
        to_bytes(body, MAX_BODY_BYTES).await.ok()
    };
    let (status, sentence) = match tokio::time::timeout(BODY_TIMEOUT, read).await {
        Ok(Some(bytes)) => return next.run(Request::from_parts(head, Body::from(bytes))).await,
        Ok(None) => (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.\n"),
        Err(_) => (
            StatusCode::REQUEST_TIMEOUT,
            "The body took too long to arrive.\n",
        ),
    };
    (status, [(header::CONNECTION, "close")], sentence).into_response()
}

/// Finds out who sends a request, by its `Authorization: Bearer` header or the session's cookie.
pub(super) async fn identify(
    State(console): State<Arc<Console>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let now = console.clock.now();
    let headers = request.headers();
    let is_local = console.access.is_local(request.version(), headers);
    let identity = |caller| Identity { caller, is_local };
    let bearer = bearer(headers).map(|token| console.check_token(token, client.ip()));
    if let Some(Err(TokenRejection::TooMany(wait))) = bearer {
        let text = "Too many wrong tokens were presented; this one was not checked.\n";
        return (StatusCode::TOO_MANY_REQUESTS, retry_after(wait), text).into_response();
    }
    let sessions = console.access.sessions(headers);
    let caller = if !console.access.has_token() {
        Caller::NoTokenConfigured
    } else if bearer == Some(Ok(())) {
        Caller::Operator
    } else if sessions.is_empty() {
        Caller::Anonymous
    } else {
        let is_active = console
            .db
            .read(move |sql| session::is_any_active(sql, &sessions, now));
        match is_active.await {
            Ok(true) => Caller::Operator,
            Ok(false) => Caller::Anonymous,
            Err(_) => return unavailable(Layout::new(&console, identity(Caller::Anonymous))),
        }
    };
    request.extensions_mut().insert(identity(caller));
    next.run(request).await
}

/// Serves private pages to the operator, and to this machine if the listener is on loopback.
pub(super) async fn require_access(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    request: Request,
    next: Next,
) -> Response {
    if identity.may_read() {
        return next.run(request).await;
    }
    let path = request.uri().path();
    let is_page = path != "/metrics" && !path.starts_with("/api/");
    if identity.caller == Caller::NoTokenConfigured {
        let sentence =
            "ADMIN_TOKEN is not set, so only this machine is answered, not what a proxy passes on.";
        if is_page {
            let layout = Layout::new(&console, identity);
            let heading = "No token is configured";
            return message(layout, StatusCode::FORBIDDEN, heading, sentence, None);
        }
        return (StatusCode::FORBIDDEN, format!("{sentence}\n")).into_response();
    }
    if !is_page || request.method() == Method::POST {
        let ask = [(header::WWW_AUTHENTICATE, "Bearer")];
        let sentence = "The ADMIN_TOKEN is required.\n";
        return (StatusCode::UNAUTHORIZED, ask, sentence).into_response();
    }
    let path = request.uri().path_and_query();
    let path = path.map_or("/", |path| path.as_str());
    Redirect::to(&login::address(path)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |&(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn origins() {
        let check = |pairs: &[(&'static str, &'static str)], expected: bool| {
            let all = [&[("host", "localhost:3001")], pairs].concat();
            assert_eq!(is_same_origin(&headers(&all)), expected, "{pairs:?}");
        };
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("origin", "http://localhost:3001")], true);
        check(&[("origin", "https://localhost:3001")], true);
        check(&[], false);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "same-site")], false);
        check(&[("sec-fetch-site", "none")], false);
        check(&[("origin", "null")], false);
        check(&[("origin", "http://localhost:3000")], false);
        check(&[("origin", "http://evil.example")], false);
        let both = [
            ("sec-fetch-site", "same-origin"),
            ("origin", "http://evil.example"),
        ];
        check(&both, false);
    }
}
