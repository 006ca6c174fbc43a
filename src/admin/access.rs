//! Access: the operator's token, and the session that stands for it after it was entered once.
//!
//! A session is the time it ends and a MAC of that time under the token. Nothing is kept for it: it
//! outlives a restart and dies with the token.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The cookie that holds a session.
const COOKIE: &str = "courier_session";

/// How long a session lasts: a working day and the way home.
const SESSION: Duration = Duration::from_hours(12);

/// Who may see and change what.
#[derive(Debug)]
pub struct Access {
    token: Option<SecretString>,
    reach: Reach,
}

/// From where the listener can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// From this machine: whoever is on it may look.
    ThisMachine,
    /// From others, too: looking needs the token.
    Network,
}

/// What the one who asks may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visitor {
    /// Has shown the token, and may change things.
    Operator,
    /// Has not.
    Stranger,
    /// Nobody can, because no token is configured.
    NoToken,
}

impl Access {
    /// The access to a listener on this address.
    pub fn new(token: Option<SecretString>, listener: SocketAddr) -> Self {
        let reach = if listener.ip().is_loopback() {
            Reach::ThisMachine
        } else {
            Reach::Network
        };
        Self { token, reach }
    }

    pub(super) fn reach(&self) -> Reach {
        self.reach
    }

    /// Who asks, by an `Authorization: Bearer` header or the session's cookie.
    pub(super) fn visitor(&self, headers: &HeaderMap, now: Timestamp) -> Visitor {
        let Some(token) = &self.token else {
            return Visitor::NoToken;
        };
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let session = sessions(headers).any(|session| session_holds(token, session, now));
        if session || bearer.is_some_and(|bearer| is_token(token, bearer)) {
            Visitor::Operator
        } else {
            Visitor::Stranger
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

/// Compares digests, so that not even the token's length can be measured.
fn is_token(token: &SecretString, entered: &str) -> bool {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(token.expose_secret()).ct_eq(&digest(entered)).into()
}

fn sessions(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

fn session_holds(token: &SecretString, session: &str, now: Timestamp) -> bool {
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
    fn a_session_stands_for_the_token_until_it_ends() {
        let access = access(Some("open sesame"));
        assert_eq!(access.begin_session("open", at(0)), None);
        let cookie = access.begin_session("open sesame", at(0)).unwrap();
        let session = cookie.split(';').next().unwrap();
        let check = |cookie: &str, hours, expected| {
            let headers = with(header::COOKIE, cookie);
            assert_eq!(access.visitor(&headers, at(hours)), expected, "{cookie}");
        };
        check(session, 11, Visitor::Operator);
        check(&format!("theme=dark; {session}"), 11, Visitor::Operator);
        check(session, 12, Visitor::Stranger);
        check(&session.replacen("=1", "=2", 1), 11, Visitor::Stranger);
        check("courier_session=", 0, Visitor::Stranger);
        check("courier_session=9999999999.00", 0, Visitor::Stranger);
        let other = super::Access::new(Some("other".into()), ([127, 0, 0, 1], 1).into());
        let headers = with(header::COOKIE, session);
        assert_eq!(other.visitor(&headers, at(1)), Visitor::Stranger);
    }

    #[test]
    fn bearers() {
        let check = |token: Option<&str>, value: &str, expected| {
            let headers = with(header::AUTHORIZATION, value);
            assert_eq!(access(token).visitor(&headers, at(0)), expected, "{value}");
        };
        check(Some("t"), "Bearer t", Visitor::Operator);
        check(Some("t"), "Bearer tt", Visitor::Stranger);
        check(Some("t"), "Bearer ", Visitor::Stranger);
        check(Some("t"), "t", Visitor::Stranger);
        check(None, "Bearer ", Visitor::NoToken);
    }
}
