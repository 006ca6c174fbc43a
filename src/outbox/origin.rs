//! Origin: whether an event tells of our own work, so that no rule acts on its own.
//!
//! A copy comes back as `file.copied` of the new file, a move as `file.moved` of the same file in its
//! destination, a comment as `file.updated` of a file whose time of change is still the same (docs/DOCSPACE.md 3).
//! From the action that did it the way leads to the event that caused that action, and so to all rules
//! that led here. The echo can arrive before the operation is seen finished; then the event must wait.

use jiff::Timestamp;

use crate::db::{Sql, SqlError};
use crate::event::{Entry, Event};
use crate::ids::{FileId, FolderId, InboxId};
use crate::rules::ActionPlan;

use super::title::unnumbered;

/// How many rules one after the other are looked for.
const LONGEST_CHAIN: usize = 32;

/// Where an event comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From outside.
    Foreign,
    /// From work of ours: the rule that did it, and those that led to it.
    Ours(Vec<String>),
    /// It may come from a copy of ours whose end is not known yet.
    Open,
}

impl Origin {
    /// The rules that led to the event.
    pub fn rules(&self) -> &[String] {
        match self {
            Self::Ours(rules) => rules,
            Self::Foreign | Self::Open => &[],
        }
    }
}

/// An action that may have raised an event.
struct Cause {
    id: i64,
    rule: String,
    event: InboxId,
}

/// Whether an event's trigger is one that our own work raises.
pub fn may_be_ours(event: &Event) -> bool {
    const RAISED: [&str; 4] = ["file.copied", "file.moved", "file.restored", "file.updated"];
    event
        .trigger
        .as_ref()
        .is_some_and(|trigger| RAISED.contains(&trigger.as_str()))
}

/// Where an event comes from.
pub fn origin(sql: &Sql, event: &Event) -> Result<Origin, SqlError> {
    let (Some(trigger), Some(entry)) = (&event.trigger, &event.entry) else {
        return Ok(Origin::Foreign);
    };
    let cause = match trigger.as_str() {
        "file.copied" => match copy_that_made(sql, &entry.id, i64::MAX)? {
            None if may_be_a_copy_under_way(sql, entry)? => return Ok(Origin::Open),
            cause => cause,
        },
        "file.moved" | "file.restored" => move_of(sql, &entry.id, entry.parent.as_ref(), i64::MAX)?,
        "file.updated" => comment_on(sql, &entry.id, entry.modified_at, i64::MAX)?,
        _ => None,
    };
    Ok(match cause {
        None => Origin::Foreign,
        Some(cause) => Origin::Ours(led_here(sql, cause)?),
    })
}

/// The rule of an action and of those that led to it, the nearest first.
fn led_here(sql: &Sql, nearest: Cause) -> Result<Vec<String>, SqlError> {
    let mut rules = Vec::new();
    let mut next = Some(nearest);
    while let Some(cause) = next.take()
        && rules.len() < LONGEST_CHAIN
    {
        let told: Option<(Option<String>, Option<String>)> = sql.query_optional(
            "SELECT trigger_name, file_id FROM events WHERE id = :event",
            &[(":event", cause.event.0.into())],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let file = |file: Option<String>| file.as_deref().and_then(FileId::new);
        if let Some((Some(trigger), told_file)) = told
            && let Some(file) = file(told_file)
        {
            next = match trigger.as_str() {
                "file.copied" => copy_that_made(sql, &file, cause.id)?,
                "file.moved" | "file.restored" => move_of(sql, &file, None, cause.id)?,
                "file.updated" => comment_on(sql, &file, None, cause.id)?,
                _ => None,
            };
        }
        rules.push(cause.rule);
    }
    Ok(rules)
}

/// The last copy of ours that this file came of.
fn copy_that_made(sql: &Sql, file: &FileId, before: i64) -> Result<Option<Cause>, SqlError> {
    sql.query_optional(
        "SELECT id, rule, event FROM actions
         WHERE result_file = :file AND kind = 'copy' AND id < :before ORDER BY id DESC LIMIT 1",
        &[(":file", file.as_str().into()), (":before", before.into())],
        |row| {
            Ok(Cause {
                id: row.get(0)?,
                rule: row.get(1)?,
                event: InboxId(row.get(2)?),
            })
        },
    )
}

/// Whether a copy of ours to this folder under this title has begun and has not been seen to end.
fn may_be_a_copy_under_way(sql: &Sql, entry: &Entry) -> Result<bool, SqlError> {
    let (Some(parent), Some(title)) = (&entry.parent, &entry.title) else {
        return Ok(false);
    };
    let target = format!("{parent}/{}", unnumbered(title).to_lowercase());
    sql.exists(
        "SELECT 1 FROM actions
         WHERE target = :target AND kind = 'copy' AND state IN ('waiting', 'running')
           AND (state = 'running' OR intent_at IS NOT NULL) LIMIT 1",
        &[(":target", target.as_str().into())],
    )
}

/// The last move of ours that put this file into this folder, or into any.
fn move_of(
    sql: &Sql,
    file: &FileId,
    folder: Option<&FolderId>,
    before: i64,
) -> Result<Option<Cause>, SqlError> {
    let moves: Vec<(Cause, String)> = sql.query(
        "SELECT id, rule, event, plan FROM actions
         WHERE file_id = :file AND kind = 'move' AND id < :before
           AND (state IN ('running', 'done') OR intent_at IS NOT NULL)
         ORDER BY id DESC",
        &[(":file", file.as_str().into()), (":before", before.into())],
        |row| {
            let cause = Cause {
                id: row.get(0)?,
                rule: row.get(1)?,
                event: InboxId(row.get(2)?),
            };
            Ok((cause, row.get(3)?))
        },
    )?;
    for (cause, plan) in moves {
        let plan: Option<ActionPlan> = serde_json::from_str(&plan).ok();
        let to = plan.as_ref().and_then(ActionPlan::destination);
        if folder.is_none() || to == folder {
            return Ok(Some(cause));
        }
    }
    Ok(None)
}

/// The last comment of ours on this state of the file, or on any.
fn comment_on(
    sql: &Sql,
    file: &FileId,
    modified_at: Option<Timestamp>,
    before: i64,
) -> Result<Option<Cause>, SqlError> {
    let comments: Vec<(Cause, String)> = sql.query(
        "SELECT id, rule, event, file_version FROM actions
         WHERE file_id = :file AND kind = 'comment' AND id < :before AND attempt > 0
         ORDER BY id DESC",
        &[(":file", file.as_str().into()), (":before", before.into())],
        |row| {
            let cause = Cause {
                id: row.get(0)?,
                rule: row.get(1)?,
                event: InboxId(row.get(2)?),
            };
            Ok((cause, row.get(3)?))
        },
    )?;
    Ok(comments
        .into_iter()
        .find(|(_, version)| modified_at.is_none_or(|at| *version == at.to_string()))
        .map(|(cause, _)| cause))
}
