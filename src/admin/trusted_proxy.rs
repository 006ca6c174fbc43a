//! A proxy that authenticates the operators, for example against the accounts of the organisation.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// The header in which proxies name the client's address, the nearest one last.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// A proxy whose requests are an operator's if they have a header that names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProxy {
    /// The header that the proxy sets for operators, and removes from what clients send.
    pub header: HeaderName,
    /// The networks in which the proxy is.
    pub networks: Vec<IpNet>,
}

impl TrustedProxy {
    fn is_at(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.networks.iter().any(|network| network.contains(&peer))
    }

    /// The operator who sends a request, as the proxy names them. `peer` is the other end of the connection.
    pub(super) fn operator(&self, peer: IpAddr, headers: &HeaderMap) -> Option<String> {
        let mut names = headers.get_all(&self.header).iter();
        let name = names.next()?.as_bytes().trim_ascii();
        let is_named = self.is_at(peer) && !name.is_empty() && names.next().is_none();
        is_named.then(|| String::from_utf8_lossy(name).into_owned())
    }

    /// The address of the client behind the proxy, if it passed the request on and names one.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let value = headers.get_all(FORWARDED_FOR).iter().next_back()?;
        let nearest = value.to_str().ok()?.rsplit(',').next()?;
        nearest.trim().parse().ok().filter(|_| self.is_at(peer))
    }
}
