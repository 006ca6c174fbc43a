//! HTTP clients: what all of them have in common.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, Response, Url};

use crate::loopback::is_loopback;

/// A client for one address. It follows no redirects, and asks no proxy for this machine, as a proxy elsewhere would
/// look for the address on its own machine.
pub(crate) fn builder(address: &str) -> ClientBuilder {
    let client = reqwest::Client::builder()
        .user_agent(concat!("docspace-courier/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none());
    if is_direct(address) {
        client.no_proxy()
    } else {
        client
    }
}

/// The first bytes of a body, at most this many. A server may send without end.
pub(crate) async fn start_of_body(
    mut response: Response,
    max_bytes: usize,
) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while body.len() < max_bytes
        && let Some(chunk) = response.chunk().await?
    {
        let wanted = chunk.len().min(max_bytes - body.len());
        body.extend_from_slice(&chunk[..wanted]);
    }
    Ok(body)
}

/// The host and port of the proxy through which an address is requested, if there is one.
pub(crate) fn proxy_for(address: &str) -> Option<String> {
    if is_direct(address) {
        return None;
    }
    let proxy = Matcher::from_env().intercept(&address.parse().ok()?)?;
    let authority = proxy.uri().authority()?.as_str();
    // It may begin with a login.
    authority.rsplit('@').next().map(str::to_owned)
}

fn is_direct(address: &str) -> bool {
    Url::parse(address)
        .is_ok_and(|url| url.host_str().is_some_and(is_loopback) || !has_proxy(url.scheme()))
}

/// Whether there is a proxy for other hosts. The matcher does not apply `NO_PROXY=*` to IP addresses, but to names.
fn has_proxy(scheme: &str) -> bool {
    let address = format!("{scheme}://host.invalid/").parse();
    address.is_ok_and(|address| Matcher::from_env().intercept(&address).is_some())
}
