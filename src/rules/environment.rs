//! The two rules of the environment, ready-made: what the vendor's samples meant to do.

use crate::docspace::Conflict;
use crate::event::Trigger;
use crate::ids::FolderId;

use super::{ActionPlan, Condition, Rule};

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

/// Moves uploads whose title starts with a word to Incoming and tells people and a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceRule {
    /// `CLIENT_ROOT_ID`: a room, or the Rooms section; then every room counts.
    pub room: FolderId,
    /// `INCOMING_FOLDER_ID`.
    pub to: FolderId,
    /// `INVOICE_TITLE_PREFIX`.
    pub title_prefix: String,
    /// What follows the move: who is told, and what is called.
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
