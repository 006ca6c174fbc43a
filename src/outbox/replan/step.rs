//! The steps of a replay: what changes in the table, and in words.

use jiff::Timestamp;

use crate::db::{Queue, Sql, SqlError};
use crate::ids::InboxId;
use crate::outbox::action::{ActionId, ActionState};
use crate::outbox::plan::NewAction;
use crate::outbox::retry::start_over;

use super::change::{PlanChange, ReplanChange};
use super::earlier::EarlierAction;

/// One change of the plan of an event.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// It is planned again, and it is done or may be. In the latter case it is tried again to find out.
    Keep(EarlierAction),
    /// The same, about an action that a later step is about, too.
    RetryUnresolved(ActionId),
    /// No rule plans it again, but it is done or may be.
    Stay(EarlierAction),
    Replace(EarlierAction, NewAction<'a>),
    Insert(NewAction<'a>),
    /// Another rule, or the rule at another position, did the same.
    Adopt {
        same: EarlierAction,
        new: NewAction<'a>,
        /// Whether it moves to the rule and position of the new one.
        takes_place: bool,
    },
    /// Another action takes its position. The rule plans so many actions.
    MoveBehind(ActionId, usize),
    Discard(EarlierAction, &'static str),
}

/// All changes of the plan of an event, in order.
#[derive(Debug)]
pub struct ReplanSteps<'a> {
    event: InboxId,
    steps: Vec<Step<'a>>,
}

impl<'a> ReplanSteps<'a> {
    pub(super) fn new(event: InboxId, steps: Vec<Step<'a>>) -> Self {
        Self { event, steps }
    }

    /// What they change, for people.
    pub fn changes(&self) -> Vec<ReplanChange> {
        self.steps.iter().filter_map(Step::change).collect()
    }

    /// Carries them out, and makes due what waits for nothing.
    pub fn apply(&self, sql: &Sql, now: Timestamp) -> Result<(), SqlError> {
        for step in &self.steps {
            step.apply(sql, now)?;
        }
        sql.announce(Queue::Outbox);
        make_due(sql, self.event, now)
    }
}

impl Step<'_> {
    fn apply(&self, sql: &Sql, now: Timestamp) -> Result<(), SqlError> {
        match self {
            Self::Keep(EarlierAction { id, .. }) | Self::RetryUnresolved(id) => {
                retry_unresolved(sql, *id, now)
            }
            Self::Stay(_) => Ok(()),
            Self::Replace(here, new) => new.replace(sql, here.id),
            Self::Insert(new) => new.insert(sql, None, now),
            Self::Adopt {
                same,
                new,
                takes_place,
            } => {
                // If another rule did it, perhaps this one under its old name, it belongs to this one now.
                if *takes_place {
                    new.adopt(sql, same.id)?;
                }
                retry_unresolved(sql, same.id, now)
            }
            Self::MoveBehind(id, planned) => move_behind(sql, *id, *planned),
            Self::Discard(action, reason) => discard(sql, action.id, reason, now),
        }
    }

    fn change(&self) -> Option<ReplanChange> {
        match self {
            Self::Keep(action) | Self::Stay(action) => Some(of_earlier(action, PlanChange::Kept)),
            Self::RetryUnresolved(_) | Self::MoveBehind(..) => None,
            Self::Replace(here, new) if here.plan == new.action.stored => {
                Some(of_new(new, PlanChange::Retried))
            }
            Self::Replace(here, new) => Some(of_new(
                new,
                PlanChange::Replaced {
                    old_kind: here.kind.clone(),
                    old_plan: here.plan.clone(),
                },
            )),
            Self::Insert(new) => Some(of_new(new, PlanChange::Added)),
            Self::Adopt { new, .. } => Some(of_new(new, PlanChange::Kept)),
            Self::Discard(action, _) if action.state == ActionState::Discarded => None,
            Self::Discard(action, reason) => {
                let reason = (*reason).to_owned();
                Some(of_earlier(action, PlanChange::Dropped { reason }))
            }
        }
    }
}

fn of_earlier(action: &EarlierAction, change: PlanChange) -> ReplanChange {
    ReplanChange {
        rule: action.rule.clone(),
        kind: action.kind.clone(),
        plan: action.plan.clone(),
        change,
    }
}

fn of_new(new: &NewAction<'_>, change: PlanChange) -> ReplanChange {
    ReplanChange {
        rule: new.rule.to_owned(),
        kind: new.action.kind.to_owned(),
        plan: new.action.stored.clone(),
        change,
    }
}

/// Retries an action whose call may have taken effect, with all its attempts.
fn retry_unresolved(sql: &Sql, id: ActionId, now: Timestamp) -> Result<(), SqlError> {
    let unresolved = "id = :id AND state IN ('dead', 'discarded') AND intent_at IS NOT NULL";
    sql.execute(
        &start_over(unresolved),
        &[(":id", id.0.into()), (":due_at", now.into())],
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

/// Moves an action behind all others of its rule and behind the positions that the rule plans.
fn move_behind(sql: &Sql, id: ActionId, planned: usize) -> Result<(), SqlError> {
    let planned = i64::try_from(planned).unwrap_or(i64::MAX);
    sql.execute(
        "UPDATE actions AS moved
         SET position = :planned + (
             SELECT max(other.position) FROM actions AS other
             WHERE other.rule = moved.rule AND other.file_id = moved.file_id
               AND other.file_version = moved.file_version)
         WHERE id = :id",
        &[(":id", id.0.into()), (":planned", planned.into())],
    )?;
    Ok(())
}

/// Makes the actions of an event due that are held and wait for no other in their rule.
pub fn make_due(sql: &Sql, event: InboxId, now: Timestamp) -> Result<(), SqlError> {
    sql.execute(
        concat!(
            "UPDATE actions AS behind SET due_at = :now
             WHERE event = :event AND state = 'waiting' AND due_at IS NULL AND ",
            include_str!("../unblocked.sql")
        ),
        &[(":event", event.0.into()), (":now", now.into())],
    )?;
    Ok(())
}
