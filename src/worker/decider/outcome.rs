//! What deciding an event led to, and how that is written down and logged.

use jiff::Timestamp;
use tracing::{info, warn};

use crate::db::{Sql, SqlError};
use crate::ids::InboxId;
use crate::inbox::{self, RecordedDecision, Undecided};
use crate::rules::EventDecisions;

/// What deciding an event led to.
#[derive(Debug)]
pub(super) enum EventOutcome {
    /// The rules decided.
    Decided(EventDecisions),
    /// A fact is missing for now.
    Postponed {
        /// Failed attempts to decide the event, this one included if it counts.
        failures: u32,
        until: Timestamp,
        reason: String,
    },
    /// A fact will stay missing.
    Dead(String),
}

impl EventOutcome {
    /// Writes the outcome down; returns the decisions that are new.
    pub(super) fn write(
        &self,
        sql: &Sql,
        undecided: &Undecided,
        now: Timestamp,
    ) -> Result<Vec<RecordedDecision>, SqlError> {
        let id = undecided.position.event;
        match self {
            Self::Decided(decisions) => {
                return inbox::record_decisions(sql, undecided, decisions, now);
            }
            Self::Postponed {
                failures,
                until,
                reason,
            } => inbox::postpone(sql, id, *until, *failures, reason)?,
            Self::Dead(reason) => inbox::mark_dead(sql, id, reason)?,
        }
        Ok(Vec::new())
    }

    /// The label in the metrics; none while the event waits.
    pub(super) fn label(&self, decisions: &[RecordedDecision]) -> Option<&'static str> {
        match self {
            Self::Postponed { .. } => None,
            Self::Dead(_) => Some("dead"),
            Self::Decided(_) => Some(inbox::outcome_label(decisions)),
        }
    }

    /// Logs what was written down.
    pub(super) fn log(&self, event: InboxId, decisions: &[RecordedDecision]) {
        let InboxId(id) = event;
        match self {
            Self::Decided(_) => inbox::log_decisions(event, decisions),
            Self::Postponed { reason, .. } => {
                info!(event.id = id, reason, "the event waits for its decision");
            }
            Self::Dead(reason) => warn!(event.id = id, reason, "the event is a dead letter"),
        }
    }
}
