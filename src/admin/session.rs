//! Sessions of operators who signed in: the table `sessions`, and the cookie.
//!
//! A session is a random number that only the browser has. The store has its MAC under the token, so a copy of
//! the store opens no session, and another token ends all of them. Every instance on the store knows it.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use rustls::crypto::{GetRandomFailed, aws_lc_rs};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::db::{Sql, SqlError};
use crate::http_headers;

/// The name of the cookie.
const COOKIE: &str = "courier_session";

/// Behind HTTPS, the name also keeps other hosts of the domain from setting the cookie.
const HTTPS_COOKIE: &str = "__Host-courier_session";

/// How long a session lasts: longer than a working day.
pub(crate) const LENGTH: Duration = Duration::from_hours(12);

/// The size of a session's random number in bytes.
const BYTES: usize = 32;

/// A session as the store knows it.
#[derive(Clone, Debug)]
pub(super) struct SessionDigest(String);

/// A session as the browser knows it.
pub(crate) struct SessionToken(String);

impl SessionToken {
    /// A new session.
    pub(crate) fn random() -> Result<Self, GetRandomFailed> {
        let mut bytes = [0; BYTES];
        aws_lc_rs::default_provider()
            .secure_random
            .fill(&mut bytes)?;
        Ok(Self(hex::encode(bytes)))
    }

    /// The session as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are the same session; response times reveal nothing.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }

    /// The sessions of a request's cookies.
    pub(crate) fn of_request(headers: &HeaderMap) -> Vec<Self> {
        cookies(headers)
            .map(|(_, value)| Self(value.to_owned()))
            .collect()
    }

    pub(super) fn digest(&self, token: &SecretString) -> SessionDigest {
        let mut mac = Hmac::<Sha256>::new_from_slice(token.expose_secret().as_bytes())
            .expect("HMAC takes a key of any length");
        mac.update(self.0.as_bytes());
        SessionDigest(hex::encode(mac.finalize().into_bytes()))
    }

    /// The cookie that begins the session in the browser that sends these headers.
    pub(crate) fn cookie(&self, headers: &HeaderMap) -> String {
        let name = if is_over_https(headers) {
            HTTPS_COOKIE
        } else {
            COOKIE
        };
        set_cookie(name, &self.0, LENGTH)
    }
}

/// Whether the browser that sends a form reached this listener over HTTPS, through a proxy.
fn is_over_https(headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN);
    origin.is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
        || http_headers::is_https(headers) == Some(true)
}

/// The cookies that remove those of a request from the browser.
pub(super) fn removed_cookies(headers: &HeaderMap) -> Vec<String> {
    cookies(headers)
        .map(|(name, _)| set_cookie(name, "", Duration::ZERO))
        .collect()
}

fn set_cookie(name: &str, value: &str, length: Duration) -> String {
    let secure = if name == HTTPS_COOKIE { "; Secure" } else { "" };
    let seconds = length.as_secs();
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// The name and value of each cookie of a request that can be a session's.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let values = headers.get_all(header::COOKIE).iter();
    values
        .filter_map(|value: &HeaderValue| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(name, _)| [COOKIE, HTTPS_COOKIE].contains(name))
        .filter(|(_, value)| {
            value.len() == 2 * BYTES && value.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
        // One of each name.
        .take(2)
}

/// Stores a new session, and removes those that have ended.
pub(super) fn begin(sql: &Sql, session: &SessionDigest, now: Timestamp) -> Result<(), SqlError> {
    sql.execute(
        "DELETE FROM sessions WHERE ends_at <= :now",
        &[(":now", now.into())],
    )?;
    sql.execute(
        "INSERT INTO sessions (digest, ends_at) VALUES (:digest, :ends_at)",
        &[
            (":digest", session.0.as_str().into()),
            (":ends_at", (now + LENGTH).into()),
        ],
    )
    .map(drop)
}

/// The role of the first of the sessions that has begun and not ended.
pub(super) fn active<Role: Copy>(
    sql: &Sql,
    sessions: &[(Role, SessionDigest)],
    now: Timestamp,
) -> Result<Option<Role>, SqlError> {
    for (role, session) in sessions {
        let is_active = sql.exists(
            "SELECT 1 FROM sessions WHERE digest = :digest AND ends_at > :now",
            &[(":digest", session.0.as_str().into()), (":now", now.into())],
        )?;
        if is_active {
            return Ok(Some(*role));
        }
    }
    Ok(None)
}

/// Ends sessions.
pub(super) fn end<'a>(
    sql: &Sql,
    sessions: impl IntoIterator<Item = &'a SessionDigest>,
) -> Result<(), SqlError> {
    for session in sessions {
        sql.execute(
            "DELETE FROM sessions WHERE digest = :digest",
            &[(":digest", session.0.as_str().into())],
        )?;
    }
    Ok(())
}
