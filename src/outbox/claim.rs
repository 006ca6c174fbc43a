//! Which actions are next, and the claims on them.

use std::collections::HashSet;

use jiff::Timestamp;

use crate::db::{Row, Sql, SqlError};
use crate::docspace::FILES_IN_ONE_CALL;
use crate::ids::{FileId, InboxId};

use super::attempt::intent;
use super::{Action, ActionId, Claim, give_up};

/// Copies or moves that may be made in one call: they go the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The way: what is done, where to, and what happens to taken titles, as the outbox writes it down.
    pub lane: String,
    /// The actions, in the order they are due.
    pub actions: Vec<ActionId>,
}

/// How many copies or moves must wait for one way before they are claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchPolicy {
    /// Even one.
    Immediate,
    /// As many as travel together at the most.
    FullOnly,
    /// None will be claimed.
    Hold,
}

/// Finds the notification or call that is due next, without claiming it; they touch no file and are always
/// free. An action is due only once the ones before it in its rule are done.
pub fn find_notification(sql: &Sql, now: Timestamp) -> Result<Option<ActionId>, SqlError> {
    sql.query_optional(
        "SELECT id FROM (
             SELECT id FROM actions
             WHERE state = 'running' AND lease_until <= :now AND file_work = 0
             LIMIT 1) AS ended
         UNION ALL
         SELECT id FROM (
             SELECT id FROM actions
             WHERE state = 'waiting' AND file_work = 0 AND due_at <= :now
             ORDER BY due_at, id LIMIT 1) AS due
         LIMIT 1",
        &[(":now", now.into())],
        |row| row.get(0).map(ActionId),
    )
}

/// Finds the copies or moves that are due next and free to run, without claiming them: of the way that has
/// waited longest and for which enough wait, as many as fit into one call. A long search is for a reading connection,
/// so that nobody's write waits behind it.
///
/// Free to run means: nothing else runs or is left open on its file, no earlier event of the file is owed
/// anything, and no copy to the same place under the same title runs or is left open.
pub fn find_batch(
    sql: &Sql,
    now: Timestamp,
    wanted: impl Fn(&str) -> BatchPolicy,
) -> Result<Option<Batch>, SqlError> {
    for lane in lanes(sql, now)? {
        let wanted = wanted(&lane);
        if wanted == BatchPolicy::Hold {
            continue;
        }
        let actions = together(&candidates(sql, &lane, now)?);
        let is_enough = match wanted {
            BatchPolicy::FullOnly => actions.len() == FILES_IN_ONE_CALL,
            BatchPolicy::Immediate | BatchPolicy::Hold => !actions.is_empty(),
        };
        if is_enough {
            return Ok(Some(Batch { lane, actions }));
        }
    }
    Ok(None)
}

/// The ways that something is due on: first those that somebody's end left open, then by how long.
fn lanes(sql: &Sql, now: Timestamp) -> Result<Vec<String>, SqlError> {
    let mut lanes: Vec<String> = sql.query(
        "SELECT DISTINCT plan FROM actions
         WHERE state = 'running' AND lease_until <= :now AND file_work = 1",
        &[(":now", now.into())],
        |row| row.get(0),
    )?;
    // One look into the index per way, not one per action.
    let waiting: Vec<String> = sql.query(
        "WITH RECURSIVE lanes (plan) AS (
             SELECT min(plan) FROM actions WHERE state = 'waiting' AND file_work = 1
             UNION ALL
             SELECT (SELECT min(actions.plan) FROM actions
                     WHERE state = 'waiting' AND file_work = 1 AND actions.plan > lanes.plan)
             FROM lanes WHERE lanes.plan IS NOT NULL)
         SELECT plan FROM (
             SELECT plan, (SELECT min(due_at) FROM actions
                           WHERE state = 'waiting' AND file_work = 1
                             AND actions.plan = lanes.plan) AS due
             FROM lanes WHERE plan IS NOT NULL) AS waiting
         WHERE due <= :now ORDER BY due",
        &[(":now", now.into())],
        |row| row.get(0),
    )?;
    lanes.extend(waiting);
    Ok(lanes)
}

/// An action that could be in the next call.
struct Candidate {
    id: ActionId,
    file: String,
    target: Option<String>,
    failures: u32,
}

