//! Planning: the actions of a rule for one state of a file, owed once.

use crate::db::{Queue, Sql, SqlError};
use jiff::Timestamp;

use crate::docspace::Conflict;
use crate::ids::{FileId, InboxId};
use crate::rules::{ActionPlan, PlannedActions};

use super::EventPosition;
use super::dead_letter::revive_of_event_and_rule;
use super::title::unnumbered;

/// What planning came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The actions are owed now.
    Planned,
    /// They were planned for this earlier event; what was given up of them has been revived.
    Known(InboxId),
}

/// Owes the actions of one rule for one state of a file, unless they are owed or done already.
#[expect(
    clippy::missing_panics_doc,
    reason = "a plan is plain data, which can always be written"
)]
pub fn plan(
    sql: &Sql,
    event: EventPosition,
    rule: &str,
    planned: &PlannedActions,
    now: Timestamp,
) -> Result<Plan, SqlError> {
    let version = planned.state.to_string();
    if let Some(earlier) = find_effect(sql, rule, &planned.file, &version)? {
        revive_of_event_and_rule(sql, earlier, rule, now)?;
        return Ok(Plan::Known(earlier));
    }
    let mut first = true;
    for (position, action) in (0_i64..).zip(&planned.actions) {
        let plan = serde_json::to_string(action).expect("a plan is plain data");
        let target = target(action, &planned.title);
        sql.execute("INSERT INTO actions (event, rule, file_id, file_version, position, kind, file_work,
                                  plan, title, target, state, happened_at, sequence, due_at, created_at)
             VALUES (:event, :rule, :file, :version, :position, :kind, :file_work,
                     :plan, :title, :target, 'waiting', :happened_at, :sequence,
                     CASE WHEN :first = 1 THEN :now END, :now)", &[(":event", event.event.0.into()), (":rule", rule.into()), (":file", planned.file.as_str().into()), (":version", (&version).into()), (":position", position.into()), (":kind", action.kind().into()), (":file_work", action.is_file_work().into()), (":plan", (&plan).into()), (":title", (&planned.title).into()), (":target", target.as_deref().into()), (":happened_at", event.at_ms.into()), (":sequence", event.sequence.into()), (":first", first.into()), (":now", now.into())])?;
        first &= !action.is_waited_for();
    }
    sql.announce(Queue::Outbox);
    Ok(Plan::Planned)
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

/// The destination and title of what makes or changes a file there, without the number a taken title gets.
fn target(plan: &ActionPlan, title: &str) -> Option<String> {
    match plan {
        ActionPlan::Copy { to, .. }
        | ActionPlan::Move {
            to,
            conflict: Conflict::Overwrite,
        } => Some(format!("{to}/{}", unnumbered(title).to_lowercase())),
        _ => None,
    }
}
