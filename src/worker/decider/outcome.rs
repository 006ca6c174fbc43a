//! What deciding an event led to, and how that is written down and logged.

use jiff::Timestamp;
use tracing::{info, warn};

use crate::db::{Sql, SqlError};
use crate::ids::{FolderId, InboxId};
use crate::inbox::{self, DecisionOutcome, RecordedDecision, Undecided};
use crate::rules::Decision;

/// What deciding an event led to.
#[derive(Debug)]
pub(super) enum EventOutcome {
    /// The rules decided.
    Decided {
        decisions: Vec<Decision>,
        /// The room around the file, if that is known.
        room: Option<FolderId>,
    },
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
            Self::Decided { decisions, room } => {
                return inbox::record_decisions(sql, undecided, decisions, room.as_ref(), now);
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
        use DecisionOutcome::{Duplicate, Ignored, Planned};

        let any = |outcome| decisions.iter().any(|rule| rule.outcome == outcome);
        match self {
            Self::Postponed { .. } => None,
            Self::Dead(_) => Some("dead"),
            Self::Decided { .. } if any(Planned) => Some(Planned.as_str()),
            Self::Decided { .. } if any(Duplicate) => Some(Duplicate.as_str()),
            Self::Decided { .. } => Some(Ignored.as_str()),
        }
    }

    /// Logs what was written down.
    pub(super) fn log(&self, InboxId(id): InboxId, decisions: &[RecordedDecision]) {
        match self {
            Self::Decided { .. } => {
                for RecordedDecision {
                    rule,
                    outcome,
                    reason,
                } in decisions
                {
                    info!(event.id = id, rule.name = rule, "{outcome}: {reason}");
                }
            }
            Self::Postponed { reason, .. } => {
                info!(event.id = id, reason, "the event waits for its decision");
            }
            Self::Dead(reason) => warn!(event.id = id, reason, "the event is a dead letter"),
        }
    }
}
