//! Authorization of API calls: the key and its scopes (docs/DOCSPACE.md 6).

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::api::ApiError;
use super::portal::Portal;

/// The state of the one API key, and whether the portal is down.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) key_valid: bool,
    /// Empty for a key with all rights.
    pub(super) scopes: Vec<String>,
    pub(super) down: bool,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            key_valid: true,
            scopes: Vec::new(),
            down: false,
        }
    }
}

/// Whether a call is authorized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Authorization {
    Allowed,
    NoCredentials,
    BadKey,
    ScopeMissing,
}

/// Passes a call on to its handler, or rejects it as the portal does.
pub(super) async fn authorize(
    State(portal): State<Portal>,
    request: Request,
    next: Next,
) -> Response {
    let anonymous = allows_anonymous(request.method(), request.uri().path());
    let scopes = scopes_for(request.method(), request.uri().path());
    match authorization(&portal, request.headers(), scopes) {
        Authorization::Allowed => next.run(request).await,
        Authorization::NoCredentials if anonymous => ApiError::Anonymous.into_response(),
        Authorization::BadKey if anonymous => StatusCode::FORBIDDEN.into_response(),
        Authorization::ScopeMissing => StatusCode::FORBIDDEN.into_response(),
        Authorization::NoCredentials | Authorization::BadKey => {
            StatusCode::UNAUTHORIZED.into_response()
        }
    }
}

fn authorization(portal: &Portal, headers: &HeaderMap, scopes: &[&str]) -> Authorization {
    let key = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let state = portal.state();
    match key {
        None => Authorization::NoCredentials,
        Some(key) if key != portal.api_key() || !state.access.key_valid => Authorization::BadKey,
        Some(_) => {
            let granted = &state.access.scopes;
            let is_granted = |scope: &&str| granted.iter().any(|granted| granted == scope);
            if granted.is_empty() || scopes.is_empty() || scopes.iter().any(is_granted) {
                Authorization::Allowed
            } else {
                Authorization::ScopeMissing
            }
        }
    }
}

/// Whether the portal allows a call to anonymous visitors as well: `files/file/{id}`, `files/folder/{id}`,
/// `files/{id}` and `files/fileops`. These respond to a bad key with 403.
fn allows_anonymous(method: &Method, path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/api/2.0/files/") else {
        return false;
    };
    let segments: Vec<_> = rest.split('/').collect();
    method == Method::GET
        && match segments[..] {
            ["file" | "folder", _] => true,
            [only] => only != "rooms",
            _ => false,
        }
}

/// The scopes of which a call needs one; empty if it needs none.
fn scopes_for(method: &Method, path: &str) -> &'static [&'static str] {
    let reads = method == Method::GET;
    let path = path.trim_start_matches("/api/2.0/");
    if path.starts_with("keys/") {
        &[]
    } else if path.starts_with("people/") {
        &[
            "accounts.self:read",
            "accounts.self:write",
            "*:read",
            "*:write",
        ]
    } else if path.starts_with("files/rooms") {
        &["rooms:read", "rooms:write", "*:read", "*:write"]
    } else if path.starts_with("files/") && reads {
        &["files:read", "files:write", "*:read", "*:write"]
    } else if path.starts_with("files/") {
        &["files:write", "*:write"]
    } else if reads {
        &["*:read", "*:write"]
    } else {
        &["*:write"]
    }
}
