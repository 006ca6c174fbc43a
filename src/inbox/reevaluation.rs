//! Decides a replayed event again: what its rules plan now replaces what is not done.

use std::borrow::Cow;
use std::collections::HashSet;

use jiff::Timestamp;

use crate::db::{Sql, SqlError, ZeroAsNone};
use crate::ids::{EventId, EventPosition, InboxId};
use crate::outbox::{Replan, ReplanChange};
use crate::rules::Decision;

use super::decision::{RecordedDecision, decide};
use super::replay::store_changes;

/// Plans again what an event still needs.
pub(super) fn decide_again(
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
