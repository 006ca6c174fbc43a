//! What an attempt writes: its intent, its claim for longer, and its end.

use crate::db::{Sql, SqlError};
use jiff::Timestamp;

use crate::docspace::OperationId;
use crate::ids::{FileId, FolderId};

use super::{ActionResult, Claim, Intent, from_ms};

/// Whether a write found the claim still held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum ClaimStatus {
    /// It was, and the write is done.
    Held,
    /// Another claim came after it, or the action was discarded; nothing was written.
    Lost,
}

impl From<usize> for ClaimStatus {
    fn from(changed_rows: usize) -> Self {
        if changed_rows == 0 {
            Self::Lost
        } else {
            Self::Held
        }
    }
}

/// Why and until when an action waits for its next attempt.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The time of the next attempt.
    pub until: Timestamp,
    /// Attempts that count towards giving up, this one included if it does.
    pub failures: u32,
    /// Why, in words an operator reads.
    pub reason: String,
    /// What is left open.
    pub intent: Option<Intent>,
}

/// Writes down that the portal is about to be called, or what its call came to so far.
pub fn store_intent(sql: &Sql, claim: Claim, intent: &Intent) -> Result<ClaimStatus, SqlError> {
    sql.execute(
        "UPDATE actions
         SET intent_at = :at, settle_after = :settle_after, operation_id = :operation
         WHERE id = :id AND attempt = :attempt AND state = 'running'",
        &[
            (":id", claim.action.0.into()),
            (":attempt", claim.attempt.into()),
            (":at", intent.at.into()),
            (":settle_after", intent.settle_after.into()),
            (
                ":operation",
                intent.operation.as_ref().map(OperationId::as_str).into(),
            ),
        ],
    )
    .map(ClaimStatus::from)
}

/// What is written down of a claim's call to the portal.
pub fn stored_intent(sql: &Sql, claim: Claim) -> Result<Option<Intent>, SqlError> {
    let stored = sql.query_optional(
        "SELECT intent_at, settle_after, operation_id FROM actions
         WHERE id = :id AND attempt = :attempt",
        &[
            (":id", claim.action.0.into()),
            (":attempt", claim.attempt.into()),
        ],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let (at, settle_after, operation) = stored.unwrap_or_default();
    Ok(intent(at, settle_after, operation))
}

/// An intent from its columns.
pub(super) fn intent(
    at: Option<i64>,
    settle_after: Option<i64>,
    operation: Option<String>,
) -> Option<Intent> {
    at.map(|at| Intent {
        at: from_ms(at),
        settle_after: from_ms(settle_after.unwrap_or(at)),
        operation: operation.map(OperationId::new),
    })
}

/// Keeps the claim for longer.
pub fn renew(sql: &Sql, claim: Claim, lease_until: Timestamp) -> Result<ClaimStatus, SqlError> {
    sql.execute(
        "UPDATE actions SET lease_until = :lease_until
         WHERE id = :id AND attempt = :attempt AND state = 'running'",
        &[
            (":id", claim.action.0.into()),
            (":attempt", claim.attempt.into()),
            (":lease_until", lease_until.into()),
        ],
    )
    .map(ClaimStatus::from)
}

/// Marks an action as done; those that waited in its rule for this one alone are due then.
pub fn finish(
    sql: &Sql,
    claim: Claim,
    outcome: &ActionResult,
    now: Timestamp,
) -> Result<ClaimStatus, SqlError> {
    let finished = sql.execute(
        "UPDATE actions SET state = 'done', finished_at = :now, lease_until = NULL, reason = :note,
                                reason_code = NULL, result_file = :file, result_folder = :folder
             WHERE id = :id AND attempt = :attempt AND state = 'running'",
        &[
            (":id", claim.action.0.into()),
            (":attempt", claim.attempt.into()),
            (":now", now.into()),
            (":file", outcome.file.as_ref().map(FileId::as_str).into()),
            (
                ":folder",
                outcome.folder.as_ref().map(FolderId::as_str).into(),
            ),
            (":note", outcome.note.as_deref().into()),
        ],
    )?;
    if finished > 0 {
        sql.execute(
            "UPDATE actions AS behind SET due_at = :now
             FROM actions AS done
             WHERE done.id = :id AND behind.rule = done.rule AND behind.file_id = done.file_id
               AND behind.file_version = done.file_version AND behind.position > done.position
               AND behind.state = 'waiting' AND behind.due_at IS NULL
               AND NOT EXISTS (
                   SELECT 1 FROM actions AS before
                   WHERE before.rule = done.rule AND before.file_id = done.file_id
                     AND before.file_version = done.file_version
                     AND before.position < behind.position
                     AND before.state <> 'done' AND before.kind <> 'notify')",
            &[(":id", claim.action.0.into()), (":now", now.into())],
        )?;
    }
    Ok(ClaimStatus::from(finished))
}

/// Ends an attempt and lets the action wait for the next one.
pub fn wait(sql: &Sql, claim: Claim, wait: &Wait) -> Result<ClaimStatus, SqlError> {
    sql.execute(
        "UPDATE actions SET state = 'waiting', lease_until = NULL, due_at = :until,
                            failures = :failures, reason = :reason, intent_at = :intent_at,
                            settle_after = :settle_after, operation_id = :operation
         WHERE id = :id AND attempt = :attempt AND state = 'running'",
        &[
            (":id", claim.action.0.into()),
            (":attempt", claim.attempt.into()),
            (":until", wait.until.into()),
            (":failures", wait.failures.into()),
            (":reason", (&wait.reason).into()),
            (
                ":intent_at",
                wait.intent
                    .as_ref()
                    .map(|intent| intent.at.as_millisecond())
                    .into(),
            ),
            (
                ":settle_after",
                wait.intent
                    .as_ref()
                    .map(|intent| intent.settle_after.as_millisecond())
                    .into(),
            ),
            (
                ":operation",
                wait.intent
                    .as_ref()
                    .and_then(|intent| intent.operation.as_ref())
                    .map(OperationId::as_str)
                    .into(),
            ),
        ],
    )
    .map(ClaimStatus::from)
}

/// Gives an action up: it becomes a dead letter, with a code for machines and a reason for people.
pub fn give_up(
    sql: &Sql,
    claim: Claim,
    code: &str,
    reason: &str,
    now: Timestamp,
) -> Result<ClaimStatus, SqlError> {
    sql.execute(
        "UPDATE actions SET state = 'dead', lease_until = NULL, failures = failures + 1,
                            reason_code = :code, reason = :reason, finished_at = :now
         WHERE id = :id AND attempt = :attempt AND state = 'running'",
        &[
            (":id", claim.action.0.into()),
            (":attempt", claim.attempt.into()),
            (":code", code.into()),
            (":reason", reason.into()),
            (":now", now.into()),
        ],
    )
    .map(ClaimStatus::from)
}
