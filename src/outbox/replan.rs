//! Plans the actions of an event again after a replay.
//!
//! What was done stays done. Actions that run, or whose call may have taken effect, keep their plan. The
//! others are replaced by what the rules plan now.

use std::collections::HashSet;

use jiff::Timestamp;

use crate::db::{Queue, Sql, SqlError};
use crate::ids::{EventPosition, InboxId};
use crate::rules::{ActionPlan, PlannedActions};

use super::action::{ActionId, ActionState};
use super::plan::{NewAction, PlanOutcome, find_effect};

/// The actions that an event already has when it is decided again.
#[derive(Debug)]
pub struct Replan<'a> {
    event: EventPosition,
    /// The rules that plan something now.
    planning: HashSet<&'a str>,
    /// The actions that no rule has claimed yet.
    earlier: Vec<EarlierAction>,
    now: Timestamp,
}

#[derive(Debug)]
struct EarlierAction {
    id: ActionId,
    rule: String,
    version: String,
    position: i64,
    plan: String,
    state: ActionState,
    has_intent: bool,
}

impl EarlierAction {
    /// Whether it is done, or may be.
    fn is_kept(&self) -> bool {
        self.has_intent || matches!(self.state, ActionState::Done | ActionState::Running)
    }
}

impl<'a> Replan<'a> {
    /// Reads and locks the event's actions. `planning` are the rules that plan something now.
    pub fn begin(
        sql: &Sql,
        event: EventPosition,
        planning: impl IntoIterator<Item = &'a str>,
        now: Timestamp,
    ) -> Result<Self, SqlError> {
        // Writing locks the rows, so that no attempt ends while they are planned again.
        let mut earlier = sql.query(
            "UPDATE actions SET attempt = attempt WHERE event = :event
             RETURNING id, rule, file_version, position, plan, state, intent_at",
            &[(":event", event.event.0.into())],
            |row| {
                let intent_at: Option<Timestamp> = row.get("intent_at")?;
                Ok(EarlierAction {
                    id: ActionId(row.get("id")?),
                    rule: row.get("rule")?,
                    version: row.get("file_version")?,
                    position: row.get("position")?,
                    plan: row.get("plan")?,
                    state: row.get("state")?,
                    has_intent: intent_at.is_some(),
                })
            },
        )?;
        earlier.sort_by_key(|action| action.id);
        Ok(Self {
            event,
            planning: planning.into_iter().collect(),
            earlier,
            now,
        })
    }

    /// Plans the actions of one rule, position by position.
    pub fn plan(
        &mut self,
        sql: &Sql,
        rule: &str,
        planned: &PlannedActions,
    ) -> Result<PlanOutcome, SqlError> {
        let own = self.earlier.iter().find(|action| action.rule == rule);
        // The content may have changed since, which is another event.
        let version = own.map_or_else(|| planned.state.to_string(), |own| own.version.clone());
        if own.is_none()
            && let Some(event) = find_effect(sql, rule, &planned.file, &version)?
        {
            return Ok(PlanOutcome::AlreadyPlanned(event));
        }
        for (position, action) in (0_i64..).zip(&planned.actions) {
            let new = NewAction {
                event: self.event,
                rule,
                version: &version,
                position,
                planned,
                action,
            };
            self.plan_action(sql, &new)?;
        }
        Ok(PlanOutcome::Planned)
    }

    fn plan_action(&mut self, sql: &Sql, new: &NewAction<'_>) -> Result<(), SqlError> {
        let plan = &new.action.stored;
        let is_here =
            |action: &EarlierAction| action.rule == new.rule && action.position == new.position;
        if let Some(kept) = take(&mut self.earlier, |action| {
            is_here(action) && action.is_kept()
        }) {
            retry_unresolved(sql, &kept, self.now)?;
            if kept.plan != *plan {
                // The rule may plan the same at a later position now.
                self.earlier.push(kept);
            }
            return Ok(());
        }
        let here = take(&mut self.earlier, is_here);
        let same = take(&mut self.earlier, |action| {
            action.is_kept()
                && action.plan == *plan
                && if action.rule == new.rule {
                    !new.is_planned_at(action.position, plan)
                } else {
                    !self.planning.contains(action.rule.as_str())
                }
        });
        match (here, same) {
            (Some(here), None) => new.replace(sql, here.id).map(drop),
            (None, None) => new.insert(sql, None, self.now),
            (here, Some(same)) => {
                if let Some(here) = here {
                    delete(sql, here.id)?;
                }
                // Another rule did it, perhaps this one under its old name; now it belongs to this one.
                if same.rule != new.rule {
                    new.adopt(sql, same.id)?;
                }
                retry_unresolved(sql, &same, self.now)
            }
        }
    }

