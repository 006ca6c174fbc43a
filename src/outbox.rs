//! Outbox: the actions owed, and all SQL of their table.
//!
//! An action is claimed by one statement that sets a lease and raises the attempt number; every later
//! write of the worker names that number and changes nothing when another claim came after it. The
//! effect key (rule, file, time of change, position) makes planning the same thing twice harmless.
//! No HTTP, and no deciding what to do, here.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::docspace::OperationId;
use crate::ids::{FileId, FolderId};
use crate::inbox::{InboxId, Undecided};
use crate::rules::{ActionPlan, Planned};

/// Our number of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct ActionId(pub i64);

impl std::fmt::Display for ActionId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What planning came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The actions are owed now.
    Planned,
    /// They were planned for this earlier event; what was given up of them has been revived.
    Known(InboxId),
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

/// Whether a write found the claim still held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Hold {
    /// It was, and the write is done.
    Held,
    /// Another claim came after it, or the action was discarded; nothing was written.
    Lost,
}

impl From<usize> for Hold {
    fn from(changed_rows: usize) -> Self {
        if changed_rows == 0 {
            Self::Lost
        } else {
            Self::Held
        }
    }
}

/// What an action left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The resulting file: a new one for a copy.
    pub file: Option<FileId>,
    /// Where it is now.
    pub folder: Option<FolderId>,
}

/// An action that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its last claim.
    pub claim: Claim,
    /// The event that caused it.
    pub event: InboxId,
    /// The rule that planned it.
    pub rule: String,
    /// Its kind.
    pub kind: String,
    /// Why it was given up, in words an operator reads.
    pub reason: Option<String>,
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

/// Owes the actions of one rule for one state of a file, unless they are owed or done already.
#[expect(
    clippy::missing_panics_doc,
    reason = "a plan is plain data, which can always be written"
)]
pub fn plan(
    sql: &Connection,
    event: &Undecided,
    rule: &str,
    planned: &Planned,
    now: Timestamp,
) -> rusqlite::Result<Plan> {
    let version = planned.modified_at.to_string();
    if let Some(earlier) = find_effect(sql, rule, &planned.file, &version)? {
        revive_of_event_and_rule(sql, earlier, rule, now)?;
        return Ok(Plan::Known(earlier));
    }
    let mut first = true;
    for (position, action) in (0_i64..).zip(&planned.actions) {
        let plan = serde_json::to_string(action).expect("a plan is plain data");
        sql.prepare_cached(
            "INSERT INTO actions (event, rule, file_id, file_version, position, kind, file_work,
                                  plan, title, target, state, happened_at, sequence, due_at, created_at)
             VALUES (:event, :rule, :file, :version, :position, :kind, :file_work,
                     :plan, :title, :target, 'waiting', :happened_at, :sequence,
                     CASE WHEN :first THEN :now END, :now)",
        )?
        .execute(named_params! {
            ":event": event.id.0,
            ":rule": rule,
            ":file": planned.file.as_str(),
            ":version": version,
            ":position": position,
            ":kind": action.kind(),
            ":file_work": action.is_file_work(),
            ":plan": plan,
            ":title": planned.title,
            ":target": target(action, &planned.title),
            ":happened_at": event.happened_at_ms,
            ":sequence": event.sequence,
            ":first": first,
            ":now": now.as_millisecond(),
        })?;
        first &= !action.is_waited_for();
    }
    Ok(Plan::Planned)
}

fn find_effect(
    sql: &Connection,
    rule: &str,
    file: &FileId,
    version: &str,
) -> rusqlite::Result<Option<InboxId>> {
    sql.prepare_cached(
        "SELECT event FROM actions WHERE rule = ?1 AND file_id = ?2 AND file_version = ?3 LIMIT 1",
    )?
    .query_row((rule, file.as_str(), version), |row| {
        row.get(0).map(InboxId)
    })
    .optional()
}

