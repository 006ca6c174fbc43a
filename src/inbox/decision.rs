//! Decisions: the events that wait for one, and what each rule decided.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use tracing::{debug, info};

use crate::db::{Sql, SqlError, ZeroAsNone, stored_words};
use crate::event::Event;
use crate::ids::{EventId, EventPosition, FolderId, InboxId};
use crate::instances;
use crate::outbox::{self, PlanOutcome, Replan, ReplanChange};
use crate::rules::{Decision, EventDecisions, PlannedActions};

use super::compact;
use super::replay::store_changes;

/// The state of an event in the inbox; the journal combines it with those of its actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboxState {
    /// Waits for its decision.
    Waiting,
    /// Every rule has decided.
    Decided,
    /// No decision could be made.
    Dead,
    /// The body is not a JSON object.
    Unreadable,
}

stored_words!(InboxState {
    Waiting => "waiting",
    Decided => "decided",
    Dead => "dead",
    Unreadable => "unreadable",
});

/// An event that waits for its decision.
#[derive(Clone, Debug)]
pub struct Undecided {
    /// The event and its position in the order.
    pub position: EventPosition,
    /// The body as received.
    pub body: Vec<u8>,
    /// When it was received.
    pub received_at: Timestamp,
    /// Failed attempts to decide it that count towards giving up.
    pub failures: u32,
    /// When it was last replayed, if it was.
    pub replayed_at: Option<Timestamp>,
}

impl Undecided {
    /// An event that was just stored, without its body.
    pub(super) fn new(id: InboxId, event: &Event, now: Timestamp) -> Self {
        Self {
            position: EventPosition {
                event: id,
                at: event.happened_at.unwrap_or(now),
                sequence: event.id,
            },
            body: Vec::new(),
            received_at: now,
            failures: 0,
            replayed_at: None,
        }
    }
}

/// After this long, in milliseconds, any instance decides an event.
const OVERDUE_MS: i64 = 2_000;

/// The events to decide now, in the order in which they are due; of the events of one file, the one
/// that happened first. Each instance begins with its share of them.
pub fn undecided(sql: &Sql, now: Timestamp, limit: u32) -> Result<Vec<Undecided>, SqlError> {
    let partition = instances::partition(sql)?;
    sql.query(
        "SELECT id, body, happened_at, sequence, failures, replayed_at, received_at
         FROM events AS later
         WHERE state = 'waiting' AND due_at <= :now
           AND (id % :count = :index OR due_at <= :overdue)
           AND NOT EXISTS (
               SELECT 1 FROM events AS earlier
               WHERE earlier.file_id = later.file_id AND earlier.state = 'waiting'
                 AND (earlier.happened_at, earlier.sequence, earlier.id)
                   < (later.happened_at, later.sequence, later.id))
         ORDER BY due_at, id LIMIT :limit",
        &[
            (":now", now.into()),
            (":count", partition.count.into()),
            (":index", partition.index.into()),
            (":overdue", (now.as_millisecond() - OVERDUE_MS).into()),
            (":limit", limit.into()),
        ],
        |row| {
            let ZeroAsNone(sequence) = row.get(3)?;
            Ok(Undecided {
                position: EventPosition {
                    event: InboxId(row.get(0)?),
                    at: row.get(2)?,
                    sequence: sequence.map(EventId),
                },
                body: row.get(1)?,
                failures: row.get(4)?,
                replayed_at: row.get(5)?,
                received_at: row.get(6)?,
            })
        },
    )
}

/// When the next event is due that waits for its decision.
pub fn next_due(sql: &Sql, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
    sql.query_one(
        "SELECT min(due_at) FROM events WHERE state = 'waiting' AND due_at > :now",
        &[(":now", now.into())],
        |row| row.get(0),
    )
}

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

