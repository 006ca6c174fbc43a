//! Webhooks and their deliveries.

use super::Portal;
use crate::ids::{EventId, FolderId, WebhookId};
use crate::triggers;
use crate::webhook::WebhookConfig;

/// The name of a webhook made with [`Portal::add_webhook`].
const WEBHOOK_NAME: &str = "receiver-sandbox";

/// A row of the delivery log: one event for one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryLogRow {
    /// The row's number, which is the `event.id` of its deliveries.
    pub event: EventId,
    /// The webhook the event is delivered to.
    pub webhook: WebhookId,
    /// The trigger's name.
    pub trigger: String,
    /// The status of the last attempt; 0 without a response.
    pub status: u16,
    /// The attempts made so far.
    pub attempts: u32,
    /// The last body sent; before the first attempt the stored copy, which has no `event.id`.
    pub body: String,
    /// Whether an attempt got a 2xx response.
    pub delivered: bool,
}

/// A registered webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookView {
    /// Its number.
    pub id: WebhookId,
    /// Its name.
    pub name: String,
    /// The URL of its receiver.
    pub url: String,
    /// Whether it is enabled.
    pub enabled: bool,
    /// The names of its triggers; `*` alone for all.
    pub triggers: Vec<&'static str>,
    /// Whether it is limited to one file or folder.
    pub targeted: bool,
}

impl Portal {
    /// Registers a webhook without probing the receiver; no triggers means all.
    pub fn add_webhook(&self, url: &str, triggers: &[&str]) -> WebhookId {
        let config = WebhookConfig {
            name: WEBHOOK_NAME.to_owned(),
            url: url.to_owned(),
            secret: self.secret().to_owned(),
            enabled: true,
            ssl: url.starts_with("https:"),
            triggers: triggers::subscription(triggers),
            target: None,
        };
        let now = self.now();
        self.state().webhooks.add(config, now)
    }

    /// Enables or disables a webhook. A disabled webhook gets no rows in the delivery log.
    pub fn set_webhook_enabled(&self, id: WebhookId, enabled: bool) {
        self.configure(id, |config| config.enabled = enabled);
    }

    /// Replaces a webhook's triggers; none means all.
    pub fn set_webhook_triggers(&self, id: WebhookId, triggers: &[&str]) {
        self.configure(id, |config| {
            config.triggers = triggers::subscription(triggers);
        });
    }

    /// Limits a webhook to the events of one folder.
    pub fn set_webhook_target(&self, id: WebhookId, target: &FolderId) {
        self.configure(id, |config| config.target = Some(target.to_string()));
    }

    fn configure(&self, id: WebhookId, change: impl FnOnce(&mut WebhookConfig)) {
        let now = self.now();
        if let Some(webhook) = self.state().webhooks.get_mut(id) {
            change(&mut webhook.config);
            webhook.modified = Some(now);
        }
    }

    /// The registered webhooks, in the order of their ids.
    pub fn webhooks(&self) -> Vec<WebhookView> {
        let state = self.state();
        let webhooks = state.webhooks.all().map(|webhook| WebhookView {
            id: webhook.id,
            name: webhook.config.name.clone(),
            url: webhook.config.url.clone(),
            enabled: webhook.config.enabled,
            triggers: triggers::names(webhook.config.triggers),
            targeted: webhook.config.target.is_some(),
        });
        webhooks.collect()
    }

    /// Deletes a webhook and its rows of the delivery log.
    pub fn delete_webhook(&self, id: WebhookId) {
        self.state().webhooks.remove(id);
    }

    /// Retries a delivery manually, as an administrator does: it is delivered under a new `event.id`, which is
    /// returned. `None` without such a delivery.
    pub fn retry_delivery(&self, event: EventId) -> Option<EventId> {
        self.update(|state, now| {
            let retried = state.webhooks.retry(event, now)?;
            state.undelivered.push(retried);
            Some(retried)
        })
    }

    /// The delivery log, oldest row first.
    pub fn log(&self) -> Vec<DeliveryLogRow> {
        let state = self.state();
        let rows = state.webhooks.rows().map(|row| DeliveryLogRow {
            event: row.id,
            webhook: row.webhook,
            trigger: row.event.trigger.to_owned(),
            status: row.status,
            attempts: row.attempts,
            body: row.body.clone(),
            delivered: row.delivered.is_some(),
        });
        rows.collect()
    }

    /// Waits until no delivery is queued, running or waiting for a retry.
    pub async fn wait_for_deliveries(&self) {
        self.shared.deliveries.wait().await;
    }
}
