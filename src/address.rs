//! What is wrong with addresses that a person configured: of web servers and of people.

use reqwest::Url;

use crate::loopback::is_loopback;

/// What an address with other characters than ASCII before the @ needs.
pub(crate) const SMTPUTF8: &str =
    "has other characters than ASCII before the @, which only a mail server with SMTPUTF8 accepts";

/// Whether an email address has other characters than ASCII before the @. Domains are converted to ASCII.
pub(crate) fn needs_smtputf8(address: &str) -> bool {
    address
        .split('@')
        .next()
        .is_some_and(|user| !user.is_ascii())
}

/// What is wrong with an address that sends over the network in plain text.
pub(crate) const PLAIN_TEXT: &str =
    "starts with http://, so everything is sent to another machine in plain text; use https://";

/// Parses an `http` or `https` URL; the error does not quote it.
pub(crate) fn parse_web_address(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or("must be a URL that starts with https:// or http://")
}

/// Whether what is sent to an address leaves this machine in plain text.
pub(crate) fn is_plain_text(url: &Url) -> bool {
    url.scheme() == "http" && !url.host_str().is_some_and(is_loopback)
}