/// Stores what each rule decided and the room if it is known, and plans the actions, unless the event was decided or
/// replayed meanwhile. After a replay, the decisions and the unfinished actions replace the earlier ones.
pub fn record_decisions(
    sql: &Sql,
    undecided: &Undecided,
    decisions: &EventDecisions,
    now: Timestamp,
) -> Result<Vec<RecordedDecision>, SqlError> {
    let event = undecided.position;
    let decided = sql.execute(
        "UPDATE events SET state = 'decided', reason = NULL, room_id = coalesce(:room, room_id)
         WHERE id = :event AND state = 'waiting'
           AND coalesce(replayed_at, 0) = coalesce(:replayed_at, 0)",
        &[
            (":event", event.event.0.into()),
            (":replayed_at", undecided.replayed_at.into()),
            (
                ":room",
                decisions.room.as_ref().map(FolderId::as_str).into(),
            ),
        ],
    )?;
    if decided == 0 {
        return Ok(Vec::new());
    }
    outbox::make_busy_due(sql, event.event, now)?;
    let recorded = if undecided.replayed_at.is_some() {
        decide_again(sql, event, &decisions.by_rule, now)?
    } else {
        let plan = |rule: &str, planned: &_| outbox::plan(sql, event, rule, planned, now);
        decide(&decisions.by_rule, plan)?
    };
    if let Some(ignored) = ignored_column(&recorded) {
        sql.execute(
            "UPDATE events SET ignored = :ignored WHERE id = :event",
            &[
                (":ignored", (&ignored).into()),
                (":event", event.event.0.into()),
            ],
        )?;
        return Ok(recorded);
    }
    for (position, decision) in (0_i64..).zip(&recorded) {
        insert_decision(sql, event.event, position, decision)?;
    }
    Ok(recorded)
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

/// Plans again what an event still needs.
fn decide_again(
    sql: &Sql,
    event: EventPosition,
    decisions: &[Decision],
    now: Timestamp,
) -> Result<Vec<RecordedDecision>, SqlError> {
    let decisions = in_scope(sql, event.event, decisions)?;
    sql.execute(
        "DELETE FROM decisions WHERE event = :event",
        &[(":event", event.event.0.into())],
    )?;
    sql.execute(
        "UPDATE events SET ignored = NULL WHERE id = :event",
        &[(":event", event.event.0.into())],
    )?;
    let mut replan = Replan::begin(sql, event, planning_rules(&decisions))?;
    let recorded = decide(&decisions, |rule, planned| replan.plan(sql, rule, planned))?;
    let steps = replan.end(&evaluated_rules(&decisions));
    steps.apply(sql, now)?;
    store_changes(sql, event.event, &steps.changes())?;
    Ok(recorded)
}

/// What a replay would change about the actions of an event, if the rules decide this about it.
pub fn preview_replay(
    sql: &Sql,
    id: InboxId,
    decisions: &[Decision],
) -> Result<Vec<ReplanChange>, SqlError> {
    let event = position(sql, id)?;
    let decisions = in_scope(sql, id, decisions)?;
    let mut replan = Replan::preview(sql, event, planning_rules(&decisions))?;
    decide(&decisions, |rule, planned| replan.plan(sql, rule, planned))?;
    Ok(replan.end(&evaluated_rules(&decisions)).changes())
}

/// The decisions that count for an event when it is replayed. That of a backfill is about the rules that a person
/// chose to apply to the file; others have nothing to do with it, or have handled the file in another state.
fn in_scope<'a>(
    sql: &Sql,
    event: InboxId,
    decisions: &'a [Decision],
) -> Result<Cow<'a, [Decision]>, SqlError> {
    let chosen: Vec<String> = sql.query(
        "SELECT decisions.rule FROM decisions JOIN events ON events.id = decisions.event
         WHERE decisions.event = :event AND events.backfilled = 1",
        &[(":event", event.0.into())],
        |row| row.get(0),
    )?;
    if chosen.is_empty() {
        return Ok(Cow::Borrowed(decisions));
    }
    let is_chosen = |decision: &&Decision| chosen.contains(&decision.rule);
    Ok(decisions.iter().filter(is_chosen).cloned().collect())
}

fn planning_rules(decisions: &[Decision]) -> impl Iterator<Item = &str> {
    let planning = decisions.iter().filter(|it| it.planned.is_some());
    planning.map(|decision| decision.rule.as_str())
}

fn evaluated_rules(decisions: &[Decision]) -> HashSet<&str> {
    let rules = decisions.iter().map(|decision| decision.rule.as_str());
    rules.collect()
}

fn position(sql: &Sql, id: InboxId) -> Result<EventPosition, SqlError> {
    sql.query_one(
        "SELECT happened_at, sequence FROM events WHERE id = :id",
        &[(":id", id.0.into())],
        |row| {
            let ZeroAsNone(sequence) = row.get(1)?;
            Ok(EventPosition {
                event: id,
                at: row.get(0)?,
                sequence: sequence.map(EventId),
            })
        },
    )
}

fn decide<'a>(
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

/// Postpones the decision about an event, and stores the reason.
pub fn postpone(
    sql: &Sql,
    id: InboxId,
    until: Timestamp,
    failures: u32,
    reason: &str,
) -> Result<(), SqlError> {
    sql.execute(
        "UPDATE events SET due_at = :until, failures = :failures, reason = :reason
         WHERE id = :id AND state = 'waiting'",
        &[
            (":id", id.0.into()),
            (":until", until.into()),
            (":failures", failures.into()),
            (":reason", reason.into()),
        ],
    )?;
    Ok(())
}

/// Gives up deciding an event: it becomes a dead letter with this reason.
pub fn mark_dead(sql: &Sql, id: InboxId, reason: &str) -> Result<(), SqlError> {
    sql.execute(
        "UPDATE events SET state = 'dead', reason = :reason, alerted_at = NULL
         WHERE id = :id AND state = 'waiting'",
        &[(":id", id.0.into()), (":reason", reason.into())],
    )?;
    Ok(())
}

/// Makes postponed decisions due at once, because the portal is available again.
pub fn make_due(sql: &Sql, now: Timestamp) -> Result<usize, SqlError> {
    sql.execute(
        "UPDATE events SET due_at = :now WHERE state = 'waiting' AND due_at > :now",
        &[(":now", now.into())],
    )
}
