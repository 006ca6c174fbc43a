//! The portal's webhooks: listing, making and changing them (docs/DOCSPACE.md 1.8, 8). Reading needs a key with
//! the scope `*:read`, changing one with `*:write`.

use jiff::Timestamp;
use reqwest::Method;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use crate::event::parse_time;
use crate::ids::WebhookId;
use crate::signature::WebhookSecret;

use super::{Client, Error};

/// A webhook as it is configured in the portal. Its times are the portal's local ones under a zone that
/// misleads, so they are right to within a day (docs/DOCSPACE.md 8).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookConfig {
    /// Its id.
    pub id: WebhookId,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Where it sends to.
    #[serde(default)]
    pub uri: String,
    /// Whether it is switched on. While it is off, events leave no trace in the log.
    #[serde(default)]
    pub enabled: bool,
    /// Whether it insists on a valid certificate.
    #[serde(default)]
    pub ssl: bool,
    /// The sum of its triggers' bits; 0 is all of them (docs/DOCSPACE.md 1.4).
    #[serde(default)]
    pub triggers: i64,
    /// The one entry whose events it sends, when it is narrowed down to one.
    #[serde(default, deserialize_with = "target")]
    pub target_id: Option<String>,
    /// When it was last changed, as the portal writes it.
    #[serde(default)]
    pub modified_on: Option<String>,
    /// When it was made.
    #[serde(default, deserialize_with = "time")]
    pub created_on: Option<Timestamp>,
    /// When a delivery last succeeded.
    #[serde(default, deserialize_with = "time")]
    pub last_success_on: Option<Timestamp>,
    /// When a delivery last failed for good.
    #[serde(default, deserialize_with = "time")]
    pub last_failure_on: Option<Timestamp>,
    /// What the portal noted about that failure.
    #[serde(default)]
    pub last_failure_content: Option<String>,
}

impl WebhookConfig {
    /// Whether this is its address, however it is written.
    pub fn sends_to(&self, url: &str) -> bool {
        match (reqwest::Url::parse(&self.uri), reqwest::Url::parse(url)) {
            (Ok(own), Ok(other)) => own == other,
            _ => self.uri == url,
        }
    }

    /// Whether it sends to a path like ours.
    pub fn has_path(&self, path: &str) -> bool {
        reqwest::Url::parse(&self.uri).is_ok_and(|url| url.path().ends_with(path))
    }
}

/// What a webhook is to be. It is always about all entries, and insists on a valid certificate where the
/// address is an https one.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// Its name.
    pub name: String,
    /// Where it sends to.
    pub url: String,
    /// The sum of its triggers' bits.
    pub triggers: i64,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Its secret; `None` keeps the one it has.
    pub secret: Option<WebhookSecret>,
}

impl Client {
    /// The webhooks this key may see.
    pub async fn webhooks(&self) -> Result<Vec<WebhookConfig>, Error> {
        let answer = self.get::<Vec<WebhookItem>>("settings/webhook").await?;
        Ok(answer
            .response
            .into_iter()
            .map(|item| item.configs)
            .collect())
    }

    /// Makes a webhook. The portal asks its address with HEAD before it answers (docs/DOCSPACE.md 1.8).
    pub async fn create_webhook(&self, settings: &WebhookSettings) -> Result<WebhookConfig, Error> {
        let body = WebhookBody::new(None, settings);
        let answer = self.send(Method::POST, "settings/webhook", Some(&body));
        Ok(answer.await?.response)
    }

    /// Replaces everything about a webhook, after the same question to its address.
    pub async fn update_webhook(
        &self,
        id: WebhookId,
        settings: &WebhookSettings,
    ) -> Result<(), Error> {
        let body = WebhookBody::new(Some(id), settings);
        let answer = self.send::<IgnoredAny>(Method::PUT, "settings/webhook", Some(&body));
        answer.await.map(drop)
    }

    /// Deletes a webhook, and with it its log of deliveries.
    pub async fn delete_webhook(&self, id: WebhookId) -> Result<(), Error> {
        let path = format!("settings/webhook/{id}");
        let answer = self.send::<IgnoredAny>(Method::DELETE, &path, None::<&()>);
        answer.await.map(drop)
    }
}

#[derive(Deserialize)]
struct WebhookItem {
    configs: WebhookConfig,
}

/// What is left out has its type's default, so everything is said.
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

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?
        .as_deref()
        .and_then(parse_time))
}

fn target<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|target| !target.is_empty()))
}
