//! Which action is next, and the claim on it.

use crate::db::{Row, Sql, SqlError};
use jiff::Timestamp;

use crate::docspace::OperationId;
use crate::ids::{FileId, InboxId};

use super::{Action, ActionId, Claim, Intent, from_ms, give_up};

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
    sql: &Sql,
    now: Timestamp,
    claimable: Claimable,
) -> Result<Option<ActionId>, SqlError> {
    for (file_work, lane) in [(false, claimable.telling), (true, claimable.file_work)] {
        if lane == Lane::Closed {
            continue;
        }
        let found = sql.query_optional(
            concat!(
                "SELECT id FROM (
                     SELECT id FROM actions
                     WHERE state = 'running' AND lease_until <= :now AND file_work = :file_work
                     LIMIT 1) AS ended
                 UNION ALL
                 SELECT id FROM (
                     SELECT a.id FROM actions AS a
                     WHERE a.state = 'waiting' AND a.file_work = :file_work
                       AND a.due_at <= :now AND ",
                include_str!("free_to_run.sql"),
                " ORDER BY a.due_at, a.id LIMIT 1) AS due
                 LIMIT 1"
            ),
            &[(":now", now.into()), (":file_work", file_work.into())],
            |row| row.get(0),
        )?;
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
    sql: &Sql,
    id: ActionId,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<Action>, SqlError> {
    let claimed = sql.query_optional(
        concat!(
            "UPDATE actions AS a
             SET state = 'running', attempt = attempt + 1, lease_until = :lease_until
             WHERE a.id = :id
               AND CASE a.state WHEN 'waiting' THEN a.due_at
                                WHEN 'running' THEN a.lease_until END <= :now
               AND ",
            include_str!("free_to_run.sql"),
            " RETURNING id, event, rule, file_id, title, plan, attempt, failures, intent_at,
                        settle_after, operation_id"
        ),
        &[
            (":id", id.0.into()),
            (":now", now.into()),
            (":lease_until", lease_until.into()),
        ],
        read_action,
    )?;
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

fn read_action(row: &Row<'_>) -> Result<Result<Action, Claim>, SqlError> {
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

/// When the next action will be due or the next lease will end, in milliseconds.
pub fn next_due(sql: &Sql, now: Timestamp) -> Result<Option<i64>, SqlError> {
    sql.query_one(
        "SELECT min(next) FROM (
             SELECT min(due_at) AS next FROM actions
             WHERE state = 'waiting' AND file_work = 0 AND due_at > :now
             UNION ALL
             SELECT min(due_at) FROM actions
             WHERE state = 'waiting' AND file_work = 1 AND due_at > :now
             UNION ALL
             SELECT min(lease_until) FROM actions WHERE state = 'running') AS times",
        &[(":now", now.into())],
        |row| row.get(0),
    )
}
