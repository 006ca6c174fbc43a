//! The actions that an event has before it is decided again.

use jiff::Timestamp;

use crate::db::{Row, Sql, SqlError};
use crate::ids::InboxId;
use crate::outbox::action::{ActionId, ActionState};

/// An action that the event has already.
#[derive(Clone, Debug)]
pub(super) struct EarlierAction {
    pub(super) id: ActionId,
    pub(super) rule: String,
    pub(super) version: String,
    pub(super) position: i64,
    pub(super) kind: String,
    pub(super) plan: String,
    pub(super) state: ActionState,
    has_intent: bool,
}

impl EarlierAction {
    /// Whether it is done, or may be.
    pub(super) fn is_kept(&self) -> bool {
        self.has_intent || matches!(self.state, ActionState::Done | ActionState::Running)
    }
}

const COLUMNS: &str = "id, rule, file_version, position, kind, plan, state, intent_at";

/// Reads the actions of an event, and locks them by writing, so that no attempt ends while they are planned
/// again.
pub(super) fn read_and_lock(sql: &Sql, event: InboxId) -> Result<Vec<EarlierAction>, SqlError> {
    let statement =
        format!("UPDATE actions SET attempt = attempt WHERE event = :event RETURNING {COLUMNS}");
    sql.query(&statement, &[(":event", event.0.into())], read_row)
}

/// Reads the actions of an event.
pub(super) fn read(sql: &Sql, event: InboxId) -> Result<Vec<EarlierAction>, SqlError> {
    let statement = format!("SELECT {COLUMNS} FROM actions WHERE event = :event");
    sql.query(&statement, &[(":event", event.0.into())], read_row)
}

fn read_row(row: &Row<'_>) -> Result<EarlierAction, SqlError> {
    let intent_at: Option<Timestamp> = row.get("intent_at")?;
    Ok(EarlierAction {
        id: ActionId(row.get("id")?),
        rule: row.get("rule")?,
        version: row.get("file_version")?,
        position: row.get("position")?,
        kind: row.get("kind")?,
        plan: row.get("plan")?,
        state: row.get("state")?,
        has_intent: intent_at.is_some(),
    })
}