/// The destination and title of a copy, without the number a taken title gets.
fn target(plan: &ActionPlan, title: &str) -> Option<String> {
    match plan {
        ActionPlan::Copy { to } => Some(format!("{to}/{}", unnumbered(title).to_lowercase())),
        ActionPlan::Move { .. }
        | ActionPlan::Notify { .. }
        | ActionPlan::Chat
        | ActionPlan::Call => None,
    }
}

/// The characters of a title that no number displaces: of the 170 it may have (CONTRACT 2.1) all but
/// the room for a number of six digits.
const NEVER_CUT: usize = 160;

/// The title without the numbers that copies into a folder with that title get, and without the end of a
/// long title, which a number displaces: `plan (1) (2).docx` may be a copy of `plan.docx` as well as of
/// `plan (1).docx` (CONTRACT 4.2).
pub fn unnumbered(title: &str) -> String {
    let (mut stem, extension) = match title.rfind('.') {
        Some(dot) => title.split_at(dot),
        None => (title, ""),
    };
    while let Some(shorter) = without_number(stem) {
        stem = shorter;
    }
    let kept = NEVER_CUT.saturating_sub(extension.chars().count());
    stem.chars().take(kept).chain(extension.chars()).collect()
}

fn without_number(stem: &str) -> Option<&str> {
    let (shorter, number) = stem.strip_suffix(')')?.rsplit_once(" (")?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(shorter)
}

/// Which actions may be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimable {
    /// Copies and moves.
    pub file_work: Lane,
    /// Notifications and calls.
    pub telling: Lane,
}

/// Whether actions of some kinds may be claimed just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// They may.
    Open,
    /// They wait.
    Closed,
}

/// Finds the next action that is due and free to run, without claiming it; a long search is for a
/// reading connection, so that nobody's write waits behind it.
///
/// Free to run means for file work: nothing else runs or is left open on its file, no earlier event of the
/// file is owed anything, and no copy to the same place under the same title runs or is left open.
/// Notifications and calls touch no file and are always free. An action is due only once the ones before it
/// in its rule are done.
pub fn find_next(
    sql: &Connection,
    now: Timestamp,
    claimable: Claimable,
) -> rusqlite::Result<Option<ActionId>> {
    for (file_work, lane) in [(false, claimable.telling), (true, claimable.file_work)] {
        if lane == Lane::Closed {
            continue;
        }
        let found = sql
            .prepare_cached(concat!(
                "SELECT id FROM (
                     SELECT id FROM actions
                     WHERE state = 'running' AND lease_until <= :now AND file_work = :file_work
                     LIMIT 1)
                 UNION ALL
                 SELECT id FROM (
                     SELECT a.id FROM actions AS a
                     WHERE a.state = 'waiting' AND a.file_work = :file_work AND a.due_at <= :now AND ",
                include_str!("outbox/free_to_run.sql"),
                " ORDER BY a.due_at, a.id LIMIT 1)
                 LIMIT 1"
            ))?
            .query_row(
                named_params! { ":now": now.as_millisecond(), ":file_work": file_work },
                |row| row.get(0),
            )
            .optional()?;
        if let Some(id) = found {
            return Ok(Some(ActionId(id)));
        }
    }
    Ok(None)
}

/// Claims an action that was found, if it is still due and free to run.
///
/// An action that this version cannot read keeps its row, as a dead letter.
pub fn claim(
    sql: &Connection,
    id: ActionId,
    now: Timestamp,
    lease_until: Timestamp,
) -> rusqlite::Result<Option<Action>> {
    let claimed = sql
        .prepare_cached(concat!(
            "UPDATE actions AS a
             SET state = 'running', attempt = attempt + 1, lease_until = :lease_until
             WHERE a.id = :id
               AND CASE a.state WHEN 'waiting' THEN a.due_at WHEN 'running' THEN a.lease_until END <= :now
               AND ",
            include_str!("outbox/free_to_run.sql"),
            " RETURNING id, event, rule, file_id, title, plan, attempt, failures, intent_at,
                        settle_after, operation_id"
        ))?
        .query_row(
            named_params! {
                ":id": id.0,
                ":now": now.as_millisecond(),
                ":lease_until": lease_until.as_millisecond(),
            },
            read_action,
        )
        .optional()?;
    match claimed {
        None => Ok(None),
        Some(Ok(action)) => Ok(Some(action)),
        Some(Err(claim)) => {
            let reason = "this version of docspace-courier does not know the action";
            let _ = give_up(sql, claim, "unknown_action", reason, now)?;
            Ok(None)
        }
    }
}

