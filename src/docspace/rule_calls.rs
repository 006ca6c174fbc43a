//! Calls that a rule names by their path (docs/DOCSPACE.md A1).

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::{ENTRY_BYTES, PortalCall};
use super::error::Error;
use super::path::ApiPath;
use super::transport::Transport;

/// Calls that a rule names by their path.
#[derive(Clone, Copy, Debug)]
pub struct RuleCalls<'a> {
    transport: &'a Transport,
}

/// The method of such a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CallMethod {
    /// Creates or starts something.
    Post,
    /// Changes something.
    Put,
    /// Removes something.
    Delete,
}

impl CallMethod {
    /// All methods, each with its name.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("POST", Self::Post),
        ("PUT", Self::Put),
        ("DELETE", Self::Delete),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl<'a> RuleCalls<'a> {
    pub(super) fn new(transport: &'a Transport) -> Self {
        Self { transport }
    }

    /// Makes a call, if `may_send` returns true just before the request. The path is below `/api/2.0/` and encoded. Only
    /// the status of the response counts.
    pub async fn send(
        self,
        method: CallMethod,
        path: &str,
        body: &Value,
        may_send: impl Future<Output = bool>,
    ) -> Result<(), Error> {
        let call = PortalCall {
            method: match method {
                CallMethod::Post => Method::POST,
                CallMethod::Put => Method::PUT,
                CallMethod::Delete => Method::DELETE,
            },
            path: ApiPath::of_rule(path),
            body: Some(body),
            max_bytes: ENTRY_BYTES,
        };
        self.transport.send_for_status(may_send, call).await
    }
}
