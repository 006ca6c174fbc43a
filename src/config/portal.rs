//! The portal, and the secrets with which it signs deliveries.

use reqwest::Url;
use secrecy::SecretString;

use crate::address::{PLAIN_TEXT, is_plain_text};
use crate::certificates::TrustedCertificates;
use crate::clock::Clock;
use crate::docspace::Client;
use crate::registration;
use crate::signature::WebhookSecret;

use super::reader::Reader;

/// The secret in `config.example.env`, which everyone knows.
const EXAMPLE_SECRET: &str = "change-Me-1";

/// How many secrets a rotation needs: the new one and the old one.
const MAX_SECRETS: usize = 2;

/// The address of a portal and a key to it.
#[derive(Debug)]
pub struct PortalConfig {
    /// `DOCSPACE_API_HOST`.
    pub host: String,
    /// `DOCSPACE_API_KEY`.
    pub key: SecretString,
    /// `DOCSPACE_CA_FILE`: certificates to trust in addition to the system's.
    pub trusted: Option<TrustedCertificates>,
}

impl PortalConfig {
    /// A client for the portal.
    pub fn client(&self, clock: Clock) -> reqwest::Result<Client> {
        Client::trusting(self.trusted.as_ref(), &self.host, self.key.clone(), clock)
    }
}

/// The portal.
pub(super) fn portal(reader: &mut Reader<'_>) -> Option<PortalConfig> {
    let host = host(reader);
    let key = key(reader);
    let trusted = reader.certificates("DOCSPACE_CA");
    Some(PortalConfig {
        host: host?,
        key: key?,
        trusted,
    })
}

/// The webhook's secret, or two during a rotation.
pub(super) fn secrets(reader: &mut Reader<'_>) -> Option<Vec<WebhookSecret>> {
    const NAME: &str = "DOCSPACE_WEBHOOK_SECRET";

    let text = reader.required(NAME, "the secret key of the webhook, as given to DocSpace")?;
    let words: Vec<&str> = text.split_whitespace().collect();
    // A comment after the secret must not become a secret.
    if words.len() > MAX_SECRETS || words.iter().skip(1).any(|word| word.starts_with('#')) {
        let what = "must be one secret, or the new and the old one separated by a space; write comments on lines of \
                    their own";
        reader.problem(NAME, what);
        return None;
    }
    let secrets = words.iter().copied().map(WebhookSecret::new).collect();
    for secret in &secrets {
        if let Err(what) = registration::check_secret(secret) {
            reader.problem(NAME, what);
        }
    }
    if words.contains(&EXAMPLE_SECRET) {
        reader.problem(
            NAME,
            "is the example's, which everyone knows: choose another one",
        );
    }
    Some(secrets)
}

fn host(reader: &mut Reader<'_>) -> Option<String> {
    const NAME: &str = "DOCSPACE_API_HOST";

    let host = reader.required(
        NAME,
        "the portal's address, such as https://yourportal.onlyoffice.com",
    )?;
    match Url::parse(host) {
        // A login may be a password and is not quoted.
        _ if host.contains('@') => {
            let what = "contains a login: remove everything up to the @; the key belongs in DOCSPACE_API_KEY";
            reader.problem(NAME, what);
        }
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
                reader.problem(NAME, "must end after the host name, without a path");
            }
            if is_plain_text(&url) {
                reader.warning(NAME, PLAIN_TEXT);
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
