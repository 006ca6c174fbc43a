//! Addresses that DocSpace does not deliver to: private and loopback ones (docs/DOCSPACE.md 1.8).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses of the URL's host that DocSpace refuses. One of them is enough for it to refuse the webhook.
pub async fn refused_addresses(url: &reqwest::Url) -> std::io::Result<Vec<IpAddr>> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or(0);
    let mut refused: Vec<IpAddr> = tokio::net::lookup_host((host, port))
        .await?
        .map(|address| address.ip())
        .filter(|address| is_refused(*address))
        .collect();
    refused.sort_unstable();
    refused.dedup();
    Ok(refused)
}

fn is_refused(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_refused_v4(address),
        IpAddr::V6(address) => is_refused_v6(address),
    }
}

fn is_refused_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    matches!(first, 0 | 10 | 127)
        || (first == 100 && (64..128).contains(&second))
        || address.is_link_local()
        || address.is_private()
}

fn is_refused_v6(address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    address.is_unspecified()
        || address.is_loopback()
        || (first & 0xfe00) == 0xfc00
        || (first & 0xffc0) == 0xfe80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_loopback_addresses_are_refused() {
        let check = |address: &str, refused: bool| {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(is_refused(address), refused, "{address}");
        };
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.9.9",
            "127.0.0.1",
            "169.254.1.1",
            "172.16.0.1",
            "172.31.255.1",
            "192.168.1.1",
            "::",
            "::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            check(address, true);
        }
        for address in [
            "1.1.1.1",
            "100.63.0.1",
            "100.128.0.1",
            "172.32.0.1",
            "2001:db8::1",
        ] {
            check(address, false);
        }
    }
}
