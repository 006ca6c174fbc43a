//! The two rules that environment variables configure: the jobs of the vendor's samples.

use std::iter;

use crate::actions::{CopyTo, MoveTo};
use crate::docspace::Conflict;
use crate::event::Trigger;
use crate::ids::FolderId;
use crate::rules::{ActionPlan, Condition, Rule};

/// Copies every upload of a client room into an internal folder: `SHARED_WITH_CLIENT_ROOM_ID`,
/// `INTERNAL_PROCESSING_FOLDER_ID`, `ALLOWED_TRIGGERS`.
pub fn copy_rule(room: FolderId, to: FolderId, triggers: Vec<Trigger>) -> Rule {
    let conflict = Conflict::Duplicate;
    Rule {
        name: "copy".to_owned(),
        triggers,
        group: None,
        conditions: vec![Condition::Room(vec![room])],
        actions: vec![
            CopyTo {
                path: None,
                to: to.into(),
                conflict,
            }
            .into(),
        ],
    }
}

/// Moves uploads with a title of the invoice rule to Incoming, and then notifies people and calls a pipeline:
/// `CLIENT_ROOT_ID`, which may be the Rooms section to match every room, `INCOMING_FOLDER_ID`,
/// `INVOICE_TITLE_PREFIX` as a condition, the actions after the move, `ALLOWED_TRIGGERS`.
pub fn invoice_rule(
    room: FolderId,
    to: FolderId,
    title: Condition,
    then: Vec<ActionPlan>,
    triggers: Vec<Trigger>,
) -> Rule {
    let conflict = Conflict::Duplicate;
    let action = MoveTo {
        path: None,
        to: to.into(),
        conflict,
    }
    .into();
    Rule {
        name: "invoice".to_owned(),
        triggers,
        group: None,
        conditions: vec![title, Condition::Room(vec![room])],
        actions: iter::once(action).chain(then).collect(),
    }
}
