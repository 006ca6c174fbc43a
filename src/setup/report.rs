//! What became of a start: of the service, the webhook and the checks.

use crate::check::CheckReport;
use crate::registration::Registered;
use crate::signature::WebhookSecret;

/// What became of a start.
pub(super) struct StartReport {
    /// Why the service does not run, if it does not.
    pub(super) service: Result<(), String>,
    /// The webhook, or why it is not registered; `None` if the service does not run.
    pub(super) webhook: Option<Result<Registered, String>>,
    /// What has to be entered in DocSpace to create the webhook by hand.
    pub(super) by_hand: Option<WebhookByHand>,
    /// The checks; `None` if the service does not run.
    pub(super) checks: Option<CheckReport>,
}

/// A webhook as it is entered in DocSpace.
pub(super) struct WebhookByHand {
    pub(super) url: String,
    pub(super) secret: WebhookSecret,
    pub(super) triggers: String,
}