fn read_action(row: &Row<'_>) -> rusqlite::Result<Result<Action, Claim>> {
    let claim = Claim {
        action: ActionId(row.get("id")?),
        attempt: row.get("attempt")?,
    };
    let plan: String = row.get("plan")?;
    let file: String = row.get("file_id")?;
    let (Ok(plan), Some(file)) = (serde_json::from_str(&plan), FileId::new(&file)) else {
        return Ok(Err(claim));
    };
    let intent_at: Option<i64> = row.get("intent_at")?;
    let settle_after: Option<i64> = row.get("settle_after")?;
    let operation: Option<String> = row.get("operation_id")?;
    Ok(Ok(Action {
        claim,
        event: InboxId(row.get("event")?),
        rule: row.get("rule")?,
        file,
        title: row.get("title")?,
        plan,
        failures: row.get("failures")?,
        intent: intent_at.map(|at| Intent {
            at: from_ms(at),
            settle_after: from_ms(settle_after.unwrap_or(at)),
            operation: operation.map(OperationId::new),
        }),
    }))
}

fn from_ms(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}

/// What the copy or move before an action in its rule left behind.
pub fn outcome_before(
    sql: &Connection,
    action: ActionId,
) -> rusqlite::Result<Option<(String, Outcome)>> {
    sql.prepare_cached(
        "SELECT earlier.kind, earlier.result_file, earlier.result_folder
         FROM actions AS this JOIN actions AS earlier
           ON earlier.rule = this.rule AND earlier.file_id = this.file_id
          AND earlier.file_version = this.file_version AND earlier.position < this.position
         WHERE this.id = ?1 AND earlier.state = 'done' AND earlier.result_folder IS NOT NULL
         ORDER BY earlier.position DESC LIMIT 1",
    )?
    .query_row([action.0], |row| {
        let (file, folder): (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
        let outcome = Outcome {
            file: file.as_deref().and_then(FileId::new),
            folder: folder.as_deref().and_then(FolderId::new),
        };
        Ok((row.get(0)?, outcome))
    })
    .optional()
}

/// Every dead letter: its action, the attempt that was its last, the event, and what is known of why.
pub fn dead_letters(sql: &Connection) -> rusqlite::Result<Vec<DeadLetter>> {
    sql.prepare_cached(
        "SELECT id, attempt, event, rule, kind, reason FROM actions WHERE state = 'dead' ORDER BY id",
    )?
    .query_map([], |row| {
        Ok(DeadLetter {
            claim: Claim {
                action: ActionId(row.get(0)?),
                attempt: row.get(1)?,
            },
            event: InboxId(row.get(2)?),
            rule: row.get(3)?,
            kind: row.get(4)?,
            reason: row.get(5)?,
        })
    })?
    .collect()
}

/// When the next action will be due or the next lease will end, in milliseconds.
pub fn next_due(sql: &Connection, now: Timestamp) -> rusqlite::Result<Option<i64>> {
    sql.prepare_cached(
        "SELECT min(next) FROM (
             SELECT min(due_at) AS next FROM actions
             WHERE state = 'waiting' AND file_work = 0 AND due_at > ?1
             UNION ALL
             SELECT min(due_at) FROM actions
             WHERE state = 'waiting' AND file_work = 1 AND due_at > ?1
             UNION ALL
             SELECT min(lease_until) FROM actions WHERE state = 'running')",
    )?
    .query_row([now.as_millisecond()], |row| row.get(0))
}

