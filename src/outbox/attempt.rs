//! What an attempt writes: its intent, a renewed lease, and its outcome.

use jiff::Timestamp;

use crate::db::{Row, Sql, SqlError};
use crate::docspace::OperationId;
use crate::ids::{FileId, FolderId};

use super::action::{ActionId, ActionResult, Claim, Intent};
use super::title::target;

/// Whether the claim was still the newest one of its action when a write was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum ClaimStatus {
    /// It was still the newest one, and the write is done.
    Current,
    /// There is a newer claim, or the action was discarded; nothing was written.
    Lost,
}

impl From<usize> for ClaimStatus {
    fn from(changed_rows: usize) -> Self {
        if changed_rows == 0 {
            Self::Lost
        } else {
            Self::Current
        }
    }
}

/// When and why an action is attempted again.
#[derive(Clone, Debug)]
pub struct Reschedule {
    /// The time of the next attempt.
    pub until: Timestamp,
    /// Failed attempts that count towards giving up, including this one if it counts.
    pub failures: u32,
    /// Refusals in a row without a visible cause, including this one.
    pub denials: u32,
    /// The file that a person has open or locked, if the action waits for that.
    pub busy_file: Option<FileId>,
    /// The reason, for an operator.
    pub reason: String,
    /// What becomes of the stored intent.
    pub intent: IntentUpdate,
}

/// What becomes of the stored intent when an attempt ends without a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntentUpdate {
    /// It stays as the attempt stored it.
    Keep,
    /// It is replaced by that of the call whose outcome is unknown; `None` if there is no such call.
    Replace(Option<Intent>),
}

/// Stores that the portal is about to be called, or the operation that it returned.
pub fn store_intent(sql: &Sql, claim: Claim, intent: &Intent) -> Result<ClaimStatus, SqlError> {
    replace_intent(sql, claim, Some(intent))
}

fn replace_intent(
    sql: &Sql,
    claim: Claim,
    intent: Option<&Intent>,
) -> Result<ClaimStatus, SqlError> {
    let operation = intent.and_then(|intent| intent.operation.as_ref());
    let in_flight_until = intent.map(|intent| intent.in_flight_until);
    let searched_until = intent.and_then(|intent| intent.searched_until);
    sql.execute(
        "UPDATE actions
         SET intent_at = :at, settle_after = :in_flight_until, operation_id = :operation,
             searched_until = :searched_until
         WHERE id = :id AND attempt = :attempt AND state = 'running'",
        &[
            (":id", claim.action.0.into()),
            (":attempt", claim.attempt.into()),
            (":at", intent.map(|intent| intent.at).into()),
            (":in_flight_until", in_flight_until.into()),
            (":searched_until", searched_until.into()),
            (":operation", operation.map(OperationId::as_str).into()),
        ],
    )
    .map(ClaimStatus::from)
}

/// The intent in a row with its columns.
pub(super) fn intent(row: &Row<'_>) -> Result<Option<Intent>, SqlError> {
    let at: Option<Timestamp> = row.get("intent_at")?;
    let Some(at) = at else { return Ok(None) };
    let in_flight_until: Option<Timestamp> = row.get("settle_after")?;
    let operation: Option<String> = row.get("operation_id")?;
    Ok(Some(Intent {
        at,
        in_flight_until: in_flight_until.unwrap_or(at),
        operation: operation.map(OperationId::new),
        searched_until: row.get("searched_until")?,
    }))
}

/// Stores the folder that an action puts its file into, if only an attempt could find it. Events in the portal name this
/// folder.
pub fn store_destination(
    sql: &Sql,
    claim: Claim,
    folder: &FolderId,
    title: &str,
) -> Result<ClaimStatus, SqlError> {
    sql.execute(
        "UPDATE actions SET destination = :folder, final_target = :target
         WHERE id = :id AND attempt = :attempt AND state = 'running'",
        &[
            (":id", claim.action.0.into()),
            (":attempt", claim.attempt.into()),
            (":folder", folder.as_str().into()),
            (":target", (&target(Some(folder), title)).into()),
        ],
    )
    .map(ClaimStatus::from)
}

/// Stores what the attempts at an action have done so far, as its kind reads it.
pub fn store_progress(sql: &Sql, claim: Claim, progress: &str) -> Result<ClaimStatus, SqlError> {
    sql.execute(
        "UPDATE actions SET progress = :progress
         WHERE id = :id AND attempt = :attempt AND state = 'running'",
        &[
            (":id", claim.action.0.into()),
            (":attempt", claim.attempt.into()),
            (":progress", progress.into()),
        ],
    )
    .map(ClaimStatus::from)
}

