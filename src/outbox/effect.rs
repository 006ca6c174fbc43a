//! What actions have done to files, as far as the outbox remembers it.

use jiff::Timestamp;
use serde::Deserialize;

use crate::db::{Sql, SqlError};
use crate::docspace::OperationId;
use crate::ids::{FileId, FolderId, InboxId};

use super::action::{ActionId, ActionResult};
use super::title::target;

/// An action that had, or may have had, an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The action.
    pub action: ActionId,
    /// The rule that planned it.
    pub rule: String,
    /// The event that caused it.
    pub event: InboxId,
}

/// An effect that the portal reports with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectKind<'a> {
    /// A copy created the file.
    Copy,
    /// The file was moved, into this folder if one is given.
    Move(Option<&'a FolderId>),
    /// The file got a comment, in this content state if one is given.
    Comment(Option<Timestamp>),
}

impl EffectKind<'_> {
    /// The condition on an action that had, or may have had, this effect on `:file`.
    fn condition(self) -> &'static str {
        match self {
            Self::Copy => "result_file = :file AND kind = 'copy'",
            Self::Move(_) => {
                "file_id = :file AND kind = 'move'
                 AND (state IN ('running', 'done') OR intent_at IS NOT NULL)"
            }
            Self::Comment(_) => "file_id = :file AND kind = 'comment' AND attempt > 0",
        }
    }

    fn includes(self, plan: &str, file_version: &str) -> bool {
        match self {
            Self::Move(Some(folder)) => moves_to(plan, folder),
            Self::Comment(Some(state)) => file_version == state.to_string(),
            Self::Copy | Self::Move(None) | Self::Comment(None) => true,
        }
    }
}

/// The newest action that had this effect on a file, of those planned before an action if one is given.
pub fn last_effect(
    sql: &Sql,
    kind: EffectKind<'_>,
    file: &FileId,
    before: Option<ActionId>,
) -> Result<Option<Effect>, SqlError> {
    let statement = format!(
        "SELECT id, rule, event, plan, file_version FROM actions
         WHERE {} AND id < :before ORDER BY id DESC",
        kind.condition()
    );
    let before = before.map_or(i64::MAX, |action| action.0);
    let effects = sql.query(
        &statement,
        &[(":file", file.as_str().into()), (":before", before.into())],
        |row| {
            let (plan, file_version): (String, String) = (row.get(3)?, row.get(4)?);
            let effect = Effect {
                action: ActionId(row.get(0)?),
                rule: row.get(1)?,
                event: InboxId(row.get(2)?),
            };
            Ok(kind.includes(&plan, &file_version).then_some(effect))
        },
    )?;
    Ok(effects.into_iter().flatten().next())
}

/// Whether a copy to this folder under this title has begun and its result is not known yet.
pub fn has_copy_in_flight(sql: &Sql, folder: &FolderId, title: &str) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM actions
         WHERE target = :target AND kind = 'copy' AND state IN ('waiting', 'running')
           AND (state = 'running' OR intent_at IS NOT NULL) LIMIT 1",
        &[(":target", (&target(folder, title)).into())],
    )
}

/// Whether the stored plan of a move has this destination.
fn moves_to(plan: &str, folder: &FolderId) -> bool {
    #[derive(Deserialize)]
    struct Plan {
        r#move: Destination,
    }
    #[derive(Deserialize)]
    struct Destination {
        to: FolderId,
    }
    serde_json::from_str::<Plan>(plan).is_ok_and(|plan| plan.r#move.to == *folder)
}

/// The kind and result of the copy or move before an action in its rule.
pub fn outcome_before(
    sql: &Sql,
    action: ActionId,
) -> Result<Option<(String, ActionResult)>, SqlError> {
    sql.query_optional(
        "SELECT earlier.kind, earlier.result_file, earlier.result_folder
         FROM actions AS this JOIN actions AS earlier
           ON earlier.rule = this.rule AND earlier.file_id = this.file_id
          AND earlier.file_version = this.file_version AND earlier.position < this.position
         WHERE this.id = :id AND earlier.state = 'done' AND earlier.result_folder IS NOT NULL
         ORDER BY earlier.position DESC LIMIT 1",
        &[(":id", action.0.into())],
        |row| {
            let (file, folder): (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
            let result = ActionResult {
                file: file.as_deref().and_then(FileId::new),
                folder: folder.as_deref().and_then(FolderId::new),
                note: None,
            };
            Ok((row.get(0)?, result))
        },
    )
}

/// Whether a copy action created this file.
pub fn is_own_copy(sql: &Sql, file: &FileId) -> Result<bool, SqlError> {
    last_effect(sql, EffectKind::Copy, file, None).map(|copy| copy.is_some())
}

/// Whether a rule has planned an action for a file in any state of it.
pub fn has_handled(sql: &Sql, rule: &str, file: &FileId) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM actions WHERE rule = :rule AND file_id = :file LIMIT 1",
        &[(":rule", rule.into()), (":file", file.as_str().into())],
    )
}

/// Whether any rule has planned an action for this content state of a file, other than for a backfill.
pub fn has_file_state(sql: &Sql, file: &FileId, changed: Timestamp) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM actions
         WHERE file_id = :file AND file_version = :version
           AND NOT EXISTS (SELECT 1 FROM events WHERE events.id = actions.event AND backfilled = 1)
         LIMIT 1",
        &[
            (":file", file.as_str().into()),
            (":version", (&changed.to_string()).into()),
        ],
    )
}

/// Whether an operation of the portal belongs to an action.
pub fn owns_operation(sql: &Sql, operation: &OperationId) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM actions WHERE operation_id = :operation LIMIT 1",
        &[(":operation", operation.as_str().into())],
    )
}

/// The condition that an event must be kept, for use in a query with the parameter `:older_than`: an
/// action of it has not ended, or ended after that time. `event` is the column with the event's id.
pub fn keeps_event(event: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM actions
                 WHERE actions.event = {event}
                   AND (actions.state NOT IN ('done', 'discarded')
                        OR actions.finished_at >= :older_than))"
    )
}