/// Writes down that the portal is about to be called, or what its call came to so far.
pub fn store_intent(sql: &Connection, claim: Claim, intent: &Intent) -> rusqlite::Result<Hold> {
    sql.prepare_cached(
        "UPDATE actions SET intent_at = :at, settle_after = :settle_after, operation_id = :operation
         WHERE id = :id AND attempt = :attempt AND state = 'running'",
    )?
    .execute(named_params! {
        ":id": claim.action.0,
        ":attempt": claim.attempt,
        ":at": intent.at.as_millisecond(),
        ":settle_after": intent.settle_after.as_millisecond(),
        ":operation": intent.operation.as_ref().map(OperationId::as_str),
    })
    .map(Hold::from)
}

/// Keeps the claim for longer.
pub fn renew(sql: &Connection, claim: Claim, lease_until: Timestamp) -> rusqlite::Result<Hold> {
    sql.prepare_cached(
        "UPDATE actions SET lease_until = ?3
         WHERE id = ?1 AND attempt = ?2 AND state = 'running'",
    )?
    .execute((claim.action.0, claim.attempt, lease_until.as_millisecond()))
    .map(Hold::from)
}

/// Marks an action as done; those that waited in its rule for this one alone are due then.
pub fn finish(
    sql: &Connection,
    claim: Claim,
    outcome: &Outcome,
    now: Timestamp,
) -> rusqlite::Result<Hold> {
    let finished = sql
        .prepare_cached(
            "UPDATE actions SET state = 'done', finished_at = :now, lease_until = NULL, reason = NULL,
                                reason_code = NULL, result_file = :file, result_folder = :folder
             WHERE id = :id AND attempt = :attempt AND state = 'running'",
        )?
        .execute(named_params! {
            ":id": claim.action.0,
            ":attempt": claim.attempt,
            ":now": now.as_millisecond(),
            ":file": outcome.file.as_ref().map(FileId::as_str),
            ":folder": outcome.folder.as_ref().map(FolderId::as_str),
        })?;
    if finished > 0 {
        sql.prepare_cached(
            "UPDATE actions AS behind SET due_at = ?2
             FROM actions AS done
             WHERE done.id = ?1 AND behind.rule = done.rule AND behind.file_id = done.file_id
               AND behind.file_version = done.file_version AND behind.position > done.position
               AND behind.state = 'waiting' AND behind.due_at IS NULL
               AND NOT EXISTS (
                   SELECT 1 FROM actions AS before
                   WHERE before.rule = done.rule AND before.file_id = done.file_id
                     AND before.file_version = done.file_version
                     AND before.position < behind.position
                     AND before.state <> 'done' AND before.kind <> 'notify')",
        )?
        .execute((claim.action.0, now.as_millisecond()))?;
    }
    Ok(Hold::from(finished))
}

/// Ends an attempt and lets the action wait for the next one.
pub fn wait(sql: &Connection, claim: Claim, wait: &Wait) -> rusqlite::Result<Hold> {
    sql.prepare_cached(
        "UPDATE actions SET state = 'waiting', lease_until = NULL, due_at = :until,
                            failures = :failures, reason = :reason, intent_at = :intent_at,
                            settle_after = :settle_after, operation_id = :operation
         WHERE id = :id AND attempt = :attempt AND state = 'running'",
    )?
    .execute(named_params! {
        ":id": claim.action.0,
        ":attempt": claim.attempt,
        ":until": wait.until.as_millisecond(),
        ":failures": wait.failures,
        ":reason": wait.reason,
        ":intent_at": wait.intent.as_ref().map(|intent| intent.at.as_millisecond()),
        ":settle_after": wait.intent.as_ref().map(|intent| intent.settle_after.as_millisecond()),
        ":operation": wait.intent.as_ref().and_then(|intent| intent.operation.as_ref()).map(OperationId::as_str),
    })
    .map(Hold::from)
}

/// Gives an action up: it becomes a dead letter, with a code for machines and a reason for people.
pub fn give_up(
    sql: &Connection,
    claim: Claim,
    code: &str,
    reason: &str,
    now: Timestamp,
) -> rusqlite::Result<Hold> {
    sql.prepare_cached(
        "UPDATE actions SET state = 'dead', lease_until = NULL, failures = failures + 1,
                            reason_code = ?3, reason = ?4, finished_at = ?5
         WHERE id = ?1 AND attempt = ?2 AND state = 'running'",
    )?
    .execute((
        claim.action.0,
        claim.attempt,
        code,
        reason,
        now.as_millisecond(),
    ))
    .map(Hold::from)
}

