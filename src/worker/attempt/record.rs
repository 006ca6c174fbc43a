//! The record of how an attempt ended for one action: what is stored, counted and logged.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use crate::actions::AttemptOutcome;
use crate::backoff::backoff;
use crate::db::{Sql, SqlError};
use crate::ids::InboxId;
use crate::inbox;
use crate::outbox::{self, Action, ActionResult, Claim, ClaimStatus, IntentUpdate, Reschedule};

/// How long an action waits for an open circuit breaker before it is claimed again.
const BREAKER_WAIT: Duration = Duration::from_secs(1);

/// How often an action is attempted that waits for a person who has a file open or locked, in seconds. An event
/// about the file ends the wait early.
const BUSY_INTERVAL_S: i64 = 180;

/// What is recorded about one action when its attempt ends.
#[derive(Debug)]
pub(super) enum Record {
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
    /// Another attempt has the action; nothing is stored.
    ClaimLost,
}

/// What writing a record found.
#[derive(Debug)]
pub(super) struct WrittenRecord {
    pub(super) claim: ClaimStatus,
    /// When the event of a finished action arrived.
    pub(super) event_received_at: Option<Timestamp>,
}

impl Record {
    /// The record of how an attempt at an action ended now.
    pub(super) fn new(
        action: &Action,
        outcome: AttemptOutcome,
        max_attempts: u32,
        now: Timestamp,
    ) -> Self {
        let again = |until: Timestamp, reason: String, intent: IntentUpdate| Reschedule {
            until,
            failures: action.failures,
            denials: action.denials,
            busy_file: None,
            reason,
            intent,
        };
        let no_intent = IntentUpdate::Replace(None);
        match outcome {
            AttemptOutcome::Done(result) => Self::Done(result),
            AttemptOutcome::Dead {
                code,
                reason,
                intent,
            } => Self::Dead {
                code,
                reason,
                is_resolved: intent.is_none(),
            },
            AttemptOutcome::Retry {
                reason,
                intent,
                min_wait,
            } => {
                let failures = action.failures + 1;
                if failures >= max_attempts {
                    return Self::Dead {
                        code: "attempts_used_up",
                        reason: format!("{failures} attempts failed; the last one: {reason}"),
                        is_resolved: intent == no_intent,
                    };
                }
                let wait = backoff(failures, fastrand::f64()).max(min_wait);
                Self::Failed(Reschedule {
                    failures,
                    ..again(now + wait, reason, intent)
                })
            }
            AttemptOutcome::Postponed {
                reason,
                wait,
                intent,
            } => {
                let until = truncated_to_tenths(now + wait.unwrap_or(BREAKER_WAIT));
                Self::Waits(again(until, reason, IntentUpdate::Replace(intent)))
            }
            AttemptOutcome::Busy { file, reason } => Self::Waits(Reschedule {
                denials: 0,
                busy_file: Some(file),
                ..again(next_busy_check(now), reason, no_intent)
            }),
            AttemptOutcome::Denied { reason, wait } => Self::Waits(Reschedule {
                denials: action.denials + 1,
                ..again(now + wait, reason, no_intent)
            }),
            AttemptOutcome::ClaimLost => Self::ClaimLost,
        }
    }

    /// Writes the record of an action of this event, unless the claim was lost.
    pub(super) fn write(
        &self,
        sql: &Sql,
        claim: Claim,
        event: InboxId,
        now: Timestamp,
    ) -> Result<WrittenRecord, SqlError> {
        let status = match self {
            Self::Done(result) => outbox::finish(sql, claim, result, now)?,
            Self::Failed(reschedule) | Self::Waits(reschedule) => {
                outbox::reschedule(sql, claim, reschedule)?
            }
            Self::Dead {
                code,
                reason,
                is_resolved,
            } => outbox::mark_dead(sql, claim, code, reason, *is_resolved, now)?,
            Self::ClaimLost => ClaimStatus::Lost,
        };
        let event_received_at = match self {
            Self::Done(_) => Some(inbox::received_at(sql, event)?),
            _ => None,
        };
        Ok(WrittenRecord {
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
            Self::ClaimLost => "lost",
        }
    }

    /// Logs the record of this time.
    pub(super) fn log(&self, now: Timestamp) {
        match self {
            Self::Done(_) => info!("done"),
            Self::Failed(Reschedule { reason, until, .. }) => {
                let wait_ms = until.as_millisecond() - now.as_millisecond();
                warn!(reason, wait_ms, "the attempt failed");
            }
            Self::Waits(Reschedule { reason, .. }) => info!(reason, "the action waits"),
            Self::Dead { code, reason, .. } => warn!(code, reason, "the action is a dead letter"),
            Self::ClaimLost => warn!("the claim on the action was lost; another attempt has it"),
        }
    }
}

/// The time without what exceeds a tenth of a second, so that actions which wait for the same thing are due
/// together although their attempts are recorded one after the other.
fn truncated_to_tenths(time: Timestamp) -> Timestamp {
    let ms = time.as_millisecond();
    Timestamp::from_millisecond(ms - ms.rem_euclid(100)).unwrap_or(time)
}

/// When actions are attempted again that wait for a person: all at the same times, so that they share calls.
fn next_busy_check(now: Timestamp) -> Timestamp {
    let interval = BUSY_INTERVAL_S * 1_000;
    let ms = now.as_millisecond();
    Timestamp::from_millisecond(ms - ms.rem_euclid(interval) + interval).unwrap_or(now)
}
