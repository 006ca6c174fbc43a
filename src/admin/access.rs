//! Access: who sends a request and in which role, by a token or the session that replaces it after signing in.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, Version, header};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tracing::warn;

use crate::audit::{Author, Through};
use crate::log_limit::LogLimits;
use crate::loopback::{has_loopback_host, is_forwarded};

use super::guess_limit::{GuessLimit, TokenRejection};
use super::role::Role;
use super::session::{SessionDigest, SessionToken};
use super::trusted_proxy::TrustedProxy;

/// Who may see and change what.
#[derive(Debug)]
pub struct Access {
    token: Option<SecretString>,
    viewer_token: Option<SecretString>,
    exposure: Exposure,
    proxy: Option<TrustedProxy>,
    guesses: GuessLimit,
    rejection_log: LogLimits,
}

/// Who can reach the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exposure {
    /// Only this machine: reading needs no token.
    Loopback,
    /// Other machines too: reading needs the token.
    Network,
}

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// Has a token or a session, or was authenticated by the proxy.
    Known(Role),
    /// Has neither.
    Anonymous,
    /// Cannot be known, because no token is configured.
    NoTokenConfigured,
}

/// Who sends a request, and whether it comes from this machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    pub(super) caller: Caller,
    pub(super) is_local: bool,
    /// Whether there is a session to end.
    pub(super) has_session: bool,
}

/// Who sends a request, as the proxy that authenticated them names them.
#[derive(Clone, Debug, Default)]
pub(super) struct OperatorName(pub(super) Option<String>);

impl OperatorName {
    /// The operator, for the audit log.
    pub(super) fn author(self) -> Author {
        Author {
            through: Through::Console,
            person: self.0,
        }
    }
}

impl Identity {
    /// Whether pages and their data may be shown.
    pub(super) fn may_read(self) -> bool {
        self.is_local || matches!(self.caller, Caller::Known(_))
    }

    /// Takes note of a role that the request proves. The highest counts.
    pub(super) fn grant(&mut self, role: Role) {
        self.caller = match self.caller {
            Caller::Known(other) => Caller::Known(other.max(role)),
            Caller::Anonymous | Caller::NoTokenConfigured => Caller::Known(role),
        };
    }
}

impl Access {
    /// The access to a listener on this address, perhaps through a proxy that authenticates operators.
    pub fn new(
        token: Option<SecretString>,
        listener: SocketAddr,
        proxy: Option<TrustedProxy>,
    ) -> Self {
        let exposure = if listener.ip().is_loopback() {
            Exposure::Loopback
        } else {
            Exposure::Network
        };
        Self {
            token,
            viewer_token: None,
            exposure,
            proxy,
            guesses: GuessLimit::default(),
            rejection_log: LogLimits::default(),
        }
    }

    /// The same access, and another token with which one may see everything and change nothing.
    #[must_use]
    pub fn with_viewer_token(self, viewer_token: Option<SecretString>) -> Self {
        Self {
            viewer_token,
            ..self
        }
    }

    /// The name and the role of the person who sends a request, if a proxy has authenticated them.
    pub(super) fn proxied(&self, peer: IpAddr, headers: &HeaderMap) -> Option<(String, Role)> {
        self.proxy.as_ref()?.person(peer, headers)
    }

    /// The address of the client: the one that a trusted proxy names, or that of the connection.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let proxy = self.proxy.as_ref();
        proxy
            .and_then(|proxy| proxy.client(peer, headers))
            .unwrap_or(peer)
    }

    pub(super) fn has_token(&self) -> bool {
        Role::ALL.iter().any(|&role| self.token_of(role).is_some())
    }

    pub(super) fn has_viewer_token(&self) -> bool {
        self.viewer_token.is_some()
    }

    fn token_of(&self, role: Role) -> Option<&SecretString> {
        match role {
            Role::Operator => self.token.as_ref(),
            Role::Viewer => self.viewer_token.as_ref(),
        }
    }

    /// The role that a token gives.
    fn role_of(&self, entered: &str) -> Option<Role> {
        let gives = |role: &Role| {
            let token = self.token_of(*role);
            token.is_some_and(|token| is_token(token, entered))
        };
        Role::ALL.into_iter().find(gives)
    }

    /// Whether a request comes from this machine: the listener is on loopback and no proxy passed the request on.
    pub(super) fn is_local(&self, version: Version, headers: &HeaderMap) -> bool {
        self.exposure == Exposure::Loopback && !is_forwarded(version, headers)
    }

    /// Whether a request uses a host name at which a foreign page can reach a listener on loopback. What a proxy
    /// passes on is not local anyway.
    pub(super) fn is_rebound(&self, version: Version, headers: &HeaderMap) -> bool {
        self.is_local(version, headers) && !has_loopback_host(headers)
    }

    /// The role that a token gives which an address presents, unless too many wrong ones were presented. Logs rejections.
    pub(super) fn check_token(
        &self,
        entered: &str,
        client: IpAddr,
        now: Timestamp,
    ) -> Result<Role, TokenRejection> {
        let checked = self.guesses.check(client, now, || self.role_of(entered));
        if let Err(rejection) = checked
            && let Some(attempts) = self.rejection_log.count(rejection.code(), now)
        {
            let reason = rejection.code();
            match rejection {
                TokenRejection::Wrong => {
                    warn!(attempts, reason, %client, "rejected a wrong ADMIN_TOKEN");
                }
                TokenRejection::TooMany(_) => warn!(
                    attempts, reason, %client,
                    "did not check an ADMIN_TOKEN, because too many wrong ones were presented"
                ),
            }
        }
        checked
    }

    /// The sessions that a request presents, as the store would know them in each role.
    pub(super) fn sessions(&self, headers: &HeaderMap) -> Vec<(Role, SessionDigest)> {
        let sessions = SessionToken::of_request(headers);
        let in_role = |role| {
            let digests = sessions.iter().filter_map(move |it| self.digest(it, role));
            digests.map(move |digest| (role, digest))
        };
        Role::ALL.into_iter().flat_map(in_role).collect()
    }

    /// A session in this role as the store knows it; `None` without a token for the role.
    pub(super) fn digest(&self, session: &SessionToken, role: Role) -> Option<SessionDigest> {
        self.token_of(role).map(|token| session.digest(token))
    }
}

/// The token in a request's `Authorization` header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?;
    value.to_str().ok()?.strip_prefix("Bearer ")
}

/// Compares digests, so that response times reveal nothing, not even the token's length.
fn is_token(token: &SecretString, entered: &str) -> bool {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(token.expose_secret()).ct_eq(&digest(entered)).into()
}
