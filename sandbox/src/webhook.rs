//! One webhook.

use jiff::Timestamp;

use super::event::Event;
use super::ids::WebhookId;
use super::triggers;

/// What the owner of a webhook configures.
#[derive(Clone, Debug)]
pub(super) struct WebhookConfig {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) secret: String,
    pub(super) enabled: bool,
    pub(super) ssl: bool,
    /// The sum of the triggers' bits; 0 is all.
    pub(super) triggers: i64,
    /// The id of the one file or folder it is limited to.
    pub(super) target: Option<String>,
}

/// A registered webhook.
#[derive(Clone, Debug)]
pub(super) struct Webhook {
    pub(super) id: WebhookId,
    pub(super) config: WebhookConfig,
    pub(super) created: Timestamp,
    pub(super) modified: Option<Timestamp>,
    pub(super) last_success: Option<Timestamp>,
    pub(super) last_failure: Option<(Timestamp, String)>,
}

impl Webhook {
    /// Whether an event is to be delivered to the webhook.
    pub(super) fn subscribes_to(&self, event: &Event) -> bool {
        let target = self.config.target.as_ref();
        self.config.enabled
            && triggers::includes(self.config.triggers, event.trigger)
            && target.is_none_or(|target| *target == event.payload.id_text())
    }
}
