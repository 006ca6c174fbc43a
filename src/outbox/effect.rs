//! What actions have done to files, as far as the outbox remembers it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::db::{Sql, SqlError};
use crate::docspace::OperationId;
use crate::ids::{FileId, FolderId, InboxId};
use crate::results::Results;

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
    /// The file was created as a copy.
    Copied,
    /// The file was created otherwise, in this content state if one is given.
    Created(Option<Timestamp>),
    /// The file was moved, into this folder if one is given.
    Moved(Option<&'a FolderId>),
    /// The file was moved to the trash.
    Trashed,
    /// The room was archived.
    Archived,
    /// The room was created.
    RoomCreated,
    /// The folder was created.
    FolderCreated,
    /// The file changed otherwise, in this content state if one is given.
    Updated(Option<Timestamp>),
}

/// The trigger of the event that an action of this table, or alias, raises. Versions without the column `raises` had
/// three kinds that raise one.
fn raises(table: &str) -> String {
    format!(
        "coalesce({table}.raises, CASE {table}.kind WHEN 'copy' THEN 'file.copied' WHEN 'move' THEN 'file.moved'
                                                    WHEN 'comment' THEN 'file.updated' END)"
    )
}

impl EffectKind<'_> {
    /// The trigger of the event that an action with this effect raises.
    pub fn trigger(self) -> &'static str {
        match self {
            Self::Copied => "file.copied",
            Self::Created(_) => "file.created",
            Self::Moved(_) => "file.moved",
            Self::Trashed => "file.trashed",
            Self::Archived => "room.archived",
            Self::RoomCreated => "room.created",
            Self::FolderCreated => "folder.created",
            Self::Updated(_) => "file.updated",
        }
    }

    /// The condition on an action that had, or may have had, this effect on `:file`.
    fn condition(self) -> String {
        let condition = match self {
            // Actions that raise another event create folders, too.
            Self::FolderCreated => {
                return "id IN (SELECT action FROM created_folders WHERE folder = :file)"
                    .to_owned();
            }
            // An action for each line may have changed the file.
            Self::Created(Some(_)) => {
                return "result_file = :file AND changed_at = :state AND raises = 'file.created'"
                    .to_owned();
            }
            Self::Copied | Self::Created(None) => "result_file = :file",
            Self::Archived => "result_folder = :file AND raises = 'room.archived'",
            // It is stored as progress before it is finished.
            Self::RoomCreated => {
                "raises = 'room.created' AND (result_folder = :file OR progress = :file)"
            }
            Self::Moved(_) | Self::Trashed => {
                "file_id = :file AND (state IN ('running', 'done') OR intent_at IS NOT NULL)"
            }
            // Versions without the column changed_at had one kind, which left that time as it was.
            Self::Updated(_) => {
                "file_id = :file AND attempt > 0 AND (changed_at IS NOT NULL OR kind = 'comment')"
            }
        };
        format!(
            "{condition} AND {} = '{}'",
            raises("actions"),
            self.trigger()
        )
    }

    fn includes(self, destination: Option<&FolderId>, changed_at: &str) -> bool {
        match self {
            Self::Moved(Some(folder)) => destination == Some(folder),
            Self::Created(Some(state)) | Self::Updated(Some(state)) => {
                changed_at == state.to_string()
            }
            Self::Copied
            | Self::Created(None)
            | Self::Moved(None)
            | Self::Trashed
            | Self::Archived
            | Self::RoomCreated
            | Self::FolderCreated
            | Self::Updated(None) => true,
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
        "SELECT id, rule, event, destination, plan, coalesce(changed_at, file_version) FROM actions
         WHERE {} AND id < :before ORDER BY id DESC",
        kind.condition(),
    );
    let before = before.map_or(i64::MAX, |action| action.0);
    let mut params = vec![(":file", file.as_str().into()), (":before", before.into())];
    let state = match kind {
        EffectKind::Created(Some(state)) => Some(state.to_string()),
        _ => None,
    };
    if let Some(state) = &state {
        params.push((":state", state.into()));
    }
    let effects = sql.query(&statement, &params, |row| {
        let effect = Effect {
            action: ActionId(row.get(0)?),
            rule: row.get(1)?,
            event: InboxId(row.get(2)?),
        };
        let (destination, plan): (Option<String>, String) = (row.get(3)?, row.get(4)?);
        let destination = match destination {
            Some(folder) => FolderId::new(&folder),
            None => planned_destination(&plan),
        };
        let changed_at: String = row.get(5)?;
        Ok(kind
            .includes(destination.as_ref(), &changed_at)
            .then_some(effect))
    })?;
    Ok(effects.into_iter().flatten().next())
}

/// The destination in a plan of a version without the column `destination`.
fn planned_destination(plan: &str) -> Option<FolderId> {
    #[derive(Deserialize)]
    struct Planned {
        to: FolderId,
    }
    let plan: BTreeMap<String, Planned> = serde_json::from_str(plan).ok()?;
    plan.into_values().next().map(|planned| planned.to)
}

