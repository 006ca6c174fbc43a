//! Why the receiver rejects the deliveries of a webhook: usually, because the portal signs them with another secret.

use serde::Serialize;

use crate::docspace::{Client, LogRow, WebhookConfig};
use crate::signature::{self, SIGNATURE_HEADER, SignatureError, WebhookSecret};

/// The response to the newest delivery that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RejectedDelivery {
    /// Its status: of the service, or of a proxy before it.
    pub status: u16,
    /// Whether the portal signed it with a secret that is not configured.
    pub has_other_secret: bool,
}

impl RejectedDelivery {
    /// Reads the webhook's newest failed delivery from the portal's log. `None` if the last delivery succeeded, the
    /// webhook was changed since, nothing was rejected, or the key may not read the log.
    pub async fn find(
        portal: &Client,
        webhook: &WebhookConfig,
        secrets: &[WebhookSecret],
    ) -> Option<Self> {
        if !webhook.is_failing() || webhook.is_changed_since_failure() {
            return None;
        }
        let rows = portal.delivery_log().undelivered(webhook.id).await.ok()?;
        let status = rows.first()?.status;
        // Older ones may be from before a change of the secret.
        let mut signatures = rows.iter().filter_map(|row| has_other_secret(row, secrets));
        let has_other_secret = signatures.next() == Some(true);
        let is_rejected = (400..500).contains(&status) || has_other_secret;
        is_rejected.then_some(Self {
            status,
            has_other_secret,
        })
    }
}

/// Whether the last attempt was signed with a secret that is not configured; `None` if nothing was sent yet.
fn has_other_secret(row: &LogRow, secrets: &[WebhookSecret]) -> Option<bool> {
    let header = row.header(SIGNATURE_HEADER)?;
    let body = row.request_payload.as_bytes();
    let verified = signature::verify(secrets, Some(header.as_bytes()), body);
    Some(verified == Err(SignatureError::Mismatch))
}
