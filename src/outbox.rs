//! Outbox: the actions owed, and all SQL of their table.
//!
//! An action is claimed by one statement that sets a lease and raises the attempt number; every later
//! write of the worker names that number and changes nothing when another claim came after it. The
//! effect key (rule, file, time of change, position) makes planning the same thing twice harmless.
//! No HTTP, and no deciding what to do, here.

use crate::db::{Sql, SqlError};
use jiff::Timestamp;

use crate::docspace::OperationId;
use crate::ids::{FileId, FolderId, InboxId};
use crate::rules::ActionPlan;

// In the order of an action's life.
mod plan;

mod claim;

mod attempt;

mod origin;

mod dead_letter;

mod title;

pub use attempt::{ClaimStatus, Wait, finish, give_up, renew, store_intent, stored_intent, wait};
pub use claim::{Batch, BatchPolicy, claim, claim_all, find_batch, find_notification, next_due};
pub use dead_letter::{
    DeadLetter, dead_letters, discard_behind_dead, discard_dead, revive_of_event,
};
pub use origin::{Origin, may_be_ours, origin};
pub use plan::{Plan, plan};
pub use title::unnumbered;

/// An event, and its place in the order of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPosition {
    /// The event.
    pub event: InboxId,
    /// When it happened, in milliseconds.
    pub at_ms: i64,
    /// DocSpace's id of it, or 0.
    pub sequence: i64,
}

/// Our number of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct ActionId(pub i64);

impl std::fmt::Display for ActionId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A claim on an action: who writes to it must hold the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The action.
    pub action: ActionId,
    /// The attempt this claim began, from 1.
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
    /// The file's title when the event was decided.
    pub title: String,
    /// What to do.
    pub plan: ActionPlan,
    /// Attempts so far that count towards giving up.
    pub failures: u32,
    /// What an earlier attempt left open.
    pub intent: Option<Intent>,
}

/// A call to the portal that was about to be made, or was made, and whose outcome is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// When it was written down, before the call.
    pub at: Timestamp,
    /// Before this time a missing effect proves nothing.
    pub settle_after: Timestamp,
    /// The portal's operation, once it named one.
    pub operation: Option<OperationId>,
}

/// What an action left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionResult {
    /// The resulting file: a new one for a copy.
    pub file: Option<FileId>,
    /// Where it is now.
    pub folder: Option<FolderId>,
    /// What an operator should know about it, where it is not what one expects.
    pub note: Option<String>,
}

fn from_ms(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}

/// What the copy or move before an action in its rule left behind.
pub fn outcome_before(
    sql: &Sql,
    action: ActionId,
) -> Result<Option<(String, ActionResult)>, SqlError> {
    sql.query_optional(
        "SELECT earlier.kind, earlier.result_file, earlier.result_folder
         FROM actions AS this JOIN actions AS earlier
           ON earlier.rule = this.rule AND earlier.file_id = this.file_id
          AND earlier.file_version = this.file_version AND earlier.position < this.position
         WHERE this.id = :id AND earlier.state = 'done' AND earlier.result_folder IS NOT NULL
         ORDER BY earlier.position DESC LIMIT 1",
        &[(":id", action.0.into())],
        |row| {
            let (file, folder): (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
            let outcome = ActionResult {
                file: file.as_deref().and_then(FileId::new),
                folder: folder.as_deref().and_then(FolderId::new),
                note: None,
            };
            Ok((row.get(0)?, outcome))
        },
    )
}

/// Ends the leases of a service that is gone; only for a store that one service works on alone.
pub fn release_all_leases(sql: &Sql) -> Result<usize, SqlError> {
    sql.execute(
        "UPDATE actions SET lease_until = 0 WHERE state = 'running'",
        &[],
    )
}

/// Ends the leases of instances that are gone from a store which several share.
pub fn release_orphaned_leases(sql: &Sql) -> Result<usize, SqlError> {
    sql.execute(
        "UPDATE actions SET lease_until = 0
         WHERE state = 'running' AND lease_until > 0 AND instance <> 0
           AND instance NOT IN (SELECT id FROM instances)",
        &[],
    )
}

/// Whether an action of ours made this file.
pub fn made(sql: &Sql, file: &FileId) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM actions WHERE result_file = :file AND kind = 'copy' LIMIT 1",
        &[(":file", file.as_str().into())],
    )
}

/// Whether any rule has planned something for this state of a file.
pub fn knows_file(sql: &Sql, file: &FileId, changed: Timestamp) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM actions WHERE file_id = :file AND file_version = :version LIMIT 1",
        &[
            (":file", file.as_str().into()),
            (":version", (&changed.to_string()).into()),
        ],
    )
}

/// Whether an operation belongs to an action of ours.
pub fn knows(sql: &Sql, operation: &OperationId) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM actions WHERE operation_id = :operation LIMIT 1",
        &[(":operation", operation.as_str().into())],
    )
}