    /// Discards what no rule plans any more, and makes due what waits for nothing. `evaluated` are the rules
    /// that there are now.
    pub fn end(self, sql: &Sql, evaluated: &HashSet<&str>) -> Result<(), SqlError> {
        for action in &self.earlier {
            let rule = action.rule.as_str();
            let reason = if self.planning.contains(rule) {
                "the rule no longer has this action"
            } else if evaluated.contains(rule) {
                "the rule no longer matches"
            } else {
                "the rule no longer exists"
            };
            match action.state {
                _ if !action.is_kept() => discard(sql, action.id, reason, self.now)?,
                ActionState::Dead => retry_unresolved(sql, action, self.now)?,
                _ => {}
            }
        }
        sql.announce(Queue::Outbox);
        make_due(sql, self.event.event, self.now)
    }
}

/// Takes the first action that meets the condition.
fn take(
    actions: &mut Vec<EarlierAction>,
    condition: impl Fn(&EarlierAction) -> bool,
) -> Option<EarlierAction> {
    let found = actions.iter().position(condition)?;
    Some(actions.remove(found))
}

/// Retries an action whose call may have taken effect, with all its attempts.
fn retry_unresolved(sql: &Sql, action: &EarlierAction, now: Timestamp) -> Result<(), SqlError> {
    sql.execute(
        "UPDATE actions SET state = 'waiting', failures = 0, due_at = :now, finished_at = NULL,
                            reason_code = NULL, reason = NULL
         WHERE id = :id AND state IN ('dead', 'discarded') AND intent_at IS NOT NULL",
        &[(":id", action.id.0.into()), (":now", now.into())],
    )?;
    Ok(())
}

fn discard(sql: &Sql, id: ActionId, reason: &str, now: Timestamp) -> Result<(), SqlError> {
    sql.execute(
        "UPDATE actions SET state = 'discarded', finished_at = :now, reason = :reason,
                            reason_code = NULL
         WHERE id = :id AND state IN ('waiting', 'dead', 'discarded') AND intent_at IS NULL",
        &[
            (":id", id.0.into()),
            (":reason", reason.into()),
            (":now", now.into()),
        ],
    )?;
    Ok(())
}

fn delete(sql: &Sql, id: ActionId) -> Result<(), SqlError> {
    sql.execute(
        "DELETE FROM actions WHERE id = :id",
        &[(":id", id.0.into())],
    )?;
    Ok(())
}

/// Holds the actions of an event that wait, until it is decided again. A call that may have taken effect is
/// still reconciled.
pub fn hold_for_replay(sql: &Sql, event: InboxId) -> Result<(), SqlError> {
    sql.execute(
        "UPDATE actions SET due_at = NULL
         WHERE event = :event AND state = 'waiting' AND intent_at IS NULL",
        &[(":event", event.0.into())],
    )?;
    Ok(())
}

/// Makes the actions of an event due that are held and wait for no other in their rule.
pub fn make_due(sql: &Sql, event: InboxId, now: Timestamp) -> Result<(), SqlError> {
    sql.execute(
        "UPDATE actions AS behind SET due_at = :now
         WHERE event = :event AND state = 'waiting' AND due_at IS NULL
           AND NOT EXISTS (
               SELECT 1 FROM actions AS before
               WHERE before.rule = behind.rule AND before.file_id = behind.file_id
                 AND before.file_version = behind.file_version
                 AND before.position < behind.position
                 AND before.state <> 'done' AND before.waited_for = 1)",
        &[(":event", event.0.into()), (":now", now.into())],
    )?;
    Ok(())
}

impl NewAction<'_> {
    /// Whether the rule plans the same at another position.
    fn is_planned_at(&self, position: i64, plan: &str) -> bool {
        usize::try_from(position)
            .ok()
            .and_then(|position| self.planned.actions.get(position))
            .is_some_and(|action: &ActionPlan| action.stored == plan)
    }
}
