//! Plans the actions of an event again for a replay.
//!
//! What was done stays done. Actions that run, or whose call may have taken effect, keep their plan. The
//! others are replaced by what the rules plan now. The comparison changes nothing, so that a preview is the
//! same as what the replay does.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::db::{Sql, SqlError};
use crate::ids::{EventPosition, InboxId};
use crate::rules::{ActionPlan, PlannedActions};

use super::action::ActionState;
use super::plan::{NewAction, PlanOutcome, find_effect, titles};
use super::priority::Priority;

mod change;
mod earlier;
mod step;

pub use change::{PlanChange, ReplanChange};
use earlier::EarlierAction;
use step::Step;
pub use step::{ReplanSteps, make_due};

/// Why an action is dropped although its rule matches.
const NO_LONGER_PLANNED: &str = "the rule no longer has this action";

/// The actions that an event already has when it is decided again.
#[derive(Debug)]
pub struct Replan<'a> {
    event: EventPosition,
    /// The rules that plan something now.
    planning: HashSet<&'a str>,
    /// The actions that no rule has claimed yet.
    earlier: Vec<EarlierAction>,
    /// The actions that are not done and whose position another action takes.
    displaced: Vec<EarlierAction>,
    steps: Vec<Step<'a>>,
}

impl<'a> Replan<'a> {
    /// Reads and locks the event's actions. `planning` are the rules that plan something now.
    pub fn begin(
        sql: &Sql,
        event: EventPosition,
        planning: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, SqlError> {
        let earlier = earlier::read_and_lock(sql, event.event)?;
        Ok(Self::new(event, planning, earlier))
    }

    /// Reads the event's actions, to find out what a replay would change.
    pub fn preview(
        sql: &Sql,
        event: EventPosition,
        planning: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, SqlError> {
        let earlier = earlier::read(sql, event.event)?;
        Ok(Self::new(event, planning, earlier))
    }

    fn new(
        event: EventPosition,
        planning: impl IntoIterator<Item = &'a str>,
        mut earlier: Vec<EarlierAction>,
    ) -> Self {
        earlier.sort_by_key(|action| action.id);
        Self {
            event,
            planning: planning.into_iter().collect(),
            earlier,
            displaced: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// Plans the actions of one rule, position by position.
    pub fn plan(
        &mut self,
        sql: &Sql,
        rule: &'a str,
        planned: &'a PlannedActions,
    ) -> Result<PlanOutcome, SqlError> {
        let own = self.earlier.iter().find(|action| action.rule == rule);
        // The content may have changed since, which is another event.
        let version = own.map_or_else(|| planned.state.to_string(), |own| own.version.clone());
        if own.is_none()
            && let Some(event) = find_effect(sql, rule, planned)?
        {
            return Ok(PlanOutcome::AlreadyPlanned(event));
        }
        let titles = titles(self.event, rule, planned);
        for ((position, action), title) in (0_i64..).zip(&planned.actions).zip(titles) {
            self.plan_action(NewAction {
                event: self.event,
                rule,
                version: Cow::Owned(version.clone()),
                position,
                planned,
                action,
                title,
                priority: Priority::Live,
            });
        }
        Ok(PlanOutcome::Planned)
    }

    fn plan_action(&mut self, new: NewAction<'a>) {
        let plan = &new.action.stored;
        let is_here =
            |action: &EarlierAction| action.rule == new.rule && action.position == new.position;
        if let Some(kept) = take(&mut self.earlier, |action| {
            is_here(action) && action.is_kept()
        }) {
            if kept.plan == *plan {
                self.steps.push(Step::Keep(kept));
            } else {
                self.steps.push(Step::RetryUnresolved(kept.id));
                // The rule may plan the same at a later position now.
                self.earlier.push(kept);
            }
            return;
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
            (Some(here), None) => self.steps.push(Step::Replace(here, new)),
            (None, None) => {
                let step = match self.take_displaced(&new) {
                    Some(displaced) => Step::Replace(displaced, new),
                    None => Step::Insert(new),
                };
                self.steps.push(step);
            }
            (here, Some(same)) => {
                // Its position is free for what is planned there now.
                let takes_place =
                    same.rule != new.rule || (here.is_some() && same.position > new.position);
                if let Some(here) = here {
                    let planned = new.planned.actions.len();
                    self.steps.push(Step::MoveBehind(here.id, planned));
                    self.displaced.push(here);
                }
                self.steps.push(Step::Adopt {
                    same,
                    new,
                    takes_place,
                });
            }
        }
    }

    /// Takes an action whose position another one took and that this one replaces: the same, or one of its kind that
    /// the rule no longer plans.
    fn take_displaced(&mut self, new: &NewAction<'_>) -> Option<EarlierAction> {
        let is_planned = |plan: &str| {
            let mut planned = new.planned.actions.iter();
            planned.any(|action| action.stored == plan)
        };
        let (kind, plan) = (new.action.kind, &new.action.stored);
        take(&mut self.displaced, |action| {
            action.rule == new.rule
                && (action.plan == *plan || action.kind == kind && !is_planned(&action.plan))
        })
    }

    /// Discards what no rule plans any more. `evaluated` are the rules that there are now.
    pub fn end(mut self, evaluated: &HashSet<&str>) -> ReplanSteps<'a> {
        let displaced = self.displaced.into_iter();
        let discarded = displaced.map(|action| Step::Discard(action, NO_LONGER_PLANNED));
        self.steps.extend(discarded);
        for action in self.earlier {
            let rule = action.rule.as_str();
            let reason = if self.planning.contains(rule) {
                NO_LONGER_PLANNED
            } else if evaluated.contains(rule) {
                "the rule no longer matches"
            } else {
                "the rule no longer exists"
            };
            self.steps.push(match action.state {
                _ if !action.is_kept() => Step::Discard(action, reason),
                ActionState::Dead => Step::Keep(action),
                _ => Step::Stay(action),
            });
        }
        ReplanSteps::new(self.event.event, self.steps)
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

/// Suspends the actions of an event that wait, until it is decided again. A call that may have taken effect is
/// still reconciled.
pub fn suspend_for_replay(sql: &Sql, event: InboxId) -> Result<(), SqlError> {
    sql.execute(
        "UPDATE actions SET due_at = NULL
         WHERE event = :event AND state = 'waiting' AND intent_at IS NULL",
        &[(":event", event.0.into())],
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