/// Ends the leases of a service that is gone; only for a store that one service works on alone.
pub fn release_all(sql: &Connection) -> rusqlite::Result<usize> {
    sql.execute(
        "UPDATE actions SET lease_until = 0 WHERE state = 'running'",
        [],
    )
}

/// Whether an action of ours made this file.
pub fn made(sql: &Connection, file: &FileId) -> rusqlite::Result<bool> {
    sql.prepare_cached("SELECT 1 FROM actions WHERE result_file = ?1 AND kind = 'copy' LIMIT 1")?
        .exists([file.as_str()])
}

/// Whether any rule has planned something for this state of a file.
pub fn knows_file(sql: &Connection, file: &FileId, changed: Timestamp) -> rusqlite::Result<bool> {
    sql.prepare_cached("SELECT 1 FROM actions WHERE file_id = ?1 AND file_version = ?2 LIMIT 1")?
        .exists((file.as_str(), changed.to_string()))
}

/// Whether an operation belongs to an action of ours.
pub fn knows(sql: &Connection, operation: &OperationId) -> rusqlite::Result<bool> {
    sql.prepare_cached("SELECT 1 FROM actions WHERE operation_id = ?1 LIMIT 1")?
        .exists([operation.as_str()])
}

/// Puts an event's dead letters back to work, with all their attempts.
pub fn revive_of_event(
    sql: &Connection,
    event: InboxId,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    sql.prepare_cached(
        "UPDATE actions SET state = 'waiting', failures = 0, due_at = ?2, finished_at = NULL,
                            reason_code = NULL, reason = NULL
         WHERE event = ?1 AND state = 'dead'",
    )?
    .execute((event.0, now.as_millisecond()))
}

fn revive_of_event_and_rule(
    sql: &Connection,
    event: InboxId,
    rule: &str,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    sql.prepare_cached(
        "UPDATE actions SET state = 'waiting', failures = 0, due_at = ?3, finished_at = NULL,
                            reason_code = NULL, reason = NULL
         WHERE event = ?1 AND rule = ?2 AND state = 'dead'",
    )?
    .execute((event.0, rule, now.as_millisecond()))
}

/// Discards the actions of an event that wait for one of its dead letters, which will never be done.
pub fn discard_behind_dead(
    sql: &Connection,
    event: InboxId,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    sql.prepare_cached(
        "UPDATE actions AS later
         SET state = 'discarded', finished_at = ?2, reason = 'the action before it was discarded'
         WHERE event = ?1 AND state = 'waiting'
           AND EXISTS (
               SELECT 1 FROM actions AS earlier
               WHERE earlier.event = later.event AND earlier.rule = later.rule
                 AND earlier.position < later.position AND earlier.state = 'dead'
                 AND earlier.kind <> 'notify')",
    )?
    .execute((event.0, now.as_millisecond()))
}

/// Discards an event's dead letters, which keep their reasons.
pub fn discard_dead(sql: &Connection, event: InboxId, now: Timestamp) -> rusqlite::Result<usize> {
    sql.prepare_cached(
        "UPDATE actions SET state = 'discarded', finished_at = ?2
         WHERE event = ?1 AND state = 'dead'",
    )?
    .execute((event.0, now.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_without_their_numbers() {
        let check =
            |title: &str, expected: &str| assert_eq!(unnumbered(title), expected, "{title}");
        check("plan.docx", "plan.docx");
        check("plan (1).docx", "plan.docx");
        check("plan (12).tar.gz", "plan (12).tar.gz");
        check("plan (1) (2).docx", "plan.docx");
        check("plan (1) (a) (2).docx", "plan (1) (a).docx");
        check("plan (a).docx", "plan (a).docx");
        check("plan ().docx", "plan ().docx");
        check("plan(1).docx", "plan(1).docx");
        check("README", "README");
        check("README (3)", "README");
        check("", "");
    }
}
