//! Authorization of API calls: the key and its scopes (docs/DOCSPACE.md 6).

use axum::http::Method;

/// The state of the one API key, and whether the portal is down.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) key_valid: bool,
    /// Empty for a key with all rights.
    pub(super) scopes: Vec<String>,
    pub(super) down: bool,
    /// The login tokens, which have all rights of the service account.
    tokens: Vec<String>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            key_valid: true,
            scopes: Vec::new(),
            down: false,
            tokens: Vec::new(),
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
    /// Creates a login token.
    pub(super) fn add_token(&mut self) -> String {
        let token = format!("{:032x}{:032x}", fastrand::u128(..), fastrand::u128(..));
        self.tokens.push(token.clone());
        token
    }

    /// Whether a call with this key or login token is authorized; without a call, whether the key is valid.
    pub(super) fn authorization(
        &self,
        api_key: &str,
        given_key: Option<&str>,
        call: Option<(&Method, &str)>,
    ) -> Authorization {
        let Some(given_key) = given_key else {
            return Authorization::NoKey;
        };
        if self.tokens.iter().any(|token| token == given_key) {
            return Authorization::Allowed;
        }
        if given_key != api_key || !self.key_valid {
            return Authorization::BadKey;
        }
        let sufficient = call.map_or(&[][..], |(method, path)| scopes_for(method, path));
        let is_granted = |scope: &&str| self.scopes.iter().any(|granted| granted == scope);
        if self.scopes.is_empty() || sufficient.is_empty() || sufficient.iter().any(is_granted) {
            Authorization::Allowed
        } else {
            Authorization::ScopeMissing
        }
    }
}

/// Whether the portal allows a call to anonymous visitors as well (docs/DOCSPACE.md A1.5). These respond to a bad key
/// with 403.
pub(super) fn allows_anonymous(method: &Method, path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/api/2.0/files/") else {
        return false;
    };
    let segments: Vec<_> = rest.split('/').collect();
    match segments[..] {
        ["file", _] => method == Method::GET || method == Method::PUT,
        ["folder" | "rooms", _] | ["file" | "folder", _, "link"] => method == Method::GET,
        [only] => {
            method == Method::GET && !["rooms", "tags"].contains(&only) && !only.starts_with('@')
        }
        _ => false,
    }
}

/// The scopes of which a call needs one; empty if it needs none.
fn scopes_for(method: &Method, path: &str) -> &'static [&'static str] {
    let reads = method == Method::GET;
    let path = path.trim_start_matches("/api/2.0/");
    let segments: Vec<_> = path.split('/').collect();
    match segments[..] {
        ["keys", ..] => &[],
        ["people", "@self", ..] if reads => &[
            "accounts.self:read",
            "accounts.self:write",
            "*:read",
            "*:write",
        ],
        ["people", "@self", ..] => &["accounts.self:write", "*:write"],
        // This call uses an authentication that does not check scopes.
        ["people", id] if reads && !["email", "filter"].contains(&id) => &[],
        ["people", ..] if reads => &["accounts:read", "accounts:write", "*:read", "*:write"],
        ["group", ..] if reads => &["accounts:read", "*:read", "*:write"],
        ["people" | "group", ..] => &["accounts:write", "*:write"],
        ["files", "rooms", ..] if reads => &["rooms:read", "rooms:write", "*:read", "*:write"],
        ["files", "rooms", ..] => &["rooms:write", "*:write"],
        ["files", ..] if reads => &["files:read", "files:write", "*:read", "*:write"],
        ["files", ..] => &["files:write", "*:write"],
        _ if reads => &["*:read", "*:write"],
        _ => &["*:write"],
    }
}
