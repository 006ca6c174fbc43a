//! The two rules that environment variables configure: the jobs of the vendor's samples.

use crate::event::Trigger;
use crate::ids::FolderId;

use super::action::ActionPlan;
use super::condition::Condition;

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