/// Whether a call that creates a file of this title in this folder, with an effect of this kind, may be in flight.
pub fn has_new_file_in_flight(
    sql: &Sql,
    kind: EffectKind<'_>,
    folder: &FolderId,
    title: &str,
) -> Result<bool, SqlError> {
    let (raises, trigger) = (raises("actions"), kind.trigger());
    let target = target(Some(folder), title);
    for column in ["target", "final_target"] {
        let statement = format!(
            "SELECT 1 FROM actions
             WHERE {column} = :target AND {raises} = '{trigger}' AND state IN ('waiting', 'running')
               AND (state = 'running' OR intent_at IS NOT NULL) LIMIT 1"
        );
        if sql.exists(&statement, &[(":target", (&target).into())])? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a call of an action with this effect is in flight: for this file, or for any room, because the event may
/// have been about a file in it, or the room is new.
pub fn has_change_in_flight(
    sql: &Sql,
    kind: EffectKind<'_>,
    file: &FileId,
) -> Result<bool, SqlError> {
    let statement = format!(
        "SELECT 1 FROM actions
         WHERE (file_id = :file OR :any = 1) AND {} = '{}' AND intent_at IS NOT NULL AND state IN ('waiting', 'running') LIMIT 1",
        raises("actions"),
        kind.trigger(),
    );
    let any = matches!(kind, EffectKind::Archived | EffectKind::RoomCreated);
    let params = [(":file", file.as_str().into()), (":any", any.into())];
    sql.exists(&statement, &params)
}

/// An action that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The name of its kind.
    pub kind: String,
    /// Whether it moved the file itself.
    pub moved: bool,
    /// What it left behind.
    pub result: ActionResult,
}

/// The last action before this one in its rule that put the file or a copy of it into a folder.
pub fn outcome_before(sql: &Sql, action: ActionId) -> Result<Option<Outcome>, SqlError> {
    // Versions without the column `destination` had two kinds with one.
    let (raises, moved) = (raises("earlier"), EffectKind::Moved(None).trigger());
    let statement = format!(
        "SELECT earlier.kind, {raises} AS raises, earlier.result_file, earlier.result_folder
         FROM actions AS this JOIN actions AS earlier
           ON earlier.rule = this.rule AND earlier.file_id = this.file_id
          AND earlier.file_version = this.file_version AND earlier.position < this.position
         WHERE this.id = :id AND earlier.state = 'done' AND earlier.result_folder IS NOT NULL
           AND (earlier.raises IS NULL OR earlier.raises <> 'file.created')
           AND (earlier.destination IS NOT NULL OR earlier.kind IN ('copy', 'move'))
         ORDER BY earlier.position DESC LIMIT 1"
    );
    sql.query_optional(&statement, &[(":id", action.0.into())], |row| {
        let (file, folder): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
        let trigger: Option<String> = row.get(1)?;
        Ok(Outcome {
            kind: row.get(0)?,
            moved: trigger.as_deref() == Some(moved),
            result: ActionResult {
                file: file.as_deref().and_then(FileId::new),
                folder: folder.as_deref().and_then(FolderId::new),
                ..ActionResult::default()
            },
        })
    })
}

/// What the actions before this one in its rule have left for it. Of several with one name, the newest counts.
pub fn results_before(sql: &Sql, action: ActionId) -> Result<Results, SqlError> {
    let stored: Vec<String> = sql.query(
        "SELECT earlier.results
         FROM actions AS this JOIN actions AS earlier
           ON earlier.rule = this.rule AND earlier.file_id = this.file_id
          AND earlier.file_version = this.file_version AND earlier.position < this.position
         WHERE this.id = :id AND earlier.state = 'done' AND earlier.results IS NOT NULL
         ORDER BY earlier.position",
        &[(":id", action.0.into())],
        |row| row.get(0),
    )?;
    let mut results = Results::default();
    for stored in stored {
        results.add(Results::from_stored(&stored));
    }
    Ok(results)
}

/// The id of the file after the actions before this one in its rule, if one of them may have changed it: a move over
/// another file, or a change of a file in third-party storage.
pub fn file_before(sql: &Sql, action: ActionId) -> Result<Option<FileId>, SqlError> {
    let statement = format!(
        "SELECT earlier.result_file
         FROM actions AS this JOIN actions AS earlier
           ON earlier.rule = this.rule AND earlier.file_id = this.file_id
          AND earlier.file_version = this.file_version AND earlier.position < this.position
         WHERE this.id = :id AND earlier.state = 'done' AND earlier.result_file IS NOT NULL
           AND {} IN ('{}', '{}')
         ORDER BY earlier.position DESC LIMIT 1",
        raises("earlier"),
        EffectKind::Moved(None).trigger(),
        EffectKind::Updated(None).trigger(),
    );
    let file: Option<String> =
        sql.query_optional(&statement, &[(":id", action.0.into())], |row| row.get(0))?;
    Ok(file.as_deref().and_then(FileId::new))
}

/// The condition that an action has created this file, or may create one, for use in a query. `file` is the parameter
/// with the file's id.
pub fn may_have_created(file: &str) -> String {
    // One condition with OR would read the whole index.
    format!(
        "(EXISTS (SELECT 1 FROM actions WHERE raises = 'file.created' AND result_file = {file})
          OR EXISTS (SELECT 1 FROM actions WHERE raises = 'file.created' AND result_file IS NULL))"
    )
}

/// Whether there are actions that create files, other than copies.
pub fn create_files(sql: &Sql) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM actions WHERE raises = 'file.created' LIMIT 1",
        &[],
    )
}

/// Whether an action of ours created this file.
pub fn is_own_file(sql: &Sql, file: &FileId) -> Result<bool, SqlError> {
    for kind in [EffectKind::Copied, EffectKind::Created(None)] {
        if last_effect(sql, kind, file, None)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a rule has planned an action for a file in any state of it.
pub fn has_handled(sql: &Sql, rule: &str, file: &FileId) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM actions WHERE rule = :rule AND file_id = :file LIMIT 1",
        &[(":rule", rule.into()), (":file", file.as_str().into())],
    )
}

/// Whether any rule has planned an action for this content state of a file, other than for a backfill, or an action
/// has left the file in it.
pub fn has_file_state(sql: &Sql, file: &FileId, changed: Timestamp) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM actions
         WHERE file_id = :file
           AND (file_version = :version
                OR (changed_at = :version AND (raises IS NULL OR raises <> 'file.created')))
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
