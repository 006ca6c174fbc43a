//! The two rules that environment variables configure: the jobs of the vendor's samples.

use crate::docspace::Conflict;
use crate::event::Trigger;
use crate::ids::FolderId;

use super::action::ActionPlan;
use super::condition::Condition;
use super::rule::Rule;

/// Copies every upload of a client room into an internal folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyRule {
    /// `SHARED_WITH_CLIENT_ROOM_ID`.
    pub room: FolderId,
    /// `INTERNAL_PROCESSING_FOLDER_ID`.
    pub to: FolderId,
    /// `ALLOWED_TRIGGERS`.
    pub triggers: Vec<Trigger>,
}

/// Moves uploads whose title starts with a prefix to Incoming, then notifies people and calls a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceRule {
    /// `CLIENT_ROOT_ID`: a room, or the Rooms section to match every room.
    pub room: FolderId,
    /// `INCOMING_FOLDER_ID`.
    pub to: FolderId,
    /// `INVOICE_TITLE_PREFIX`.
    pub title_prefix: String,
    /// The actions after the move: notifications and a call.
    pub then: Vec<ActionPlan>,
    /// `ALLOWED_TRIGGERS`.
    pub triggers: Vec<Trigger>,
}

impl From<CopyRule> for Rule {
    fn from(rule: CopyRule) -> Self {
        Self {
            name: "copy".to_owned(),
            triggers: rule.triggers,
            conditions: vec![Condition::Room(vec![rule.room])],
            actions: vec![ActionPlan::Copy {
                to: rule.to,
                conflict: Conflict::Duplicate,
            }],
        }
    }
}

impl From<InvoiceRule> for Rule {
    fn from(rule: InvoiceRule) -> Self {
        Self {
            name: "invoice".to_owned(),
            triggers: rule.triggers,
            conditions: vec![
                Condition::TitlePrefix(vec![rule.title_prefix.trim().to_lowercase()]),
                Condition::Room(vec![rule.room]),
            ],
            actions: [ActionPlan::Move {
                to: rule.to,
                conflict: Conflict::Duplicate,
            }]
            .into_iter()
            .chain(rule.then)
            .collect(),
        }
    }
}
