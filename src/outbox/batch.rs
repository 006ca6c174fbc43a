//! Which file work is claimed together. Copies and moves of a batch go into one call to the portal.

use std::collections::HashSet;

use jiff::Timestamp;

use crate::db::{Sql, SqlError};

use super::action::ActionId;
use super::priority::Priority;

/// Most candidates that are read for one batch. Not all of them can go into the same call, so this is more
/// than a batch takes.
const MAX_CANDIDATES: u32 = 400;

/// File work of one kind with one plan, which one attempt runs; copies or moves in one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// What they have in common, such as destination and conflict policy, as the column `plan` stores it.
    pub key: String,
    /// The actions, in the order in which they are due.
    pub actions: Vec<ActionId>,
}

/// How many actions must be due under a batch key before they are claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchPolicy {
    /// One is enough.
    Immediate,
    /// As many as a batch takes.
    FullOnly,
    /// None are claimed.
    Wait,
}

/// Finds the file work that is due next and free to run, without claiming them: of the batch key
/// that has waited longest and satisfies its policy, as many as its size allows. The search can be long,
/// so it runs on a connection for reading.
///
/// Free to run means: no other file work runs or is unresolved on the file, no action of an earlier event of the
/// file waits, and no copy to the same destination under the same title runs or is unresolved.
pub fn find_batch(
    sql: &Sql,
    now: Timestamp,
    priority: Priority,
    policy_of: impl Fn(&str) -> BatchPolicy,
    size_of: impl Fn(&str) -> usize,
) -> Result<Option<Batch>, SqlError> {
    for key in batch_keys(sql, now, priority)? {
        let policy = policy_of(&key);
        if policy == BatchPolicy::Wait {
            continue;
        }
        let full = size_of(&key);
        let actions = select(&candidates(sql, &key, now, priority)?, full);
        let is_enough = match policy {
            BatchPolicy::FullOnly => actions.len() == full,
            BatchPolicy::Immediate | BatchPolicy::Wait => !actions.is_empty(),
        };
        if is_enough {
            return Ok(Some(Batch { key, actions }));
        }
    }
    Ok(None)
}

/// The batch keys with something due: first those with expired leases, then by how long they have waited.
fn batch_keys(sql: &Sql, now: Timestamp, priority: Priority) -> Result<Vec<String>, SqlError> {
    let is_wanted = priority.condition("actions.");
    let mut keys: Vec<String> = sql.query(
        &format!(
            "SELECT DISTINCT plan FROM actions
             WHERE state = 'running' AND lease_until <= :now AND file_work = 1 AND {is_wanted}"
        ),
        &[(":now", now.into())],
        |row| row.get(0),
    )?;
    // The recursion makes one index lookup per key, not one per action.
    let waiting: Vec<String> = sql.query(
        &format!(
            "WITH RECURSIVE batch_keys (plan) AS (
                 SELECT min(plan) FROM actions
                 WHERE state = 'waiting' AND file_work = 1 AND {is_wanted}
                 UNION ALL
                 SELECT (SELECT min(actions.plan) FROM actions
                         WHERE state = 'waiting' AND file_work = 1 AND {is_wanted}
                           AND actions.plan > batch_keys.plan)
                 FROM batch_keys WHERE batch_keys.plan IS NOT NULL)
             SELECT plan FROM (
                 SELECT plan, (SELECT min(due_at) FROM actions
                               WHERE state = 'waiting' AND file_work = 1 AND {is_wanted}
                                 AND actions.plan = batch_keys.plan) AS due
                 FROM batch_keys WHERE plan IS NOT NULL) AS waiting
             WHERE due <= :now ORDER BY due"
        ),
        &[(":now", now.into())],
        |row| row.get(0),
    )?;
    keys.extend(waiting);
    Ok(keys)
}

/// An action that could go into the next batch.
struct Candidate {
    id: ActionId,
    file: String,
    target: Option<String>,
    failures: u32,
    /// Whether it waits for a person who has a file open or locked.
    is_busy: bool,
}

/// The actions of a batch key that are due and free to run, in the order in which they are due.
fn candidates(
    sql: &Sql,
    key: &str,
    now: Timestamp,
    priority: Priority,
) -> Result<Vec<Candidate>, SqlError> {
    let is_wanted = priority.condition("a.");
    let is_free_to_run = include_str!("free_to_run.sql");
    sql.query(
        &format!(
            "SELECT * FROM (
                 SELECT a.id, a.file_id, a.target, a.failures, a.busy_file FROM actions AS a
                 WHERE a.state = 'running' AND a.lease_until <= :now AND a.file_work = 1
                   AND a.plan = :key AND {is_wanted}
                 ORDER BY a.id LIMIT :limit) AS expired
             UNION ALL
             SELECT * FROM (
                 SELECT a.id, a.file_id, a.target, a.failures, a.busy_file
                 FROM actions AS a
                 WHERE a.state = 'waiting' AND a.file_work = 1 AND a.plan = :key AND a.due_at <= :now
                   AND {is_wanted} AND {is_free_to_run}
                 ORDER BY a.due_at, a.id LIMIT :limit) AS due"
        ),
        &[
            (":now", now.into()),
            (":key", key.into()),
            (":limit", MAX_CANDIDATES.into()),
        ],
        |row| {
            let busy_file: Option<String> = row.get(4)?;
            Ok(Candidate {
                is_busy: busy_file.is_some(),
                id: ActionId(row.get(0)?),
                file: row.get(1)?,
                target: row.get(2)?,
                failures: row.get(3)?,
            })
        },
    )
}

/// The candidates that go with the first one: at most one per file, and one per target, so that a new file
/// in the destination belongs to one of them only. Files that people had open go together, since the portal
/// may refuse their call.
fn select(candidates: &[Candidate], full: usize) -> Vec<ActionId> {
    let Some(first) = candidates.first() else {
        return Vec::new();
    };
    let size = batch_size(first.failures, full);
    let mut files = HashSet::new();
    let mut targets = HashSet::new();
    let mut actions = Vec::new();
    for candidate in candidates {
        let is_distinct = files.insert(&candidate.file)
            && candidate
                .target
                .as_ref()
                .is_none_or(|target| targets.insert(target));
        if is_distinct
            && batch_size(candidate.failures, full) == size
            && candidate.is_busy == first.is_busy
        {
            actions.push(candidate.id);
        }
        if actions.len() == size {
            break;
        }
    }
    actions
}

/// The size of the next batch of an action with this many failures. It shrinks, so that a file that makes
/// whole calls fail is soon alone in its call.
fn batch_size(failures: u32, full: usize) -> usize {
    match failures {
        0 => full,
        1 => (full / 4).max(1),
        2 => (full / 20).max(1),
        _ => 1,
    }
}
