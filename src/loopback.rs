//! Recognises hosts that are this machine, and requests that its own programs send.
//!
//! A listener on a loopback address is reached by more than local programs: a web page can make the browser
//! of this machine send requests, under a name of its own, too (DNS rebinding), and proxies and tunnels pass
//! requests of other machines on.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Version, header};

/// Beginnings of the names of headers that proxies and tunnels add. Cloudflare's begin with `cf-`.
const FORWARDING_PREFIXES: [&str; 3] = ["x-forwarded-", "cf-", "ngrok-"];

/// Names of further headers that proxies and tunnels add.
const FORWARDING_HEADERS: [&str; 7] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-host",
    "true-client-ip",
];

/// Whether a host is `localhost` or a loopback address. An IPv6 address may be in brackets, as in URLs.
pub(crate) fn is_loopback(host: &str) -> bool {
    let unbracketed = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = unbracketed.unwrap_or(host).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// The address at which this machine reaches a listener.
pub(crate) fn local_address(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        // `[::]` includes all IPv4 addresses, and a machine may have no others.
        ip if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listener.port())
}

/// The host and port that a request names.
pub(crate) fn host_of(headers: &HeaderMap) -> Option<Authority> {
    headers.get(header::HOST)?.to_str().ok()?.parse().ok()
}

/// Whether a request names a loopback host. A foreign page can let its own name resolve to our address, but it
/// cannot use a loopback name.
pub(crate) fn has_loopback_host(headers: &HeaderMap) -> bool {
    host_of(headers).is_some_and(|host| is_loopback(host.host()))
}

/// Whether a proxy or a tunnel passed a request on. HTTP/1.0 counts, because nginx speaks it and adds no header,
/// unless it is configured to.
pub(crate) fn is_forwarded(version: Version, headers: &HeaderMap) -> bool {
    version < Version::HTTP_11
        || headers.keys().any(|name| {
            let name = name.as_str();
            FORWARDING_HEADERS.contains(&name)
                || FORWARDING_PREFIXES
                    .iter()
                    .any(|prefix| name.starts_with(prefix))
        })
}

/// Whether a browser sent a request to change something: to every such request it adds at least one of these.
pub(crate) fn is_from_browser(headers: &HeaderMap) -> bool {
    headers
        .keys()
        .any(|name| *name == header::ORIGIN || name.as_str().starts_with("sec-fetch-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_hosts() {
        for host in [
            "localhost",
            "LocalHost",
            "127.0.0.1",
            "127.0.0.2",
            "::1",
            "[::1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "localhost.example",
            "10.0.0.1",
            "::2",
            "[::2]",
            "127.0.0.1.example",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn a_listener_on_all_addresses_is_reached_on_loopback() {
        let check = |listener: &str, expected: &str| {
            let address = local_address(listener.parse().unwrap());
            assert_eq!(address.to_string(), expected);
        };
        check("127.0.0.1:3001", "127.0.0.1:3001");
        check("0.0.0.0:3001", "127.0.0.1:3001");
        check("[::]:3001", "127.0.0.1:3001");
        check("10.1.2.3:80", "10.1.2.3:80");
    }

    #[test]
    fn loopback_hosts_of_requests() {
        let check = |host: &'static str, expected: bool| {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            assert_eq!(has_loopback_host(&headers), expected, "{host}");
        };
        check("localhost", true);
        check("LOCALHOST:3001", true);
        check("127.0.0.1:3001", true);
        check("[::1]:3001", true);
        check("127.0.0.2:3001", true);
        check("192.168.0.7:3001", false);
        check("evil.example:3001", false);
        check("127.0.0.1.evil.example", false);
        check("localhost.evil.example", false);
        check("", false);
        assert!(!has_loopback_host(&HeaderMap::new()));
    }
}
