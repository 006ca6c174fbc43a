//! Authorization of API calls: the key and its scopes (docs/DOCSPACE.md 6).

use axum::http::Method;

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
pub(super) enum Authorization {
    Allowed,
    NoKey,
    BadKey,
    ScopeMissing,
}

impl Access {
    /// Whether a call with this key is authorized.
    pub(super) fn authorization(
        &self,
        api_key: &str,
        given_key: Option<&str>,
        method: &Method,
        path: &str,
    ) -> Authorization {
        let Some(given_key) = given_key else {
            return Authorization::NoKey;
        };
        if given_key != api_key || !self.key_valid {
            return Authorization::BadKey;
        }
        let sufficient = scopes_for(method, path);
        let is_granted = |scope: &&str| self.scopes.iter().any(|granted| granted == scope);
        if self.scopes.is_empty() || sufficient.is_empty() || sufficient.iter().any(is_granted) {
            Authorization::Allowed
        } else {
            Authorization::ScopeMissing
        }
    }
}

/// Whether the portal allows a call to anonymous visitors as well: `files/file/{id}`, `files/folder/{id}`,
/// `files/{id}` and `files/fileops`. These respond to a bad key with 403.
pub(super) fn allows_anonymous(method: &Method, path: &str) -> bool {
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
