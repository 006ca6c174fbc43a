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
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::loopback::host_of;

use super::access::{Access, Caller, Identity, OperatorName, bearer};
use super::console::Console;
use super::guess_limit::{TokenRejection, retry_after};
use super::layout::{HomeLink, Layout, all_events, error_page, message, unavailable};
use super::role::Role;
use super::{backfill_page, login, rules_editor_page, session};

/// Maximum size of a body in bytes; the largest of these forms has a token and a path.
const MAX_BODY_BYTES: usize = 4 * 1024;

/// Maximum size in bytes of the forms with the rules file, and with names of rules; special characters take three times
/// their size.
const MAX_LARGE_BODY_BYTES: usize = 1024 * 1024;

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

/// Shows errors that are only a sentence as pages, to those who ask for pages.
pub(super) async fn error_pages(
    State(home): State<HomeLink>,
    request: Request,
    next: Next,
) -> Response {
    let accepts = request.headers().get(header::ACCEPT);
    let wants_page = accepts.is_some_and(|kinds| contains(kinds, "text/html"));
    let response = next.run(request).await;
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !wants_page || !is_error || kind.is_some_and(|kind| contains(kind, "text/html")) {
        return response;
    }
    let (head, body) = response.into_parts();
    let sentence = to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
    let mut page = error_page(status, String::from_utf8_lossy(&sentence).trim(), home);
    for (name, value) in &head.headers {
        if ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    page
}

fn contains(header: &HeaderValue, kind: &str) -> bool {
    header.to_str().is_ok_and(|text| text.contains(kind))
}

/// On a loopback listener, accepts only requests whose host is a loopback name.
pub(super) async fn host(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Response {
    if access.is_rebound(request.version(), request.headers()) {
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
    let path = request.uri().path();
    if path == rules_editor_page::PATH || path.starts_with(backfill_page::FORMS) {
        // Only an operator's is read, by `large_body`.
        return next.run(request).await;
    }
    limited_body(request, MAX_BODY_BYTES, next).await
}

/// Reads the body of an operator's form.
pub(super) async fn large_body(request: Request, next: Next) -> Response {
    limited_body(request, MAX_LARGE_BODY_BYTES, next).await
}

async fn limited_body(request: Request, limit: usize, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let is_announced_too_large = body.size_hint().lower() > limit as u64;
    let read = async {
        if is_announced_too_large {
            return None;
        }
        to_bytes(body, limit).await.ok()
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

/// Finds out who sends a request: by the proxy that authenticates operators, the `Authorization: Bearer` header, or
/// the session's cookie.
pub(super) async fn identify(
    State(console): State<Arc<Console>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let now = console.clock.now();
    let headers = request.headers();
    let access = &console.access;
    let mut identity = Identity {
        caller: if access.has_token() {
            Caller::Anonymous
        } else {
            Caller::NoTokenConfigured
        },
        is_local: access.is_local(request.version(), headers),
        has_session: false,
    };
    let mut name = None;
    if let Some((person, role)) = access.proxied(peer.ip(), headers) {
        identity.grant(role);
        name = Some(person);
    } else if let Some(token) = bearer(headers).filter(|_| access.has_token()) {
        match console.check_token(token, peer.ip(), headers) {
            Ok(role) => identity.grant(role),
            Err(TokenRejection::Wrong) => {}
            Err(TokenRejection::TooMany(wait)) => {
                let text = "Too many wrong tokens were presented; this one was not checked.\n";
                return (StatusCode::TOO_MANY_REQUESTS, retry_after(wait), text).into_response();
            }
        }
    }
    let sessions = access.sessions(headers);
    if !sessions.is_empty() {
        let is_active = console
            .db
            .read(move |sql| session::active(sql, &sessions, now));
        match is_active.await {
            Ok(Some(role)) => {
                identity.grant(role);
                identity.has_session = true;
            }
            Ok(None) => {}
            Err(error) => return unavailable(Layout::new(&console, identity), &error),
        }
    }
    request.extensions_mut().insert(identity);
    request.extensions_mut().insert(OperatorName(name));
    next.run(request).await
}

/// Serves private pages to viewers and operators, and to this machine if the listener is on loopback.
pub(super) async fn require_access(
    Extension(identity): Extension<Identity>,
    request: Request,
    next: Next,
) -> Response {
    if identity.may_read() {
        return next.run(request).await;
    }
    if identity.caller == Caller::NoTokenConfigured {
        let sentence = "ADMIN_TOKEN is not set, so only this machine is answered, not what a proxy passes on.\n";
        return (StatusCode::FORBIDDEN, sentence).into_response();
    }
    let path = request.uri().path();
    if path == "/metrics" || path.starts_with("/api/") || request.method() == Method::POST {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        let sentence = "The ADMIN_TOKEN is required.\n";
        return (StatusCode::UNAUTHORIZED, challenge, sentence).into_response();
    }
    let path = request.uri().path_and_query();
    let path = path.map_or("/", |path| path.as_str());
    Redirect::to(&login::address(path)).into_response()
}

/// Lets only operators through, before the body of a large form is read.
pub(super) async fn require_operator(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    request: Request,
    next: Next,
) -> Response {
    match refusal(&console, identity, &next_page(&request)) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    }
}

/// The page to continue with after signing in: that of the request, or the one with the form that sent it.
fn next_page(request: &Request) -> String {
    let path = request.uri().path_and_query();
    let asked = path.map_or("/", |path| path.as_str());
    if request.method() == Method::GET {
        return asked.to_owned();
    }
    let referrer = request.headers().get(header::REFERER);
    let form = referrer.and_then(|referrer| referrer.to_str().ok()?.parse::<Uri>().ok());
    let path = form.as_ref().and_then(Uri::path_and_query);
    path.map_or("/", |path| path.as_str()).to_owned()
}

/// The page for those who may not change anything.
fn refusal(console: &Console, identity: Identity, path: &str) -> Option<Response> {
    let layout = Layout::new(console, identity);
    match identity.caller {
        Caller::Known(Role::Operator) => None,
        Caller::Known(Role::Viewer) => Some(message(
            layout,
            StatusCode::FORBIDDEN,
            "Only operators can change this",
            "You may see everything here and change nothing. Sign in with the ADMIN_TOKEN to make changes.",
            Some((login::address(path), "Sign in as an operator")),
        )),
        Caller::Anonymous => Some(message(
            layout,
            StatusCode::UNAUTHORIZED,
            "Sign in first",
            "Sign in with the ADMIN_TOKEN to make changes. A session lasts 12 hours.",
            Some((login::address(path), "Sign in")),
        )),
        Caller::NoTokenConfigured => Some(message(
            layout,
            StatusCode::FORBIDDEN,
            "Nothing can be changed here",
            "ADMIN_TOKEN is not set. Set it and restart the service, or use docspace-courier events.",
            Some(all_events()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_signing_in_one_continues_with_the_page_of_the_form() {
        let check = |method: Method, referrer: Option<&str>, expected: &str| {
            let mut request = Request::builder()
                .method(method)
                .uri("/rules/pause?rule=copy");
            if let Some(referrer) = referrer {
                request = request.header(header::REFERER, referrer);
            }
            let request = request.body(Body::empty()).unwrap();
            assert_eq!(next_page(&request), expected, "{referrer:?}");
        };
        check(Method::GET, None, "/rules/pause?rule=copy");
        check(Method::POST, None, "/");
        let form = "http://localhost:3001/events/matching/discard?show=dead";
        check(
            Method::POST,
            Some(form),
            "/events/matching/discard?show=dead",
        );
        check(Method::POST, Some("no address"), "/");
    }

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
