//! Access: the admin token, and the session that replaces it after signing in.
//!
//! A session is the time at which it ends and a MAC of that time under the token. The service stores
//! nothing for it, so it survives a restart and ends when the token changes.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tracing::warn;

use crate::log_limit::LogLimit;

/// The cookie that holds a session.
const COOKIE: &str = "courier_session";

/// How long a session lasts: longer than a working day.
const SESSION: Duration = Duration::from_hours(12);

/// Who may see and change what.
#[derive(Debug)]
pub struct Access {
    token: Option<SecretString>,
    exposure: Exposure,
    failures: LogLimit,
}

/// Who can reach the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exposure {
    /// Only this machine: reading needs no token.
    Loopback,
    /// Other machines too: reading needs the token.
    Network,
}

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// Has the token or a session, and may change things.
    Operator,
    /// Has neither.
    Anonymous,
    /// Cannot be an operator, because no token is configured.
    NoTokenConfigured,
}

impl Access {
    /// The access to a listener on this address.
    pub fn new(token: Option<SecretString>, listener: SocketAddr) -> Self {
        let exposure = if listener.ip().is_loopback() {
            Exposure::Loopback
        } else {
            Exposure::Network
        };
        Self {
            token,
            exposure,
            failures: LogLimit::default(),
        }
    }

    pub(super) fn exposure(&self) -> Exposure {
        self.exposure
    }

    /// Who sends a request, by its `Authorization: Bearer` header or the session's cookie.
    pub(super) fn caller(&self, headers: &HeaderMap, now: Timestamp) -> Caller {
        let Some(token) = &self.token else {
            return Caller::NoTokenConfigured;
        };
        let session = sessions(headers).any(|session| is_valid_session(token, session, now));
        if session || bearer(headers).is_some_and(|bearer| is_token(token, bearer)) {
            Caller::Operator
        } else {
            Caller::Anonymous
        }
    }

    /// Logs a wrong token in the `Authorization` header.
    pub(super) fn log_wrong_bearer(&self, headers: &HeaderMap, now: Timestamp) {
        if let (Some(token), Some(bearer)) = (&self.token, bearer(headers))
            && !is_token(token, bearer)
        {
            self.log_wrong_token(now);
        }
    }

    /// Logs a wrong token, or counts it for the next log line.
    pub(super) fn log_wrong_token(&self, now: Timestamp) {
        if let Some(attempts) = self.failures.count(now) {
            warn!(attempts, "rejected a wrong ADMIN_TOKEN");
        }
    }

    /// The cookie of a new session, if this is the token.
    pub(super) fn begin_session(&self, entered: &str, now: Timestamp) -> Option<String> {
        let token = self.token.as_ref()?;
        if !is_token(token, entered) {
            return None;
        }
        let ends = (now + SESSION).as_second();
        let mac = hex::encode(mac(token, ends).finalize().into_bytes());
        let seconds = SESSION.as_secs();
        Some(format!(
            "{COOKIE}={ends}.{mac}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict"
        ))
    }
}

/// The cookie that ends a session.
pub(super) fn end_session() -> String {
    format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
}

/// Compares digests, so that response times reveal nothing, not even the token's length.
fn is_token(token: &SecretString, entered: &str) -> bool {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(token.expose_secret()).ct_eq(&digest(entered)).into()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?;
    value.to_str().ok()?.strip_prefix("Bearer ")
}

fn sessions(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

fn is_valid_session(token: &SecretString, session: &str, now: Timestamp) -> bool {
    let Some((ends, tag)) = session.split_once('.') else {
        return false;
    };
    let (Ok(ends), Ok(tag)) = (ends.parse::<i64>(), hex::decode(tag)) else {
        return false;
    };
    mac(token, ends).verify_slice(&tag).is_ok() && now.as_second() < ends
}

fn mac(token: &SecretString, ends: i64) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(b"docspace-courier session until ");
    mac.update(ends.to_string().as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + hours * 3600).unwrap()
    }

    fn access(token: Option<&str>) -> Access {
        Access::new(token.map(SecretString::from), ([127, 0, 0, 1], 3001).into())
    }

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_session_replaces_the_token_until_it_ends() {
        let access = access(Some("open sesame"));
        assert_eq!(access.begin_session("open", at(0)), None);
        let cookie = access.begin_session("open sesame", at(0)).unwrap();
        let session = cookie.split(';').next().unwrap();
        let check = |cookie: &str, hours, expected| {
            let headers = with(header::COOKIE, cookie);
            assert_eq!(access.caller(&headers, at(hours)), expected, "{cookie}");
        };
        check(session, 11, Caller::Operator);
        check(&format!("theme=dark; {session}"), 11, Caller::Operator);
        check(session, 12, Caller::Anonymous);
        check(&session.replacen("=1", "=2", 1), 11, Caller::Anonymous);
        check("courier_session=", 0, Caller::Anonymous);
        check("courier_session=9999999999.00", 0, Caller::Anonymous);
        let other = super::Access::new(Some("other".into()), ([127, 0, 0, 1], 1).into());
        let headers = with(header::COOKIE, session);
        assert_eq!(other.caller(&headers, at(1)), Caller::Anonymous);
    }

    #[test]
    fn a_bearer_token_must_match() {
        let check = |token: Option<&str>, value: &str, expected| {
            let headers = with(header::AUTHORIZATION, value);
            assert_eq!(access(token).caller(&headers, at(0)), expected, "{value}");
        };
        check(Some("t"), "Bearer t", Caller::Operator);
        check(Some("t"), "Bearer tt", Caller::Anonymous);
        check(Some("t"), "Bearer ", Caller::Anonymous);
        check(Some("t"), "t", Caller::Anonymous);
        check(None, "Bearer ", Caller::NoTokenConfigured);
    }
}