/// Those of one way that are due and free to run, in the order they are due; some more than one call takes,
/// as not all of them can be in one.
fn candidates(sql: &Sql, lane: &str, now: Timestamp) -> Result<Vec<Candidate>, SqlError> {
    sql.query(
        concat!(
            "SELECT * FROM (
                 SELECT id, file_id, target, failures FROM actions
                 WHERE state = 'running' AND lease_until <= :now AND file_work = 1 AND plan = :lane
                 ORDER BY id LIMIT 400) AS ended
             UNION ALL
             SELECT * FROM (
                 SELECT a.id, a.file_id, a.target, a.failures FROM actions AS a
                 WHERE a.state = 'waiting' AND a.file_work = 1 AND a.plan = :lane AND a.due_at <= :now
                   AND ",
            include_str!("free_to_run.sql"),
            " ORDER BY a.due_at, a.id LIMIT 400) AS due"
        ),
        &[(":now", now.into()), (":lane", lane.into())],
        |row| {
            Ok(Candidate {
                id: ActionId(row.get(0)?),
                file: row.get(1)?,
                target: row.get(2)?,
                failures: row.get(3)?,
            })
        },
    )
}

/// Which of the candidates go with the first one: at most one of a file, and one of a title where that
/// tells whose copy a new file is.
fn together(candidates: &[Candidate]) -> Vec<ActionId> {
    let Some(first) = candidates.first() else {
        return Vec::new();
    };
    let most = most_together(first.failures);
    let mut files = HashSet::new();
    let mut targets = HashSet::new();
    let mut actions = Vec::new();
    for candidate in candidates {
        let alone_of_its_kind = files.insert(&candidate.file)
            && candidate
                .target
                .as_ref()
                .is_none_or(|target| targets.insert(target));
        if alone_of_its_kind && most_together(candidate.failures) == most {
            actions.push(candidate.id);
        }
        if actions.len() == most {
            break;
        }
    }
    actions
}

/// How many travel together after so many failures: fewer each time, so that one file on which a whole call
/// fails again and again soon stands alone.
fn most_together(failures: u32) -> usize {
    match failures {
        0 => FILES_IN_ONE_CALL,
        1 => FILES_IN_ONE_CALL / 4,
        2 => FILES_IN_ONE_CALL / 20,
        _ => 1,
    }
}

/// Claims what was found, as far as it is still due and free to run.
pub fn claim_all(
    sql: &Sql,
    ids: &[ActionId],
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Vec<Action>, SqlError> {
    // Whether one is free to run depends on other rows, which another instance may be claiming.
    sql.take_turns("claim")?;
    let mut claimed = Vec::with_capacity(ids.len());
    for id in ids {
        claimed.extend(claim(sql, *id, now, lease_until)?);
    }
    Ok(claimed)
}

/// Claims an action that was found, if it is still due and free to run.
///
/// Of copies and moves several are claimed in turns, see [`claim_all`]; what touches no file needs none.
/// An action that this version cannot read keeps its row, as a dead letter.
pub fn claim(
    sql: &Sql,
    id: ActionId,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<Action>, SqlError> {
    // A row that another instance is writing just now is not waited for while all others wait to claim.
    let statement = format!(
        "UPDATE actions AS a
         SET state = 'running', attempt = attempt + 1, lease_until = :lease_until,
             instance = :instance
         WHERE a.id = (SELECT id FROM actions WHERE id = :id {})
           AND CASE a.state WHEN 'waiting' THEN a.due_at
                            WHEN 'running' THEN a.lease_until END <= :now
           AND {}
         RETURNING id, event, rule, file_id, title, plan, attempt, failures, intent_at,
                   settle_after, operation_id",
        sql.skip_locked(),
        include_str!("free_to_run.sql"),
    );
    let claimed = sql.query_optional(
        &statement,
        &[
            (":id", id.0.into()),
            (":now", now.into()),
            (":lease_until", lease_until.into()),
            (":instance", sql.instance().into()),
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
    Ok(Ok(Action {
        claim,
        event: InboxId(row.get("event")?),
        rule: row.get("rule")?,
        file,
        title: row.get("title")?,
        plan,
        failures: row.get("failures")?,
        intent: intent(
            row.get("intent_at")?,
            row.get("settle_after")?,
            row.get("operation_id")?,
        ),
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
