//! Calls about the API key and its user (docs/DOCSPACE.md 6).

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::wire;

use super::call::PortalCall;
use super::error::Error;
use super::person::Person;
use super::transport::{Transport, probe_path};

/// Calls about the API key and its user.
#[derive(Clone, Copy, Debug)]
pub struct ApiKeyAccount<'a> {
    transport: &'a Transport,
}

/// An API key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyInfo {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its scopes; an empty list means full access.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// When it expires.
    #[serde(default, deserialize_with = "wire::optional_time")]
    pub expires_at: Option<Timestamp>,
}

impl<'a> ApiKeyAccount<'a> {
    pub(super) fn new(transport: &'a Transport) -> Self {
        Self { transport }
    }

    /// Reads the account that the key acts as. Fails with [`Error::KeyRefused`] if the key is not valid.
    pub async fn current_user(self) -> Result<Person, Error> {
        self.transport.read(PortalCall::get("people/@self")).await
    }

    /// Fails with [`Error::KeyRefused`] if the key is not valid. Files alone do not show that: they respond to
    /// an invalid key with 403 (docs/DOCSPACE.md 6).
    pub async fn verify_key(self) -> Result<(), Error> {
        self.transport
            .read::<IgnoredAny>(PortalCall::list(probe_path()))
            .await
            .map(drop)
    }

    /// Reads the key itself. Needs no scope, but an API key: a login token is refused.
    pub async fn key(self) -> Result<KeyInfo, Error> {
        // A login token that is refused here works for other calls, so it must not open the circuit.
        let key = self
            .transport
            .send_unrecorded(PortalCall::get("keys/@self"));
        Ok(key.await?.response)
    }
}
