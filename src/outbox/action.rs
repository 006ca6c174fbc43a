//! An action, its claim, and what attempts leave behind.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::db::stored_words;
use crate::docspace::OperationId;
use crate::ids::{FileId, FolderId, InboxId};
use crate::results::Results;

use super::priority::Priority;

/// Our id of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ActionId(pub i64);

impl fmt::Display for ActionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A claim on an action. Only the holder of the newest one may write to the action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The action.
    pub action: ActionId,
    /// The attempt that this claim began, from 1.
    pub attempt: u32,
}

/// An action that was claimed.
#[derive(Clone, Debug)]
pub struct Action {
    /// The claim on it.
    pub claim: Claim,
    /// The event that caused it.
    pub event: InboxId,
    /// The rule that planned it.
    pub rule: String,
    /// The file.
    pub file: FileId,
    /// The file's title when the event was decided, or the one that an action before this one in the rule gives it.
    pub title: String,
    /// The name of its kind.
    pub kind: String,
    /// What to do, as its kind stores it.
    pub plan: String,
    /// Failed attempts so far that count towards giving up.
    pub failures: u32,
    /// Refusals in a row without a visible cause, which do not count towards giving up.
    pub denials: u32,
    /// How urgent it is.
    pub priority: Priority,
    /// The folder that it puts the file or a copy of it into; the one in the plan until an attempt has found the one
    /// below it.
    pub destination: Option<FolderId>,
    /// The call of an earlier attempt whose outcome is unknown.
    pub intent: Option<Intent>,
    /// What earlier attempts have done, as its kind stores it.
    pub progress: Option<String>,
}

#[cfg(test)]
impl Action {
    /// An action for tests.
    pub(crate) fn example() -> Self {
        Self {
            claim: Claim {
                action: ActionId(1),
                attempt: 1,
            },
            event: InboxId(1),
            rule: "copy".to_owned(),
            file: FileId::from(1),
            title: "plan.docx".to_owned(),
            kind: String::new(),
            plan: String::new(),
            failures: 0,
            denials: 0,
            priority: Priority::Live,
            destination: None,
            intent: None,
            progress: None,
        }
    }
}

/// A call to the portal that may have been made and whose outcome is unknown. Its times are those of the
/// portal's clock, so that a step of our clock changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// When it was stored, before the call.
    pub at: Timestamp,
    /// Before this time the request may be on its way or in the portal, so a missing effect proves nothing.
    pub in_flight_until: Timestamp,
    /// The portal's operation, once the portal has returned its id.
    pub operation: Option<OperationId>,
    /// When the effect was last searched for in vain; `None` before the first search.
    pub searched_until: Option<Timestamp>,
}

/// What a done action left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionResult {
    /// The resulting file: a new one for a copy.
    pub file: Option<FileId>,
    /// The folder that contains it.
    pub folder: Option<FolderId>,
    /// When the file last changed after the action changed something about it, or created it; the event that it raised
    /// reports this.
    pub changed_at: Option<Timestamp>,
    /// What an operator should know about it, if it differs from what the rule suggests.
    pub note: Option<String>,
    /// What the actions after it in its rule may name.
    pub named: Results,
}

/// The state of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionState {
    /// Waits for its next attempt, or for the actions before it in its rule.
    Waiting,
    /// Is claimed.
    Running,
    /// Succeeded.
    Done,
    /// Failed for good: a dead letter.
    Dead,
    /// A person discarded it.
    Discarded,
}

stored_words!(ActionState {
    Waiting => "waiting",
    Running => "running",
    Done => "done",
    Dead => "dead",
    Discarded => "discarded",
});

impl fmt::Display for ActionState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
