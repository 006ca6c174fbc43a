//! What actions have done to files, as far as the outbox remembers it.

use jiff::Timestamp;
use serde::Deserialize;

use crate::db::{Row, Sql, SqlError};
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

impl Effect {
    /// From the columns `id, rule, event`, which come first.
    fn read(row: &Row<'_>) -> Result<Self, SqlError> {
        Ok(Self {
            action: ActionId(row.get(0)?),
            rule: row.get(1)?,
            event: InboxId(row.get(2)?),
        })
    }
}

/// No action: the newest effect is wanted.
const NEWEST: ActionId = ActionId(i64::MAX);

/// The newest copy that created this file, of those planned before an action.
pub fn last_copy(
    sql: &Sql,
    file: &FileId,
    before: Option<ActionId>,
) -> Result<Option<Effect>, SqlError> {
    sql.query_optional(
        "SELECT id, rule, event FROM actions
         WHERE result_file = :file AND kind = 'copy' AND id < :before ORDER BY id DESC LIMIT 1",
        &[
            (":file", file.as_str().into()),
            (":before", before.unwrap_or(NEWEST).0.into()),
        ],
        Effect::read,
    )
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

/// The newest move of this file, into this folder if one is given, of those planned before an action.
pub fn last_move(
    sql: &Sql,
    file: &FileId,
    folder: Option<&FolderId>,
    before: Option<ActionId>,
) -> Result<Option<Effect>, SqlError> {
    let moves: Vec<(Effect, String)> = sql.query(
        "SELECT id, rule, event, plan FROM actions
         WHERE file_id = :file AND kind = 'move' AND id < :before
           AND (state IN ('running', 'done') OR intent_at IS NOT NULL)
         ORDER BY id DESC",
        &[
            (":file", file.as_str().into()),
            (":before", before.unwrap_or(NEWEST).0.into()),
        ],
        |row| Ok((Effect::read(row)?, row.get(3)?)),
    )?;
    Ok(moves
        .into_iter()
        .find(|(_, plan)| folder.is_none_or(|folder| moves_to(plan, folder)))
        .map(|(effect, _)| effect))
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

/// The newest comment on this file, on this content state if one is given, of those planned before an
/// action.
pub fn last_comment(
    sql: &Sql,
    file: &FileId,
    modified_at: Option<Timestamp>,
    before: Option<ActionId>,
) -> Result<Option<Effect>, SqlError> {
    let comments: Vec<(Effect, String)> = sql.query(
        "SELECT id, rule, event, file_version FROM actions
         WHERE file_id = :file AND kind = 'comment' AND id < :before AND attempt > 0
         ORDER BY id DESC",
        &[
            (":file", file.as_str().into()),
            (":before", before.unwrap_or(NEWEST).0.into()),
        ],
        |row| Ok((Effect::read(row)?, row.get(3)?)),
    )?;
    Ok(comments
        .into_iter()
        .find(|(_, version)| modified_at.is_none_or(|at| *version == at.to_string()))
        .map(|(effect, _)| effect))
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
    last_copy(sql, file, None).map(|copy| copy.is_some())
}

/// Whether a rule has planned an action for a file in any state of it.
pub fn has_handled(sql: &Sql, rule: &str, file: &FileId) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM actions WHERE rule = :rule AND file_id = :file LIMIT 1",
        &[(":rule", rule.into()), (":file", file.as_str().into())],
    )
}

/// Whether any rule has planned an action for this content state of a file.
pub fn has_file_state(sql: &Sql, file: &FileId, changed: Timestamp) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM actions WHERE file_id = :file AND file_version = :version LIMIT 1",
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
