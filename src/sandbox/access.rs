//! Who may call what: the API key and its scopes (docs/DOCSPACE.md 6).

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::Portal;
use super::api::ApiError;

/// The state of the portal's one API key, and of the portal.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) key_valid: bool,
    /// Empty for a key that may do everything.
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

/// What a call's credentials are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Allowed,
    NoCredentials,
    BadKey,
    ScopeMissing,
}

/// Lets a call through to its handler, or refuses it as the portal does.
pub(super) async fn guard(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let anonymous = serves_visitors(request.method(), request.uri().path());
    let scopes = scopes_for(request.method(), request.uri().path());
    match verdict(&portal, request.headers(), scopes) {
        Verdict::Allowed => next.run(request).await,
        Verdict::NoCredentials if anonymous => ApiError::Anonymous.into_response(),
        Verdict::BadKey if anonymous => StatusCode::FORBIDDEN.into_response(),
        Verdict::ScopeMissing => StatusCode::FORBIDDEN.into_response(),
        Verdict::NoCredentials | Verdict::BadKey => StatusCode::UNAUTHORIZED.into_response(),
    }
}

fn verdict(portal: &Portal, headers: &HeaderMap, scopes: &[&str]) -> Verdict {
    let key = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let state = portal.state();
    match key {
        None => Verdict::NoCredentials,
        Some(key) if key != portal.api_key() || !state.access.key_valid => Verdict::BadKey,
        Some(_) => {
            let granted = &state.access.scopes;
            let suffices = |scope: &&str| granted.iter().any(|granted| granted == scope);
            if granted.is_empty() || scopes.is_empty() || scopes.iter().any(suffices) {
                Verdict::Allowed
            } else {
                Verdict::ScopeMissing
            }
        }
    }
}

/// Whether anonymous visitors are served as well: `files/file/{id}`, `files/folder/{id}`,
/// `files/{id}` and `files/fileops`. These answer a bad key with 403.
fn serves_visitors(method: &Method, path: &str) -> bool {
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

/// The scopes of which a call needs one; none for a call that needs none.
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
