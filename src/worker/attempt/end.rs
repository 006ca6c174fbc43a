//! How an attempt ended for one action, and how that is written down and logged.

use jiff::Timestamp;
use tracing::{info, warn};

use crate::db::{Sql, SqlError};
use crate::ids::InboxId;
use crate::inbox;
use crate::outbox::{self, ActionResult, Claim, ClaimStatus, Reschedule};

/// What is written down about one action when its attempt ends.
#[derive(Debug)]
pub(super) enum End {
    Done(ActionResult),
    /// The attempt failed; another one follows.
    Failed(Reschedule),
    /// The action waits for a cause outside of it.
    Waits(Reschedule),
    Dead {
        code: &'static str,
        reason: String,
        /// Whether no call can still have taken effect.
        is_resolved: bool,
    },
    /// Another attempt has the action; there is nothing to write down.
    Lost,
}

/// What writing an end found.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) claim: ClaimStatus,
    /// When the event of a finished action arrived.
    pub(super) event_received_at: Option<Timestamp>,
}

impl End {
    /// Writes the end of an attempt at an action of this event, unless the claim was lost.
    pub(super) fn write(
        &self,
        sql: &Sql,
        claim: Claim,
        event: InboxId,
        now: Timestamp,
    ) -> Result<Written, SqlError> {
        let status = match self {
            Self::Done(result) => outbox::finish(sql, claim, result, now)?,
            Self::Failed(reschedule) | Self::Waits(reschedule) => {
                outbox::reschedule(sql, claim, reschedule)?
            }
            Self::Dead {
                code,
                reason,
                is_resolved,
            } => {
                let status = outbox::mark_dead(sql, claim, code, reason, now)?;
                if *is_resolved {
                    outbox::clear_intent(sql, claim)?;
                }
                status
            }
            Self::Lost => ClaimStatus::Lost,
        };
        let event_received_at = match self {
            Self::Done(_) => Some(inbox::received_at(sql, event)?),
            _ => None,
        };
        Ok(Written {
            claim: status,
            event_received_at,
        })
    }

    /// The label in the metrics.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Failed(_) => "failed",
            Self::Waits(_) => "waits",
            Self::Dead { .. } => "dead",
            Self::Lost => "lost",
        }
    }

    /// Logs what was written down at this time.
    pub(super) fn log(&self, now: Timestamp) {
        match self {
            Self::Done(_) => info!("done"),
            Self::Failed(Reschedule { reason, until, .. }) => {
                let wait_ms = until.as_millisecond() - now.as_millisecond();
                warn!(reason, wait_ms, "the attempt failed");
            }
            Self::Waits(Reschedule { reason, .. }) => info!(reason, "the action waits"),
            Self::Dead { code, reason, .. } => warn!(code, reason, "the action is a dead letter"),
            Self::Lost => warn!("the claim on the action was lost; another attempt has it"),
        }
    }
}
