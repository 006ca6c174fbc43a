//! Who may use the page, which shows the key and the secret and needs neither.
//!
//! A foreign page in a browser on this machine must neither read it under a name of its own (DNS rebinding) nor
//! post its forms, and other pages must not frame it.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::portal::Portal;

/// The headers of every response. The page has its style within it.
const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'",
        ),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Passes on requests to an address of this machine, and forms only of the page itself or of programs such as curl.
pub(super) async fn check(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let address = portal.state().address;
    let headers = request.headers();
    let Some(host) = host(headers).filter(|host| is_own(host, address)) else {
        let sentence = "Open this page by the address of the sandbox, not by a host name.\n";
        return (StatusCode::MISDIRECTED_REQUEST, sentence).into_response();
    };
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads && !is_same_origin(headers, &host) {
        let sentence = "This form did not come from the page of the sandbox.\n";
        return (StatusCode::FORBIDDEN, sentence).into_response();
    }
    let mut response = next.run(request).await;
    response.headers_mut().extend(HEADERS);
    response
}

fn host(headers: &HeaderMap) -> Option<Authority> {
    headers.get(header::HOST)?.to_str().ok()?.parse().ok()
}

/// Whether a host is `localhost`, a loopback address, or an address on which the portal listens. A name could be
/// that of a foreign page.
fn is_own(host: &Authority, listener: Option<SocketAddr>) -> bool {
    let host = host.host();
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let is_of_listener =
        |listener: SocketAddr| listener.ip().is_unspecified() || listener.ip() == address;
    address.is_loopback() || listener.is_some_and(is_of_listener)
}

/// Whether a form comes from the page at this host. Browsers send at least one of the two headers with every form.
fn is_same_origin(headers: &HeaderMap, host: &Authority) -> bool {
    let site = headers.get("sec-fetch-site");
    let origin = headers.get(header::ORIGIN);
    let is_host = |origin: &HeaderValue| {
        let authority = origin.to_str().ok().and_then(|text| {
            let authority = text.strip_prefix("http://")?;
            authority.parse::<Authority>().ok()
        });
        authority.as_ref() == Some(host)
    };
    site.is_none_or(|site| site == "same-origin") && origin.is_none_or(is_host)
}
