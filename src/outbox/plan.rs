//! Planning: the actions of a rule for one state of a file, owed once.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, named_params};

use crate::docspace::Conflict;
use crate::ids::{FileId, InboxId};
use crate::rules::{ActionPlan, Planned};

use super::Happened;
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
    sql: &Connection,
    event: Happened,
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
            ":event": event.event.0,
            ":rule": rule,
            ":file": planned.file.as_str(),
            ":version": version,
            ":position": position,
            ":kind": action.kind(),
            ":file_work": action.is_file_work(),
            ":plan": plan,
            ":title": planned.title,
            ":target": target(action, &planned.title),
            ":happened_at": event.at_ms,
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
