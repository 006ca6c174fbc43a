//! Trials: compare what rules decide now with what was decided. The commands and the console use the same functions.
//! Nothing is changed.

use serde::Serialize;

use crate::db::{Db, StoreError};
use crate::evaluator::Evaluator;
use crate::event::Event;
use crate::ids::{FileId, InboxId};
use crate::inbox::{self, DecisionOutcome};
use crate::journal::{self, ActionView, EventDetails, EventFilter, EventState};
use crate::outbox::ActionState;
use crate::rules::{Decision, Facts, RuleSet};

/// The decisions about one event, or about one file.
#[derive(Debug, Serialize)]
pub struct TrialResult {
    /// The event's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<InboxId>,
    /// The file's id, if files are tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileId>,
    /// DocSpace's name for what happened.
    pub trigger: Option<String>,
    /// The file's title. Untrusted text.
    pub title: Option<String>,
    /// The rules that matched when it was decided, or that have handled the file; `None` if it has not been
    /// decided.
    pub decided: Option<Vec<String>>,
    /// The rules that match now; `None` if a lookup in the portal failed.
    pub today: Option<Vec<String>>,
    /// What rules that matched then and now plan differently now, in words.
    pub changes: Vec<String>,
}

/// How a trial compares with what was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The rules decide the same.
    Same,
    /// They decide something else.
    Differs,
    /// It has not been decided yet.
    Waits,
    /// It cannot be decided now, because a lookup in the portal failed.
    WouldWait,
}

impl Comparison {
    /// Its label in lists.
    pub fn label(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "DIFFERS",
            Self::Waits => "waits",
            Self::WouldWait => "would wait",
        }
    }
}

impl TrialResult {
    /// How it compares with what was decided.
    pub fn comparison(&self) -> Comparison {
        match (&self.decided, &self.today) {
            (_, None) => Comparison::WouldWait,
            (None, _) => Comparison::Waits,
            (Some(decided), Some(today)) if decided == today && self.changes.is_empty() => {
                Comparison::Same
            }
            _ => Comparison::Differs,
        }
    }

    /// The result of rules that matched then, and of decisions now, beside the actions that were planned then.
    #[must_use]
    pub fn compare(
        self,
        mut decided: Option<Vec<String>>,
        now: Option<Vec<Decision>>,
        planned: &[ActionView],
    ) -> Self {
        let changes = now.as_deref().map(|now| plan_changes(planned, now));
        let mut today = now.map(matching);
        for rules in [&mut decided, &mut today].into_iter().flatten() {
            rules.sort();
        }
        Self {
            decided,
            today,
            changes: changes.unwrap_or_default(),
            ..self
        }
    }

    /// A result about a file, without what was decided.
    pub fn of_file(file: FileId, trigger: Option<String>, title: String) -> Self {
        Self {
            id: None,
            file: Some(file),
            trigger,
            title: Some(title),
            decided: None,
            today: None,
            changes: Vec::new(),
        }
    }
}

/// Tries rules on the newest events of the store.
pub async fn past_events(
    db: &Db,
    rules: &RuleSet,
    evaluator: &Evaluator,
    last: u32,
) -> Result<Vec<TrialResult>, StoreError> {
    let listed = db
        .read(move |sql| journal::list(sql, &EventFilter::default(), last))
        .await?;
    let mut tried = Vec::new();
    for event in listed {
        let id = event.id;
        let Some(details) = db.read(move |sql| journal::find(sql, id.0)).await? else {
            continue;
        };
        let Some(event) = details.parsed() else {
            continue;
        };
        let caused_by = caused_by(db, &event).await?;
        let mut facts = Facts {
            caused_by: &caused_by,
            ..Facts::delivered(&event, &details.body)
        };
        let decisions = evaluator
            .evaluate(&mut facts, |facts| rules.decide(facts))
            .await;
        tried.push(compare(details, decisions.ok()));
    }
    Ok(tried)
}

/// The rules whose own actions caused an event.
pub async fn caused_by(db: &Db, event: &Event) -> Result<Vec<String>, StoreError> {
    let event = event.clone();
    let origin = db.read(move |sql| inbox::origin(sql, &event)).await?;
    Ok(origin.rules().to_vec())
}

/// A rule whose action another event has done already matched, too.
fn compare(details: EventDetails, now: Option<Vec<Decision>>) -> TrialResult {
    let undecided = details.decisions.is_empty() && details.event.state == EventState::Waiting;
    let wanted = details.decisions.into_iter();
    let wanted = wanted.filter(|decision| decision.outcome != DecisionOutcome::Ignored);
    let decided = wanted.map(|decision| decision.rule).collect();
    let result = TrialResult {
        id: Some(details.event.id),
        file: None,
        trigger: details.event.trigger,
        title: details.event.title,
        decided: None,
        today: None,
        changes: Vec::new(),
    };
    result.compare((!undecided).then_some(decided), now, &details.actions)
}

/// The names of the rules that match.
fn matching(decisions: Vec<Decision>) -> Vec<String> {
    let planned = decisions
        .into_iter()
        .filter(|decision| decision.planned.is_some());
    planned.map(|decision| decision.rule).collect()
}

/// What rules that planned actions would plan differently now, in words.
fn plan_changes(actions: &[ActionView], today: &[Decision]) -> Vec<String> {
    let mut changes = Vec::new();
    for decision in today {
        let then: Vec<&ActionView> = actions
            .iter()
            .filter(|action| action.rule == decision.rule)
            .collect();
        let Some(now) = decision.planned.as_ref().filter(|_| !then.is_empty()) else {
            continue;
        };
        let added = now
            .actions
            .iter()
            .filter(|action| !then.iter().any(|it| it.plan == action.stored));
        let removed = then.iter().filter(|it| {
            it.state != ActionState::Discarded
                && !now.actions.iter().any(|action| action.stored == it.plan)
        });
        let added: Vec<String> = added.map(ToString::to_string).collect();
        let removed: Vec<&str> = removed.map(|it| it.what.as_str()).collect();
        let rule = &decision.rule;
        match (added.is_empty(), removed.is_empty()) {
            (true, true) => {}
            (false, true) => changes.push(format!("{rule}: {} is new", added.join(", "))),
            (true, false) => changes.push(format!("{rule}: no {}", removed.join(", "))),
            (false, false) => changes.push(format!(
                "{rule}: {} instead of {}",
                added.join(", "),
                removed.join(", ")
            )),
        }
    }
    changes
}
