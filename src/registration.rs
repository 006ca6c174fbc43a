//! Registration: creates or repairs our webhook in the portal.
//!
//! A webhook is ours if it sends to our address. There should be one: enabled, for all entries, with the
//! triggers that the rules need (`registration/requirements.rs`). [`register`] creates or repairs it, and
//! changes nothing if it is as it should be.

use serde::Serialize;

use crate::docspace::{Client, Error, WebhookConfig, WebhookSettings};
use crate::ids::WebhookId;
use crate::signature::WebhookSecret;

mod address;
mod rejection;
mod requirements;

pub use address::refused_addresses;
pub use rejection::RejectedDelivery;
pub use requirements::{
    MAX_NAME_LENGTH, NeededTriggers, check_name, check_secret, check_url, trigger_names,
};

/// The name of a new webhook if none is given.
pub const DEFAULT_NAME: &str = "docspace-courier";

/// The webhook that there should be.
#[derive(Clone, Debug)]
pub struct DesiredWebhook {
    /// Our address.
    pub url: String,
    /// Its name; `None` keeps the name of an existing webhook.
    pub name: Option<String>,
    /// The sum of the triggers' bits.
    pub triggers: i64,
    /// The secret of a new or repaired webhook.
    pub secret: WebhookSecret,
    /// When an existing webhook gets the secret.
    pub set_secret: SetSecret,
    /// What to do with further webhooks to the same address.
    pub duplicates: Duplicates,
}

/// When an existing webhook gets the secret. The portal does not show the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetSecret {
    /// Only if something else has to change.
    WithChanges,
    /// In any case.
    Always,
}

/// What to do with further webhooks to our address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// Keep them.
    Keep,
    /// Delete them and their logs of deliveries.
    Delete,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationOutcome {
    /// There was none; it was created.
    Created,
    /// It was changed to what it should be.
    Repaired,
    /// It was as it should be.
    Unchanged,
}

/// The webhook after registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Registered {
    /// What was done.
    pub outcome: RegistrationOutcome,
    /// Its id.
    pub id: WebhookId,
    /// Its name.
    pub name: String,
    /// What was changed, in words.
    pub changes: Vec<String>,
    /// Further webhooks to the same address that still exist.
    pub duplicates: Vec<WebhookId>,
    /// Further webhooks to the same address that were deleted.
    pub removed: Vec<WebhookId>,
    /// Whether it was given the configured secret. The portal does not show which one it had.
    pub secret_set: bool,
    /// Why its last delivery was rejected, if nothing was changed about it since.
    pub rejected: Option<RejectedDelivery>,
}

/// Creates the portal's webhook to our address, or repairs it.
pub async fn register(portal: &Client, desired: &DesiredWebhook) -> Result<Registered, Error> {
    let mut own: Vec<WebhookConfig> = portal.webhooks().list().await?;
    own.retain(|webhook| webhook.sends_to(&desired.url));
    // The first one is kept: one that is on, since its log has the deliveries, or else the oldest.
    own.sort_by_key(|webhook| (!webhook.enabled, webhook.id));
    let mut own = own.into_iter();
    let mut registered = match own.next() {
        None => create(portal, desired).await?,
        Some(existing) => repair(portal, &existing, desired).await?,
    };
    for duplicate in own {
        match desired.duplicates {
            Duplicates::Keep => registered.duplicates.push(duplicate.id),
            Duplicates::Delete => {
                portal.webhooks().delete(duplicate.id).await?;
                registered.removed.push(duplicate.id);
            }
        }
    }
    Ok(registered)
}

async fn create(portal: &Client, desired: &DesiredWebhook) -> Result<Registered, Error> {
    let name = desired.name.as_deref().unwrap_or(DEFAULT_NAME);
    let created = portal.webhooks().create(&desired.settings(name)).await?;
    Ok(Registered::new(
        RegistrationOutcome::Created,
        created.id,
        name,
        Vec::new(),
    ))
}

async fn repair(
    portal: &Client,
    existing: &WebhookConfig,
    desired: &DesiredWebhook,
) -> Result<Registered, Error> {
    let name = desired.name.as_deref().unwrap_or(&existing.name);
    let changes = desired.changes_to(existing);
    if changes.is_empty() {
        let secrets = std::slice::from_ref(&desired.secret);
        return Ok(Registered {
            secret_set: false,
            rejected: RejectedDelivery::find(portal, existing, secrets).await,
            ..Registered::new(RegistrationOutcome::Unchanged, existing.id, name, changes)
        });
    }
    let settings = desired.settings(name);
    portal.webhooks().update(existing.id, &settings).await?;
    Ok(Registered::new(
        RegistrationOutcome::Repaired,
        existing.id,
        name,
        changes,
    ))
}

/// What an error of the portal means for a registration (docs/DOCSPACE.md 1.8).
pub fn explain(error: &Error) -> &'static str {
    match error {
        Error::Refused { .. } => {
            "the portal rejected the webhook. Possible reasons: it got no 200 for HEAD from the URL (the \
             service must be running, and a proxy before it must forward HEAD); the secret violates the \
             portal's password policy, which may require capitals, digits and special characters; the address \
             is private"
        }
        Error::Forbidden => {
            "the key may not manage webhooks: it needs the scope *:write and a user who may own webhooks. Or \
             create the webhook by hand under Developer Tools → Webhooks"
        }
        Error::KeyRefused => "the key is mistyped, disabled or expired, or its user is disabled",
        Error::Unavailable { .. } => {
            "the portal could not reach the URL or got no answer within 10 s: make sure that the \
             service is running and that the portal can reach it"
        }
        _ => "the webhook could not be registered",
    }
}

impl DesiredWebhook {
    fn settings(&self, name: &str) -> WebhookSettings {
        WebhookSettings {
            name: name.to_owned(),
            url: self.url.clone(),
            triggers: self.triggers,
            enabled: true,
            secret: Some(self.secret.clone()),
        }
    }

    /// What has to change about a webhook, in words.
    fn changes_to(&self, existing: &WebhookConfig) -> Vec<String> {
        let mut changes = Vec::new();
        if !existing.enabled {
            changes.push("enabled".to_owned());
        }
        if existing.triggers != self.triggers {
            changes.push(format!(
                "triggers: now {} (before: {})",
                trigger_names(self.triggers),
                trigger_names(existing.triggers)
            ));
        }
        if let Some(target) = &existing.target_id {
            changes.push(format!("now covers all entries (before: only {target})"));
        }
        let is_https = self.url.starts_with("https:");
        if existing.ssl != is_https {
            let verified = if is_https { "verified" } else { "not verified" };
            changes.push(format!("the certificate is {verified}"));
        }
        if let Some(name) = &self.name
            && *name != existing.name
        {
            changes.push(format!("name: now {name} (before: {})", existing.name));
        }
        if self.set_secret == SetSecret::Always {
            changes.push("secret: the configured one".to_owned());
        }
        changes
    }
}

impl Registered {
    fn new(outcome: RegistrationOutcome, id: WebhookId, name: &str, changes: Vec<String>) -> Self {
        Self {
            outcome,
            id,
            name: name.to_owned(),
            changes,
            duplicates: Vec::new(),
            removed: Vec::new(),
            secret_set: true,
            rejected: None,
        }
    }
}
