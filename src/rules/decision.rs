//! Decisions: what one rule says about one event, and what to plan.

use std::fmt;

use jiff::Timestamp;

use crate::event::{Event, Trigger};
use crate::ids::{FileId, FolderId};

use super::action::ActionPlan;

/// What one rule says about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The rule's name.
    pub rule: String,
    /// The reason, for the operator.
    pub reason: String,
    /// What to plan; `None` if the rule ignores the event.
    pub planned: Option<PlannedActions>,
}

/// What all rules say about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventDecisions {
    /// What each rule says, in order.
    pub by_rule: Vec<Decision>,
    /// The room around the file, if that is known.
    pub room: Option<FolderId>,
}

impl EventDecisions {
    /// Whether no rule plans anything.
    pub fn all_ignore(&self) -> bool {
        self.by_rule
            .iter()
            .all(|decision| decision.planned.is_none())
    }
}

/// Actions to plan, and the state of the file they are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedActions {
    /// The file.
    pub file: FileId,
    /// Its title when the event was decided.
    pub title: String,
    /// Its state; part of the effect key.
    pub state: FileState,
    /// The actions, in order.
    pub actions: Vec<ActionPlan>,
}

/// The state of a file for which a rule acts once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Its content, identified by the time of its last change, whichever event reports it.
    Content(Timestamp),
    /// An occurrence that did not change the content: its trigger and time.
    Occurrence(Trigger, Timestamp),
}

impl FileState {
    /// The state that an event reports for a file last changed at this time.
    ///
    /// Moving, restoring or downloading a file does not change its content, so each such event counts.
    pub(super) fn reported_by(event: &Event, modified_at: Timestamp) -> Self {
        match (&event.trigger, event.happened_at) {
            (Some(trigger), Some(at)) if !reports_content(trigger) => {
                Self::Occurrence(trigger.clone(), at)
            }
            _ => Self::Content(modified_at),
        }
    }

    /// Whether this content is that of another state, as it is written, or older.
    pub fn is_not_after(&self, other: &str) -> bool {
        match self {
            Self::Content(changed_at) => other.parse().is_ok_and(|other| *changed_at <= other),
            Self::Occurrence(..) => false,
        }
    }
}

impl fmt::Display for FileState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content(changed_at) => changed_at.fmt(formatter),
            Self::Occurrence(trigger, at) => write!(formatter, "{trigger} {at}"),
        }
    }
}

/// Whether events of this trigger report new content.
fn reports_content(trigger: &Trigger) -> bool {
    const CONTENT: [&str; 4] = [
        "file.created",
        "file.uploaded",
        "file.updated",
        "form.submit",
    ];
    CONTENT.contains(&trigger.as_str())
}
