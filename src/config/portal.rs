//! The portal, and the secrets with which it signs deliveries.

use secrecy::SecretString;

use crate::signature::WebhookSecret;

use super::reader::Reader;

/// The address of a portal and a key to it.
#[derive(Debug)]
pub struct PortalConfig {
    /// `DOCSPACE_API_HOST`.
    pub host: String,
    /// `DOCSPACE_API_KEY`.
    pub key: SecretString,
}

/// The portal.
pub(super) fn portal(reader: &mut Reader<'_>) -> Option<PortalConfig> {
    let host = host(reader);
    let key = key(reader);
    Some(PortalConfig {
        host: host?,
        key: key?,
    })
}

/// The webhook's secret, or several during a rotation.
pub(super) fn secrets(reader: &mut Reader<'_>) -> Option<Vec<WebhookSecret>> {
    let text = reader.required(
        "DOCSPACE_WEBHOOK_SECRET",
        "the secret key of the webhook, as given to DocSpace",
    )?;
    Some(text.split_whitespace().map(WebhookSecret::new).collect())
}

fn host(reader: &mut Reader<'_>) -> Option<String> {
    const NAME: &str = "DOCSPACE_API_HOST";

    let host = reader.required(
        NAME,
        "the portal's address, such as https://yourportal.onlyoffice.com",
    )?;
    match reqwest::Url::parse(host) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            if url.path() != "/" || url.query().is_some() {
                reader.problem(NAME, "must end after the host name, without a path");
            }
        }
        _ => reader.problem(
            NAME,
            format!("is not a valid address such as https://yourportal.onlyoffice.com: {host}"),
        ),
    }
    Some(host.to_owned())
}

fn key(reader: &mut Reader<'_>) -> Option<SecretString> {
    const NAME: &str = "DOCSPACE_API_KEY";

    let key = reader.required(
        NAME,
        "an API key (sk-…) or personal access token of the portal",
    )?;
    if key.chars().any(|character| !character.is_ascii_graphic()) {
        reader.problem(NAME, "contains white space or characters that no key has");
    }
    Some(key.into())
}
