//! A proxy that authenticates the operators, for example against the accounts of the organisation.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use super::role::Role;

/// The header in which proxies name the client's address, the nearest one last.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The role of those who may change things, as the proxy names it.
const OPERATOR: &str = "operator";

/// A proxy whose requests are those of a person if they have a header that names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProxy {
    /// The header that the proxy sets to the person's name, and removes from what clients send.
    pub header: HeaderName,
    /// The header that it sets to the person's role. Without it, everybody it authenticates is an operator.
    pub role_header: Option<HeaderName>,
    /// The networks in which the proxy is.
    pub networks: Vec<IpNet>,
}

impl TrustedProxy {
    fn is_at(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.networks.iter().any(|network| network.contains(&peer))
    }

    /// The name and the role of the person who sends a request. `peer` is the other end of the connection.
    pub(super) fn person(&self, peer: IpAddr, headers: &HeaderMap) -> Option<(String, Role)> {
        if !self.is_at(peer) {
            return None;
        }
        let name = only_value(headers, &self.header)?;
        let role = match &self.role_header {
            None => Role::Operator,
            Some(header) if only_value(headers, header).as_deref() == Some(OPERATOR) => {
                Role::Operator
            }
            Some(_) => Role::Viewer,
        };
        Some((name, role))
    }

    /// The address of the client behind the proxy, if it passed the request on and names one.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let value = headers.get_all(FORWARDED_FOR).iter().next_back()?;
        let nearest = value.to_str().ok()?.rsplit(',').next()?;
        nearest.trim().parse().ok().filter(|_| self.is_at(peer))
    }
}

/// The value of a header that is there once and not empty.
fn only_value(headers: &HeaderMap, header: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(header).iter();
    let value = values.next()?.as_bytes().trim_ascii();
    let is_only = !value.is_empty() && values.next().is_none();
    is_only.then(|| String::from_utf8_lossy(value).into_owned())
}
