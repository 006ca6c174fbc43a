//! The session: a link that works once begins it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use rustls::crypto::GetRandomFailed;
use subtle::ConstantTimeEq as _;

use crate::admin::session::SessionToken;

/// Who may use the pages. Sessions are kept in memory: they end with the command.
pub(super) struct SetupSession {
    /// The token of the link, until it is used.
    unused: Mutex<Option<String>>,
    session: SessionToken,
    has_begun: Mutex<bool>,
}

impl SetupSession {
    /// A session that has not begun, and the token that begins it.
    pub(super) fn new() -> Result<(Self, String), GetRandomFailed> {
        let token = SessionToken::random()?.as_str().to_owned();
        let session = Self {
            unused: Mutex::new(Some(token.clone())),
            session: SessionToken::random()?,
            has_begun: Mutex::new(false),
        };
        Ok((session, token))
    }

    /// The cookie that begins the session, if the token is right and was not used before.
    pub(super) fn begin(&self, token: &str, headers: &HeaderMap) -> Option<String> {
        let mut unused = lock(&self.unused);
        let is_right = unused
            .as_ref()
            .is_some_and(|unused| unused.as_bytes().ct_eq(token.as_bytes()).into());
        if !is_right {
            return None;
        }
        *unused = None;
        *lock(&self.has_begun) = true;
        Some(self.session.cookie(headers))
    }

    /// Whether a request belongs to the session.
    pub(super) fn includes(&self, headers: &HeaderMap) -> bool {
        let presented = SessionToken::of_request(headers);
        *lock(&self.has_begun) && presented.iter().any(|session| session.is(&self.session))
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
