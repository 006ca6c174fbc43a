//! Claims on actions that are due.

use jiff::Timestamp;

use crate::db::{Queue, Row, Sql, SqlError, WriteLock, ZeroAsNone};
use crate::ids::{FileId, FolderId, InboxId};
use crate::rules::ChannelId;

use super::action::{Action, ActionId, Claim};
use super::attempt::intent;
use super::priority::Priority;

/// Finds the message (a notification or a call of a pipeline) that is due next, without claiming it, except those
/// that use one of the `unavailable` channels. Messages touch no file, so they are always free to run. An action is
/// due only once those before it in its rule are done.
pub fn find_message(
    sql: &Sql,
    now: Timestamp,
    priority: Priority,
    unavailable: &[ChannelId],
) -> Result<Option<ActionId>, SqlError> {
    let ids: Vec<String> = unavailable.iter().map(ToString::to_string).collect();
    let names: Vec<String> = (0..ids.len()).map(|number| format!(":c{number}")).collect();
    let uses_available_channel = if names.is_empty() {
        String::new()
    } else {
        let names = names.join(", ");
        format!("AND (channel IS NULL OR channel NOT IN ({names}))")
    };
    let mut params = vec![(":now", now.into())];
    let ids = ids.iter().map(Into::into);
    params.extend(names.iter().map(String::as_str).zip(ids));
    let is_wanted = priority.condition("actions.");
    let statement = format!(
        "SELECT id FROM (
             SELECT id FROM actions
             WHERE state = 'running' AND lease_until <= :now AND file_work = 0 AND {is_wanted}
             LIMIT 1) AS expired
         UNION ALL
         SELECT id FROM (
             SELECT id FROM actions
             WHERE state = 'waiting' AND file_work = 0 AND due_at <= :now {uses_available_channel}
               AND {is_wanted} AND NOT EXISTS (SELECT 1 FROM paused_rules WHERE paused_rules.rule = actions.rule)
             ORDER BY due_at, id LIMIT 1) AS due
         LIMIT 1"
    );
    sql.query_optional(&statement, &params, |row| row.get(0).map(ActionId))
}

/// The channels of the actions that wait, run or are dead letters.
pub fn open_channels(sql: &Sql) -> Result<Vec<String>, SqlError> {
    // Each part is answered by an index.
    sql.query(
        "SELECT channel FROM (
             SELECT channel FROM actions WHERE state = 'waiting' AND file_work = 0
             UNION SELECT channel FROM actions WHERE state = 'running'
             UNION SELECT channel FROM actions WHERE state = 'dead') AS open
         WHERE channel IS NOT NULL",
        &[],
        |row| row.get(0),
    )
}

/// Claims the actions of a batch that are still due and free to run.
pub fn claim_all(
    sql: &Sql,
    ids: &[ActionId],
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Vec<Action>, SqlError> {
    // Whether an action is free to run depends on other rows, which another instance may be claiming.
    sql.lock(WriteLock::Claims)?;
    let mut claimed = Vec::with_capacity(ids.len());
    for id in ids {
        claimed.extend(claim(sql, *id, now, lease_until)?);
    }
    Ok(claimed)
}

/// Claims an action if it is still due and free to run. One that runs was free to run, and nothing that has
/// arrived since holds it up once its lease is over.
///
/// File work is claimed through [`claim_all`], which locks out other instances.
pub fn claim(
    sql: &Sql,
    id: ActionId,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<Action>, SqlError> {
    // Waiting for a row that another instance is writing would delay every other claim.
    let statement = format!(
        "UPDATE actions AS a
         SET state = 'running', attempt = attempt + 1, lease_until = :lease_until,
             instance = :instance
         WHERE a.id = (SELECT id FROM actions WHERE id = :id {})
           AND (a.state = 'running' AND a.lease_until <= :now
                OR a.state = 'waiting' AND a.due_at <= :now AND {})
         RETURNING id, event, rule, file_id, title, kind, plan, attempt, failures, denials, intent_at,
                   settle_after, operation_id, searched_until, background, destination, progress",
        sql.skip_locked(),
        include_str!("free_to_run.sql"),
    );
    sql.query_optional(
        &statement,
        &[
            (":id", id.0.into()),
            (":now", now.into()),
            (":lease_until", lease_until.into()),
            (
                ":instance",
                ZeroAsNone(sql.instance().map(|id| id.0)).into(),
            ),
        ],
        read_action,
    )
}

fn read_action(row: &Row<'_>) -> Result<Action, SqlError> {
    let file: String = row.get("file_id")?;
    let destination: Option<String> = row.get("destination")?;
    Ok(Action {
        claim: Claim {
            action: ActionId(row.get("id")?),
            attempt: row.get("attempt")?,
        },
        event: InboxId(row.get("event")?),
        rule: row.get("rule")?,
        file: FileId::new(&file).expect("only valid ids are stored"),
        title: row.get("title")?,
        kind: row.get("kind")?,
        plan: row.get("plan")?,
        failures: row.get("failures")?,
        denials: row.get("denials")?,
        priority: row.get("background")?,
        destination: destination.as_deref().and_then(FolderId::new),
        intent: intent(row)?,
        progress: row.get("progress")?,
    })
}

/// Makes actions due that wait for the file of this event, which a person had open or locked.
pub fn make_busy_due(sql: &Sql, event: InboxId, now: Timestamp) -> Result<(), SqlError> {
    // Few events have such actions, and the query costs less than an update that changes nothing.
    let has_waiting = sql.exists(
        "SELECT 1 FROM actions
         WHERE state = 'waiting' AND busy_file IS NOT NULL
           AND busy_file = (SELECT file_id FROM events WHERE id = :event)
         LIMIT 1",
        &[(":event", event.0.into())],
    )?;
    if !has_waiting {
        return Ok(());
    }
    let due = sql.execute(
        "UPDATE actions SET due_at = :now
         WHERE state = 'waiting' AND due_at > :now
           AND busy_file = (SELECT file_id FROM events WHERE id = :event)",
        &[(":event", event.0.into()), (":now", now.into())],
    )?;
    if due > 0 {
        sql.announce(Queue::Outbox);
    }
    Ok(())
}

/// When the next action is due or the next lease expires.
pub fn next_due(sql: &Sql, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
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
