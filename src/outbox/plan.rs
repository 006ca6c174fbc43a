//! Plans the actions of a rule for one content state of a file, once.

use jiff::Timestamp;

use crate::db::{Queue, Sql, SqlError, ZeroAsNone};
use crate::docspace::Conflict;
use crate::ids::{EventPosition, FileId, FolderId, InboxId};
use crate::rules::{ActionPlan, PlannedActions};

use super::dead_letter::revive;
use super::title::target;

/// The result of planning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanOutcome {
    /// The actions are stored.
    Planned,
    /// They were planned for this earlier event; its dead letters have been revived.
    AlreadyPlanned(InboxId),
}

const INSERT: &str = "
    INSERT INTO actions (event, rule, file_id, file_version, position, kind, file_work, plan, title,
                         target, channel, state, happened_at, sequence, due_at, created_at)
    VALUES (:event, :rule, :file, :version, :position, :kind, :file_work, :plan, :title,
            :target, :channel, 'waiting', :happened_at, :sequence, :due_at, :now)";

/// Stores the actions of one rule for one content state of a file, unless they have been planned before.
#[expect(
    clippy::missing_panics_doc,
    reason = "a plan is plain data, which can always be serialized"
)]
pub fn plan(
    sql: &Sql,
    event: EventPosition,
    rule: &str,
    planned: &PlannedActions,
    now: Timestamp,
) -> Result<PlanOutcome, SqlError> {
    let version = planned.state.to_string();
    if let Some(earlier) = find_effect(sql, rule, &planned.file, &version)? {
        revive(sql, earlier, Some(rule), now)?;
        return Ok(PlanOutcome::AlreadyPlanned(earlier));
    }
    // An action is due once those before it that it waits for are done.
    let mut due_at = Some(now);
    for (position, action) in (0_i64..).zip(&planned.actions) {
        let plan = serde_json::to_string(action).expect("a plan is plain data");
        let channel = action.channel().map(|channel| channel.to_string());
        let target = target_folder(action).map(|to| target(to, &planned.title));
        sql.execute(
            INSERT,
            &[
                (":event", event.event.0.into()),
                (":rule", rule.into()),
                (":file", planned.file.as_str().into()),
                (":version", (&version).into()),
                (":position", position.into()),
                (":kind", action.kind().as_str().into()),
                (":file_work", action.is_file_work().into()),
                (":plan", (&plan).into()),
                (":title", (&planned.title).into()),
                (":target", target.as_deref().into()),
                (":channel", channel.as_deref().into()),
                (":happened_at", event.at.into()),
                (
                    ":sequence",
                    ZeroAsNone(event.sequence.map(|id| id.0)).into(),
                ),
                (":due_at", due_at.into()),
                (":now", now.into()),
            ],
        )?;
        if action.is_waited_for() {
            due_at = None;
        }
    }
    sql.announce(Queue::Outbox);
    Ok(PlanOutcome::Planned)
}

fn find_effect(
    sql: &Sql,
    rule: &str,
    file: &FileId,
    version: &str,
) -> Result<Option<InboxId>, SqlError> {
    sql.query_optional(
        "SELECT event FROM actions
         WHERE rule = :rule AND file_id = :file AND file_version = :version LIMIT 1",
        &[
            (":rule", rule.into()),
            (":file", file.as_str().into()),
            (":version", version.into()),
        ],
        |row| row.get(0).map(InboxId),
    )
}

/// The folder in which the action creates or replaces a file of the same title.
fn target_folder(plan: &ActionPlan) -> Option<&FolderId> {
    match plan {
        ActionPlan::Copy { to, .. }
        | ActionPlan::Move {
            to,
            conflict: Conflict::Overwrite,
        } => Some(to),
        _ => None,
    }
}
