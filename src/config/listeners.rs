//! The two listeners: the public one for deliveries, and the operator's.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use axum::http::HeaderName;
use ipnet::IpNet;
use secrecy::SecretString;

use crate::admin::TrustedProxy;
use crate::server::tls::TlsFiles;
use crate::webhook::{TransportPolicy, UnsignedPolicy};

use super::reader::Reader;

/// Default of `LISTEN_ADDR`.
const LISTEN_ADDR: &str = "[::]:3000";

/// Default of `ADMIN_ADDR`.
const ADMIN_ADDR: &str = "127.0.0.1:3001";

/// The shortest `ADMIN_TOKEN`, in characters.
const MIN_TOKEN_LENGTH: usize = 16;

/// The public listener, which receives deliveries.
#[derive(Debug)]
pub struct PublicListener {
    /// `LISTEN_ADDR` or `PORT`.
    pub address: SocketAddr,
    /// `TLS_CERT_FILE` and `TLS_KEY_FILE`: serve HTTPS directly.
    pub tls: Option<TlsFiles>,
    /// `REQUIRE_HTTPS`: reject deliveries that a proxy did not receive over HTTPS.
    pub transport: TransportPolicy,
    /// `ALLOW_UNSIGNED`: accept deliveries without a signature header.
    pub unsigned: UnsignedPolicy,
}

/// The operator's listener.
#[derive(Debug)]
pub struct AdminListener {
    /// `ADMIN_ADDR`.
    pub address: SocketAddr,
    /// `ADMIN_TOKEN`: required for every change, unless the proxy authenticates the operator.
    pub token: Option<SecretString>,
    /// `ADMIN_VIEWER_TOKEN`: allows to see everything and to change nothing.
    pub viewer_token: Option<SecretString>,
    /// `ADMIN_PROXY_HEADER`, `ADMIN_PROXY_ADDRS` and `ADMIN_PROXY_ROLE_HEADER`: a proxy that authenticates people.
    pub proxy: Option<TrustedProxy>,
}

/// The public listener.
pub(super) fn public_listener(reader: &mut Reader<'_>) -> Option<PublicListener> {
    let address = public_address(reader);
    let tls = tls(reader);
    let transport = match (reader.flag("REQUIRE_HTTPS"), &tls) {
        (false, _) => TransportPolicy::Any,
        (true, None) => TransportPolicy::HttpsOnly,
        (true, Some(_)) => TransportPolicy::HttpsThroughout,
    };
    let unsigned = unsigned(reader, address);
    Some(PublicListener {
        address: address?,
        tls,
        transport,
        unsigned,
    })
}

/// The operator's listener.
pub(super) fn admin_listener(reader: &mut Reader<'_>) -> Option<AdminListener> {
    let address = admin_address(reader)?;
    let token = token(reader, "ADMIN_TOKEN");
    let viewer_token = token_of_viewers(reader, token);
    let proxy = trusted_proxy(reader);
    let protections = ["ADMIN_TOKEN", "ADMIN_VIEWER_TOKEN", "ADMIN_PROXY_HEADER"];
    let is_protected = protections.iter().any(|name| reader.variables.is_set(name));
    if !address.ip().is_loopback() && !is_protected {
        reader.problem(
            "ADMIN_TOKEN",
            format!("is required because ADMIN_ADDR {address} is reachable from other machines"),
        );
    }
    Some(AdminListener {
        address,
        token: token.map(SecretString::from),
        viewer_token: viewer_token.map(SecretString::from),
        proxy,
    })
}

/// A token that cannot be guessed.
fn token<'a>(reader: &mut Reader<'a>, name: &'static str) -> Option<&'a str> {
    let token = reader.get(name);
    if token.is_some_and(|token| token.chars().count() < MIN_TOKEN_LENGTH) {
        let what = format!("has fewer than {MIN_TOKEN_LENGTH} characters, so it can be guessed");
        reader.problem(name, what);
    }
    token
}

fn token_of_viewers<'a>(
    reader: &mut Reader<'a>,
    token_of_operators: Option<&str>,
) -> Option<&'a str> {
    let viewers = token(reader, "ADMIN_VIEWER_TOKEN");
    if viewers.is_some() && viewers == token_of_operators {
        let what = "is the same as ADMIN_TOKEN, so viewers could change things";
        reader.problem("ADMIN_VIEWER_TOKEN", what);
    }
    viewers
}

