//! What a run of catching up found.

use serde::Serialize;
use tracing::{error, info, warn};

use super::listing::ListingProgress;

/// What one run found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CatchUpReport {
    /// The state of our webhook.
    pub webhook: WebhookState,
    /// Undelivered rows of the log that were read.
    pub undelivered: usize,
    /// Those of them that DocSpace may still deliver.
    pub under_way: usize,
    /// Those of them that were new and are stored now.
    pub fetched: usize,
    /// Files of the watched rooms that no delivery had reported; `None` if the rooms were not listed.
    pub found: Option<usize>,
    /// How far the listing of the watched rooms is, if the run did not reach its end. The next run continues it.
    pub listing: Option<ListingProgress>,
    /// Whether the run continued a listing that an earlier one began.
    #[serde(skip)]
    pub(super) continued: bool,
}

/// The state of our webhook in the portal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    /// Enabled.
    #[serde(rename = "on")]
    Enabled,
    /// Disabled, or deleted after it had delivered events.
    #[serde(rename = "off")]
    Disabled,
    /// None of the portal's webhooks is recognised as ours.
    NotFound,
    /// The key may not read webhooks.
    #[default]
    Hidden,
}

impl CatchUpReport {
    /// Logs what was found. The state of the webhook is logged only if it is not the one of last time.
    pub(super) fn log(&self, last_state: &mut Option<WebhookState>) {
        let found = self.found.unwrap_or(0);
        if self.fetched + found > 0 {
            info!(
                from_log = self.fetched,
                from_rooms = found,
                "stored events that had not been delivered"
            );
        }
        if let Some(listing) = &self.listing {
            info!(
                pages = listing.pages,
                folders_left = listing.folders_left,
                "the listing of the watched rooms is not complete; it continues in the next run"
            );
        } else if self.continued {
            info!("the listing of the watched rooms is complete");
        }
        if last_state.replace(self.webhook) == Some(self.webhook) {
            return;
        }
        match self.webhook {
            WebhookState::Enabled => info!("the webhook is enabled"),
            WebhookState::Disabled => error!(
                "THE WEBHOOK IS DISABLED OR DELETED: DocSpace delivers nothing, so the watched rooms are \
                 listed instead; enable it in DocSpace"
            ),
            WebhookState::NotFound => warn!(
                "the portal has no webhook for this service; create one with `docspace-courier register`"
            ),
            WebhookState::Hidden => warn!(
                "the API key may not read webhooks (it needs the scope *:read): events that are not delivered \
                 cannot be fetched"
            ),
        }
    }
}
