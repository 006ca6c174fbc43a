//! Calls about the portal's webhooks (docs/DOCSPACE.md 1.8, 6, 8). Reads need a key with the scope `*:read`,
//! changes one with `*:write`.

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use crate::ids::WebhookId;
use crate::signature::WebhookSecret;
use crate::wire;

use super::call::PortalCall;
use super::error::Error;
use super::path::ApiPath;
use super::transport::Transport;

const PATH: &str = "settings/webhook";

/// Calls about webhooks.
#[derive(Clone, Copy, Debug)]
pub struct Webhooks<'a> {
    transport: &'a Transport,
}

/// A webhook as it is configured in the portal. Its times are local times with a wrong offset, so they are
/// right to within a day (docs/DOCSPACE.md 8).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookConfig {
    /// Its id.
    pub id: WebhookId,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// The address that it sends to.
    #[serde(default)]
    pub uri: String,
    /// Whether it is enabled. While it is disabled, events are not logged.
    #[serde(default)]
    pub enabled: bool,
    /// Whether it requires https with a valid certificate.
    #[serde(default)]
    pub ssl: bool,
    /// The sum of its triggers' bits; 0 means all triggers (docs/DOCSPACE.md 1.4).
    #[serde(default)]
    pub triggers: i64,
    /// The one entry that it is limited to, if it is.
    #[serde(default, deserialize_with = "non_empty")]
    pub target_id: Option<String>,
    /// When it was last changed, as the portal writes it.
    #[serde(default)]
    pub modified_on: Option<String>,
    /// When it was created.
    #[serde(default, deserialize_with = "wire::optional_time")]
    pub created_on: Option<Timestamp>,
    /// When a delivery last succeeded.
    #[serde(default, deserialize_with = "wire::optional_time")]
    pub last_success_on: Option<Timestamp>,
    /// When the last attempt of a delivery last failed.
    #[serde(default, deserialize_with = "wire::optional_time")]
    pub last_failure_on: Option<Timestamp>,
    /// The portal's note about that failure.
    #[serde(default)]
    pub last_failure_content: Option<String>,
}

impl WebhookConfig {
    /// Whether it sends to this address, however that is written. A slash at the end makes no difference.
    pub fn sends_to(&self, url: &str) -> bool {
        let (own, other) = (self.uri.trim_end_matches('/'), url.trim_end_matches('/'));
        match (reqwest::Url::parse(own), reqwest::Url::parse(other)) {
            (Ok(own), Ok(other)) => own == other,
            _ => own == other,
        }
    }

    /// Whether its last delivery failed.
    pub fn is_failing(&self) -> bool {
        self.last_failure_on.is_some() && self.last_failure_on > self.last_success_on
    }

    /// Whether it was changed after its last failure, so that the failure says nothing about it as it is now. The
    /// portal writes both times in the same way.
    pub fn is_changed_since_failure(&self) -> bool {
        let modified_on = self.modified_on.as_deref().and_then(wire::parse_time);
        self.last_failure_on.is_some() && modified_on >= self.last_failure_on
    }

    /// Whether the path of its address ends like this, apart from a slash at the end.
    pub fn has_path(&self, path: &str) -> bool {
        let url = reqwest::Url::parse(&self.uri);
        url.is_ok_and(|url| url.path().trim_end_matches('/').ends_with(path))
    }
}

/// The desired settings of a webhook. It always covers all entries, and requires a valid certificate if its
/// address is https.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// Its name.
    pub name: String,
    /// The address that it sends to.
    pub url: String,
    /// The sum of its triggers' bits.
    pub triggers: i64,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Its secret; `None` keeps the current one.
    pub secret: Option<WebhookSecret>,
}

impl<'a> Webhooks<'a> {
    pub(super) fn new(transport: &'a Transport) -> Self {
        Self { transport }
    }

    /// Reads the webhooks that the key may see.
    pub async fn list(self) -> Result<Vec<WebhookConfig>, Error> {
        let items: Vec<WebhookItem> = self.transport.read(PortalCall::list(PATH)).await?;
        Ok(items.into_iter().map(|item| item.configs).collect())
    }

    /// Creates a webhook. Before it answers, the portal sends HEAD to the address (docs/DOCSPACE.md 1.8).
    pub async fn create(self, settings: &WebhookSettings) -> Result<WebhookConfig, Error> {
        let body = WebhookBody::new(None, settings);
        let created = self.transport.send(PortalCall::post(PATH, &body)).await?;
        Ok(created.response)
    }

    /// Replaces all settings of a webhook, with the same HEAD to the address.
    pub async fn update(self, id: WebhookId, settings: &WebhookSettings) -> Result<(), Error> {
        let body = WebhookBody::new(Some(id), settings);
        let updated = self
            .transport
            .send::<IgnoredAny>(PortalCall::put(PATH, &body));
        updated.await.map(drop)
    }

    /// Deletes a webhook and its log of deliveries.
    pub async fn delete(self, id: WebhookId) -> Result<(), Error> {
        let path = ApiPath::from(PATH).id(&id.to_string());
        let deleted = self.transport.send::<IgnoredAny>(PortalCall::delete(path));
        deleted.await.map(drop)
    }
}

#[derive(Deserialize)]
struct WebhookItem {
    configs: WebhookConfig,
}

/// The whole webhook: the portal sets what is left out to the default of its type.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebhookBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<WebhookId>,
    name: &'a str,
    uri: &'a str,
    secret_key: &'a str,
    enabled: bool,
    ssl: bool,
    triggers: i64,
    target_id: &'a str,
}

impl<'a> WebhookBody<'a> {
    fn new(id: Option<WebhookId>, settings: &'a WebhookSettings) -> Self {
        Self {
            id,
            name: &settings.name,
            uri: &settings.url,
            secret_key: settings.secret.as_ref().map_or("", WebhookSecret::expose),
            enabled: settings.enabled,
            ssl: settings.url.starts_with("https:"),
            triggers: settings.triggers,
            target_id: "",
        }
    }
}

fn non_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}
