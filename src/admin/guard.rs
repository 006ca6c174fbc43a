//! Guards: what a request must be before any page is made for it.
//!
//! A page in the operator's browser must not read this listener under a name of its own (DNS rebinding)
//! nor post to it (request forgery), and a page of ours must load and frame nothing from elsewhere.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::loopback::is_loopback;

use super::Status;
use super::access::{Reach, Visitor};
use super::login;

/// What every answer carries. The referrer stays on this origin; without any, browsers would hide the
/// origin of our own forms, too.
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

/// Adds the headers that every answer carries.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().extend(HEADERS);
    response
}

/// On a loopback listener, answers only those who call it by a loopback name.
pub(super) async fn host(
    State(status): State<Arc<Status>>,
    request: Request,
    next: Next,
) -> Response {
    if status.access.reach() == Reach::ThisMachine && !names_this_machine(request.headers()) {
        let sentence = "This address is answered as localhost, 127.0.0.1 or [::1] only.\n";
        return (StatusCode::MISDIRECTED_REQUEST, sentence).into_response();
    }
    next.run(request).await
}

/// A foreign page can point its own name to our address, but not call itself by a loopback name.
fn names_this_machine(headers: &HeaderMap) -> bool {
    host_of(headers).is_some_and(|host| is_loopback(host.host()))
}

fn host_of(headers: &HeaderMap) -> Option<Authority> {
    headers.get(header::HOST)?.to_str().ok()?.parse().ok()
}

/// Takes what changes something only from pages of this origin.
pub(super) async fn same_origin(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads || is_same_origin(request.headers()) {
        return next.run(request).await;
    }
    let sentence = "Only the pages of this address may ask for changes.\n";
    (StatusCode::FORBIDDEN, sentence).into_response()
}

/// Browsers send one of the two headers with every form, or both; whoever sends neither is no browser
/// with a session.
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

/// Where other machines reach the listener, shows its pages to the operator only.
pub(super) async fn admit(
    State(status): State<Arc<Status>>,
    request: Request,
    next: Next,
) -> Response {
    let visitor = status.access.visitor(request.headers(), status.clock.now());
    if status.access.reach() == Reach::ThisMachine || visitor == Visitor::Operator {
        return next.run(request).await;
    }
    let path = request.uri().path();
    if path == "/metrics" || path.starts_with("/api/") || request.method() == Method::POST {
        let ask = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, ask, "This needs the token.\n").into_response();
    }
    let wanted = request.uri().path_and_query();
    let wanted = wanted.map_or("/", |wanted| wanted.as_str());
    Redirect::to(&login::address(wanted)).into_response()
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
    fn names_of_this_machine() {
        let check = |host: &'static str, expected: bool| {
            let headers = headers(&[("host", host)]);
            assert_eq!(names_this_machine(&headers), expected, "{host}");
        };
        check("localhost", true);
        check("LOCALHOST:3001", true);
        check("127.0.0.1:3001", true);
        check("[::1]:3001", true);
        check("127.0.0.2:3001", true);
        check("192.168.0.7:3001", false);
        check("evil.example:3001", false);
        check("127.0.0.1.evil.example", false);
        check("localhost.evil.example", false);
        check("", false);
        assert!(!names_this_machine(&HeaderMap::new()));
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
