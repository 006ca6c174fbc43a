//! What each rule decided about an event, as it is stored and logged.

use std::fmt;

use serde::Serialize;
use tracing::{debug, info};

use crate::db::{Sql, SqlError, stored_words};
use crate::ids::InboxId;
use crate::outbox::PlanOutcome;
use crate::rules::{Decision, EventDecisions, PlannedActions};

use super::compact;

/// What one rule decided about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionOutcome {
    /// Its actions were planned.
    Planned,
    /// It does not apply to the event.
    Ignored,
    /// It applies, but an earlier event had its actions planned.
    Duplicate,
}

stored_words!(DecisionOutcome {
    Planned => "planned",
    Ignored => "ignored",
    Duplicate => "duplicate",
});

impl fmt::Display for DecisionOutcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A decision as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedDecision {
    /// The rule's name.
    pub rule: String,
    /// What it decided.
    pub outcome: DecisionOutcome,
    /// Why, for an operator.
    pub reason: String,
}

/// The column of an event with its decisions, if there are any and all of them ignore it.
pub(super) fn ignored_column(decisions: &[RecordedDecision]) -> Option<String> {
    let is_ignored = |it: &RecordedDecision| it.outcome == DecisionOutcome::Ignored;
    if decisions.is_empty() || !decisions.iter().all(is_ignored) {
        return None;
    }
    let pairs = decisions
        .iter()
        .map(|it| (it.rule.as_str(), it.reason.as_str()));
    Some(compact::stored(&pairs.collect::<Vec<_>>()))
}

/// What is recorded of decisions about an event that is not stored yet, if no rule plans anything.
pub(super) fn ignored_by_all(decisions: &EventDecisions) -> Option<Vec<RecordedDecision>> {
    let ignored = decisions.by_rule.iter().map(|decision| RecordedDecision {
        rule: decision.rule.clone(),
        outcome: DecisionOutcome::Ignored,
        reason: decision.reason.clone(),
    });
    decisions.all_ignore().then(|| ignored.collect())
}

/// Has the actions of each rule planned, and returns what is to be recorded.
pub(super) fn decide<'a>(
    decisions: &'a [Decision],
    mut plan: impl FnMut(&'a str, &'a PlannedActions) -> Result<PlanOutcome, SqlError>,
) -> Result<Vec<RecordedDecision>, SqlError> {
    decisions
        .iter()
        .map(|decision| {
            let (outcome, reason) = match &decision.planned {
                None => (DecisionOutcome::Ignored, decision.reason.clone()),
                Some(planned) => match plan(&decision.rule, planned)? {
                    PlanOutcome::Planned => (DecisionOutcome::Planned, decision.reason.clone()),
                    PlanOutcome::AlreadyPlanned(earlier) => (
                        DecisionOutcome::Duplicate,
                        format!("this state of the file was handled for event {earlier} already"),
                    ),
                },
            };
            Ok(RecordedDecision {
                rule: decision.rule.clone(),
                outcome,
                reason,
            })
        })
        .collect()
}

/// The label of a decided event in the metrics.
pub fn outcome_label(decisions: &[RecordedDecision]) -> &'static str {
    let any = |outcome| decisions.iter().any(|rule| rule.outcome == outcome);
    if any(DecisionOutcome::Planned) {
        DecisionOutcome::Planned.as_str()
    } else if any(DecisionOutcome::Duplicate) {
        DecisionOutcome::Duplicate.as_str()
    } else {
        DecisionOutcome::Ignored.as_str()
    }
}

/// Logs what was recorded about an event. A webhook for all triggers reports mostly what no rule wants.
pub fn log_decisions(InboxId(id): InboxId, decisions: &[RecordedDecision]) {
    for RecordedDecision {
        rule,
        outcome,
        reason,
    } in decisions
    {
        match outcome {
            DecisionOutcome::Ignored => {
                debug!(event.id = id, rule.name = rule, "{outcome}: {reason}");
            }
            DecisionOutcome::Planned | DecisionOutcome::Duplicate => {
                info!(event.id = id, rule.name = rule, "{outcome}: {reason}");
            }
        }
    }
}

/// Whether a rule of this name has planned something for an event that is still stored.
pub fn has_rule(sql: &Sql, rule: &str) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM decisions WHERE rule = :rule AND outcome <> 'ignored' LIMIT 1",
        &[(":rule", rule.into())],
    )
}

/// Stores one decision about an event.
pub(super) fn insert_decision(
    sql: &Sql,
    event: InboxId,
    position: i64,
    decision: &RecordedDecision,
) -> Result<usize, SqlError> {
    sql.execute(
        "INSERT INTO decisions (event, position, rule, outcome, reason)
         VALUES (:event, :position, :rule, :outcome, :reason)",
        &[
            (":event", event.0.into()),
            (":position", position.into()),
            (":rule", (&decision.rule).into()),
            (":outcome", decision.outcome.as_str().into()),
            (":reason", (&decision.reason).into()),
        ],
    )
}
