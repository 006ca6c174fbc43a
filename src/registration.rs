//! Our webhook in the portal: what it must be, and making it so.
//!
//! A webhook is ours when it sends to our address. There should be one, switched on, about all entries,
//! with the triggers that the rules listen to (`registration/requirements.rs`). [`register`] makes it or
//! mends it, and does nothing where nothing is to be done. No printing here.

use serde::Serialize;

use crate::docspace::{Client, Error, WebhookConfig, WebhookSettings};
use crate::ids::WebhookId;
use crate::signature::WebhookSecret;

mod address;
mod requirements;

pub use address::refused_addresses;
pub use requirements::{
    LONGEST_NAME, NeededTriggers, check_name, check_secret, check_url, trigger_names,
};

/// The name of a webhook that is made without one being given.
pub const DEFAULT_NAME: &str = "docspace-courier";

/// What is asked for.
#[derive(Clone, Debug)]
pub struct DesiredWebhook {
    /// Our address.
    pub url: String,
    /// Its name; `None` leaves the name of an existing webhook as it is.
    pub name: Option<String>,
    /// The sum of the triggers' bits.
    pub triggers: i64,
    /// The secret a new or mended webhook gets.
    pub secret: WebhookSecret,
    /// Whether an existing webhook gets the secret even if nothing else is to be mended.
    pub secret_given: SecretGiven,
    /// What to do about further webhooks to the same address.
    pub duplicates: Duplicates,
}

/// When an existing webhook gets the secret; the portal never shows the one it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretGiven {
    /// Together with other changes only.
    WithChanges,
    /// In any case.
    Always,
}

/// What to do about further webhooks to our address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// Leave them alone.
    Keep,
    /// Delete them, together with their logs of deliveries.
    Delete,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationOutcome {
    /// There was none.
    Created,
    /// It was not as it must be.
    Repaired,
    /// It was as it must be.
    Unchanged,
}

/// The webhook as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Registered {
    /// What was done.
    pub outcome: RegistrationOutcome,
    /// Its id.
    pub id: WebhookId,
    /// Its name.
    pub name: String,
    /// What was changed about it.
    pub changes: Vec<String>,
    /// Further webhooks to the same address that are still there.
    pub duplicates: Vec<WebhookId>,
    /// Further webhooks to the same address that were deleted.
    pub removed: Vec<WebhookId>,
}

/// Makes the portal's webhook to our address, or mends it.
pub async fn register(portal: &Client, wanted: &DesiredWebhook) -> Result<Registered, Error> {
    let mut ours: Vec<WebhookConfig> = portal
        .webhooks()
        .await?
        .into_iter()
        .filter(|webhook| webhook.sends_to(&wanted.url))
        .collect();
    // The one that is on has the deliveries; among equals the oldest.
    ours.sort_by_key(|webhook| (!webhook.enabled, webhook.id));
    let mut ours = ours.into_iter();
    let mut registered = match ours.next() {
        None => create(portal, wanted).await?,
        Some(existing) => mend(portal, &existing, wanted).await?,
    };
    for duplicate in ours {
        match wanted.duplicates {
            Duplicates::Keep => registered.duplicates.push(duplicate.id),
            Duplicates::Delete => {
                portal.delete_webhook(duplicate.id).await?;
                registered.removed.push(duplicate.id);
            }
        }
    }
    Ok(registered)
}

async fn create(portal: &Client, wanted: &DesiredWebhook) -> Result<Registered, Error> {
    let name = wanted.name.as_deref().unwrap_or(DEFAULT_NAME);
    let made = portal.create_webhook(&wanted.settings(name)).await?;
    Ok(Registered::new(
        RegistrationOutcome::Created,
        made.id,
        name,
        Vec::new(),
    ))
}

async fn mend(
    portal: &Client,
    existing: &WebhookConfig,
    wanted: &DesiredWebhook,
) -> Result<Registered, Error> {
    let name = wanted.name.as_deref().unwrap_or(&existing.name);
    let changes = wanted.changes_to(existing);
    let outcome = if changes.is_empty() {
        RegistrationOutcome::Unchanged
    } else {
        let settings = wanted.settings(name);
        portal.update_webhook(existing.id, &settings).await?;
        RegistrationOutcome::Repaired
    };
    Ok(Registered::new(outcome, existing.id, name, changes))
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

    /// What must change about a webhook, in words.
    fn changes_to(&self, existing: &WebhookConfig) -> Vec<String> {
        let mut changes = Vec::new();
        if !existing.enabled {
            changes.push("switched on".to_owned());
        }
        if existing.triggers != self.triggers {
            changes.push(format!(
                "triggers: {} instead of {}",
                trigger_names(self.triggers),
                trigger_names(existing.triggers)
            ));
        }
        if let Some(target) = &existing.target_id {
            changes.push(format!("about every entry instead of {target} alone"));
        }
        if existing.ssl != self.url.starts_with("https:") {
            changes.push("certificates are verified as the address asks for".to_owned());
        }
        if let Some(name) = &self.name
            && *name != existing.name
        {
            changes.push(format!("named {name} instead of {}", existing.name));
        }
        if self.secret_given == SecretGiven::Always {
            changes.push("the configured secret".to_owned());
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
        }
    }
}
