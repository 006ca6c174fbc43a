//! Guards: the conditions that a request must meet before any page is rendered.
//!
//! A foreign page in the operator's browser must neither read this listener under a host name of its own
//! (DNS rebinding) nor post to it (request forgery). Our own pages must not load anything from elsewhere,
//! and other pages must not frame them.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::loopback::{has_loopback_host, host_of};

use super::access::{Caller, Exposure};
use super::console::Console;
use super::login;

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
    if console.access.exposure() == Exposure::Loopback && !has_loopback_host(request.headers()) {
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

/// On a listener that other machines can reach, serves private pages to the operator only.
pub(super) async fn require_access(
    State(console): State<Arc<Console>>,
    request: Request,
    next: Next,
) -> Response {
    let now = console.clock.now();
    console.access.log_wrong_bearer(request.headers(), now);
    let caller = console.access.caller(request.headers(), now);
    if console.access.exposure() == Exposure::Loopback || caller == Caller::Operator {
        return next.run(request).await;
    }
    let path = request.uri().path();
    if path == "/metrics" || path.starts_with("/api/") || request.method() == Method::POST {
        let ask = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (
            StatusCode::UNAUTHORIZED,
            ask,
            "The ADMIN_TOKEN is required.\n",
        )
            .into_response();
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