/// The proxy that authenticates people, if both of its variables are set and valid.
fn trusted_proxy(reader: &mut Reader<'_>) -> Option<TrustedProxy> {
    let header = reader.get("ADMIN_PROXY_HEADER");
    let addresses = reader.get("ADMIN_PROXY_ADDRS");
    let (Some(header), Some(addresses)) = (header, addresses) else {
        if header.is_some() {
            let what = "is not set, but ADMIN_PROXY_HEADER is: the addresses of the proxy that sets the header";
            reader.problem("ADMIN_PROXY_ADDRS", what);
        } else if addresses.is_some() || reader.variables.is_set("ADMIN_PROXY_ROLE_HEADER") {
            let what = "is not set, but ADMIN_PROXY_ADDRS or ADMIN_PROXY_ROLE_HEADER is: the header in which the proxy \
                        names the person";
            reader.problem("ADMIN_PROXY_HEADER", what);
        }
        return None;
    };
    let name = header_name(reader, "ADMIN_PROXY_HEADER", header);
    let role_header = reader.get("ADMIN_PROXY_ROLE_HEADER");
    let role_header = role_header.map(|it| header_name(reader, "ADMIN_PROXY_ROLE_HEADER", it));
    let mut networks = Vec::new();
    for text in addresses.split([' ', ',']).filter(|text| !text.is_empty()) {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        if let Some(network) = address.ok().or_else(|| text.parse().ok()) {
            networks.push(network);
        } else {
            let what = format!(
                "contains {text}, which is neither an IP address nor a network such as 10.0.0.0/8"
            );
            reader.problem("ADMIN_PROXY_ADDRS", what);
        }
    }
    if networks.iter().any(|network| network.addr().is_loopback()) {
        let what = "includes this machine, so every program on it can pass for an operator";
        reader.warning("ADMIN_PROXY_ADDRS", what);
    }
    Some(TrustedProxy {
        header: name?,
        // A header that is not valid must not make everybody an operator.
        role_header: match role_header {
            Some(header) => Some(header?),
            None => None,
        },
        networks,
    })
}

fn header_name(reader: &mut Reader<'_>, variable: &'static str, text: &str) -> Option<HeaderName> {
    let name = text.parse().ok();
    if name.is_none() {
        reader.problem(variable, format!("is not a valid header name: {text}"));
    }
    name
}

/// The address of the operator's listener.
pub(super) fn admin_address(reader: &mut Reader<'_>) -> Option<SocketAddr> {
    reader.socket_address("ADMIN_ADDR", ADMIN_ADDR)
}

fn public_address(reader: &mut Reader<'_>) -> Option<SocketAddr> {
    let port = reader.get("PORT").and_then(|text| {
        let port = text.parse::<u16>().ok();
        if port.is_none() {
            reader.problem("PORT", format!("is not a valid port number: {text}"));
        }
        port
    });
    match (reader.get("LISTEN_ADDR"), port) {
        (None, Some(port)) => Some(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))),
        (text, port) => {
            let address = reader.socket_address("LISTEN_ADDR", LISTEN_ADDR)?;
            if let (Some(text), Some(port)) = (text, port)
                && port != address.port()
            {
                let what =
                    format!("contradicts LISTEN_ADDR, which is {text}; set only one of them");
                reader.problem("PORT", what);
            }
            Some(address)
        }
    }
}

/// The two files if both are set and readable and belong together. Whether the certificate is valid now is
/// checked where there is a clock.
fn tls(reader: &mut Reader<'_>) -> Option<TlsFiles> {
    match (reader.get("TLS_CERT_FILE"), reader.get("TLS_KEY_FILE")) {
        (None, None) => None,
        (Some(_), None) => {
            let what = "is not set, but TLS_CERT_FILE is: the file with the certificate's key";
            reader.problem("TLS_KEY_FILE", what);
            None
        }
        (None, Some(_)) => {
            let what = "is not set, but TLS_KEY_FILE is: the file with the key's certificate";
            reader.problem("TLS_CERT_FILE", what);
            None
        }
        (Some(certificate), Some(key)) => {
            let files = TlsFiles {
                certificate: PathBuf::from(certificate),
                key: PathBuf::from(key),
            };
            if let Err(error) = files.load() {
                reader.problem(error.variable(), error.to_string());
            }
            Some(files)
        }
    }
}

fn unsigned(reader: &mut Reader<'_>, address: Option<SocketAddr>) -> UnsignedPolicy {
    if !reader.flag("ALLOW_UNSIGNED") {
        return UnsignedPolicy::Refuse;
    }
    if let Some(address) = address
        && !address.ip().is_loopback()
    {
        reader.problem(
            "ALLOW_UNSIGNED",
            format!("is only allowed when LISTEN_ADDR is a loopback address, not {address}"),
        );
    }
    let what = "accepts deliveries from every program on this machine; for development only";
    reader.warning("ALLOW_UNSIGNED", what);
    UnsignedPolicy::Accept
}
