//! The two rules that environment variables configure: the jobs of the vendor's samples.

use std::iter;

use crate::actions::{CopyTo, MoveTo};
use crate::docspace::Conflict;
use crate::event::Trigger;
use crate::ids::FolderId;
use crate::rules::{ActionPlan, Condition, Rule};

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
    /// `INVOICE_TITLE_PREFIX`, as a condition.
    pub title: Condition,
    /// The actions after the move: notifications and a call.
    pub then: Vec<ActionPlan>,
    /// `ALLOWED_TRIGGERS`.
    pub triggers: Vec<Trigger>,
}

impl CopyRule {
    /// It as a rule.
    pub fn into_rule(self) -> Rule {
        Rule {
            name: "copy".to_owned(),
            triggers: self.triggers,
            conditions: vec![Condition::Room(vec![self.room])],
            actions: vec![
                CopyTo {
                    to: self.to,
                    conflict: Conflict::Duplicate,
                }
                .into(),
            ],
        }
    }
}

impl InvoiceRule {
    /// It as a rule.
    pub fn into_rule(self) -> Rule {
        Rule {
            name: "invoice".to_owned(),
            triggers: self.triggers,
            conditions: vec![self.title, Condition::Room(vec![self.room])],
            actions: iter::once(
                MoveTo {
                    to: self.to,
                    conflict: Conflict::Duplicate,
                }
                .into(),
            )
            .chain(self.then)
            .collect(),
        }
    }
}
