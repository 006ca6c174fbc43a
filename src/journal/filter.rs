//! Which events to list.

use crate::db::{Sql, SqlError};
use crate::ids::InboxId;
use crate::inbox::DEAD_EVENTS;
use crate::outbox::DEAD_ACTION_EVENTS;

/// Which events to list.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Only events in these states.
    pub states: StateFilter,
    /// Only events about this file.
    pub file: Option<String>,
    /// Part of the title, or a whole id: of the file, ours, or DocSpace's.
    pub search: Option<String>,
    /// Only events older than this one.
    pub before: Option<InboxId>,
}

/// A group of states of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateFilter {
    /// Every state.
    #[default]
    Any,
    /// [`EventState::Dead`](super::EventState::Dead).
    Dead,
    /// [`EventState::Waiting`](super::EventState::Waiting) or
    /// [`EventState::Working`](super::EventState::Working).
    Waiting,
}

impl StateFilter {
    /// The condition on the table `events`. It begins with the few rows that can match, so that the query
    /// does not read all events for them.
    pub(super) fn condition(self) -> String {
        match self {
            Self::Any => "true".to_owned(),
            Self::Dead => is_dead(),
            Self::Waiting => "id IN (SELECT id FROM events WHERE state = 'waiting'
                        UNION SELECT event FROM actions WHERE state IN ('waiting', 'running'))
                 AND (state = 'waiting'
                      OR NOT EXISTS (SELECT 1 FROM actions
                                     WHERE event = events.id AND state = 'dead'))"
                .to_owned(),
        }
    }
}

/// The condition that an event, or an action of it, is a dead letter and is not being replayed.
pub(super) fn is_dead() -> String {
    format!("id IN ({DEAD_EVENTS} UNION {DEAD_ACTION_EVENTS}) AND state <> 'waiting'")
}

/// The events with dead letters, oldest first; of one file, if it is given.
pub fn with_dead_letters(sql: &Sql, file: Option<&str>) -> Result<Vec<InboxId>, SqlError> {
    sql.query(
        &format!(
            "SELECT id FROM events WHERE {} AND (:file IS NULL OR file_id = :file) ORDER BY id",
            is_dead()
        ),
        &[(":file", file.into())],
        |row| row.get(0).map(InboxId),
    )
}