/// Whether all these claims are the newest of their actions, and their leases last at this time.
pub fn are_current(sql: &Sql, claims: &[Claim], now: Timestamp) -> Result<bool, SqlError> {
    let ids: Vec<String> = claims
        .iter()
        .map(|claim| claim.action.to_string())
        .collect();
    let statement = format!(
        "SELECT id, attempt FROM actions
         WHERE state = 'running' AND lease_until > :now AND {}",
        sql.is_in_list("id", ":ids"),
    );
    let held = sql.query(
        &statement,
        &[(":now", now.into()), (":ids", (&ids.join(",")).into())],
        |row| {
            Ok(Claim {
                action: ActionId(row.get(0)?),
                attempt: row.get(1)?,
            })
        },
    )?;
    Ok(claims.iter().all(|claim| held.contains(claim)))
}

/// Extends the lease.
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

/// Ends the claim of an attempt that recorded nothing, so that the next attempt can begin now.
pub fn release(sql: &Sql, claim: Claim, now: Timestamp) -> Result<ClaimStatus, SqlError> {
    renew(sql, claim, now)
}

/// Marks an action as done, and makes those due that waited for nothing else in its rule, unless a replay
/// plans them again.
pub fn finish(
    sql: &Sql,
    claim: Claim,
    result: &ActionResult,
    now: Timestamp,
) -> Result<ClaimStatus, SqlError> {
    let changed_at = result.changed_at.as_ref().map(ToString::to_string);
    let finished = sql.execute(
        "UPDATE actions SET state = 'done', finished_at = :now, lease_until = NULL, reason = :note,
                                reason_code = NULL, result_file = :file, result_folder = :folder,
                            changed_at = :changed_at, results = :results, progress = NULL
             WHERE id = :id AND attempt = :attempt AND state = 'running'",
        &[
            (":id", claim.action.0.into()),
            (":attempt", claim.attempt.into()),
            (":now", now.into()),
            (":file", result.file.as_ref().map(FileId::as_str).into()),
            (
                ":folder",
                result.folder.as_ref().map(FolderId::as_str).into(),
            ),
            (":changed_at", changed_at.as_deref().into()),
            (":note", result.note.as_deref().into()),
            (":results", result.named.to_stored().as_deref().into()),
        ],
    )?;
    if finished > 0 {
        sql.execute(
            concat!(
                "UPDATE actions AS behind SET due_at = :now
                 FROM actions AS done
                 WHERE done.id = :id AND behind.rule = done.rule AND behind.file_id = done.file_id
                   AND behind.file_version = done.file_version AND behind.position > done.position
                   AND behind.state = 'waiting' AND behind.due_at IS NULL
                   AND NOT EXISTS (
                       SELECT 1 FROM events WHERE id = behind.event AND state <> 'decided')
                   AND ",
                include_str!("unblocked.sql")
            ),
            &[(":id", claim.action.0.into()), (":now", now.into())],
        )?;
    }
    Ok(ClaimStatus::from(finished))
}

/// Ends an attempt and schedules the next one.
pub fn reschedule(
    sql: &Sql,
    claim: Claim,
    reschedule: &Reschedule,
) -> Result<ClaimStatus, SqlError> {
    if let IntentUpdate::Replace(intent) = &reschedule.intent
        && replace_intent(sql, claim, intent.as_ref())? == ClaimStatus::Lost
    {
        return Ok(ClaimStatus::Lost);
    }
    let busy_file = reschedule.busy_file.as_ref();
    sql.execute(
        "UPDATE actions SET state = 'waiting', lease_until = NULL, due_at = :until,
                            failures = :failures, denials = :denials, busy_file = :busy_file,
                            reason = :reason
         WHERE id = :id AND attempt = :attempt AND state = 'running'",
        &[
            (":id", claim.action.0.into()),
            (":attempt", claim.attempt.into()),
            (":until", reschedule.until.into()),
            (":failures", reschedule.failures.into()),
            (":denials", reschedule.denials.into()),
            (":busy_file", busy_file.map(FileId::as_str).into()),
            (":reason", (&reschedule.reason).into()),
        ],
    )
    .map(ClaimStatus::from)
}

/// Makes an action a dead letter, with a code for programs and a reason for people. Its intent is forgotten if it
/// is resolved: no call can still have taken effect.
pub fn mark_dead(
    sql: &Sql,
    claim: Claim,
    code: &str,
    reason: &str,
    is_resolved: bool,
    now: Timestamp,
) -> Result<ClaimStatus, SqlError> {
    sql.execute(
        "UPDATE actions SET state = 'dead', lease_until = NULL, failures = failures + 1,
                            reason_code = :code, reason = :reason, finished_at = :now, alerted_at = NULL,
                            intent_at = CASE WHEN :is_resolved = 1 THEN NULL ELSE intent_at END,
                            settle_after = CASE WHEN :is_resolved = 1 THEN NULL ELSE settle_after END,
                            searched_until = CASE WHEN :is_resolved = 1 THEN NULL ELSE searched_until END
         WHERE id = :id AND attempt = :attempt AND state = 'running'",
        &[
            (":id", claim.action.0.into()),
            (":attempt", claim.attempt.into()),
            (":code", code.into()),
            (":reason", reason.into()),
            (":is_resolved", is_resolved.into()),
            (":now", now.into()),
        ],
    )
    .map(ClaimStatus::from)
}
