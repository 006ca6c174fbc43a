//! Which events to list.

use jiff::Timestamp;

use crate::db::{Sql, SqlError, Value};
use crate::ids::InboxId;
use crate::inbox::{DEAD_EVENTS, title_key};
use crate::outbox::{DEAD_ACTION_EVENTS, IS_HELD};

/// Which events to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only events in these states.
    pub states: StateFilter,
    /// Only events about this file.
    pub file: Option<String>,
    /// Only events of this trigger.
    pub trigger: Option<String>,
    /// Only events that this rule matched.
    pub rule: Option<String>,
    /// Only events in this room or folder. At a depth below it, only those whose room the rules needed to know.
    pub room: Option<String>,
    /// Only events that the account with this id caused.
    pub person: Option<String>,
    /// Only events received at this time or later.
    pub since: Option<Timestamp>,
    /// Only events received before this time.
    pub until: Option<Timestamp>,
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
    /// [`EventState::Held`](super::EventState::Held).
    Held,
    /// [`EventState::Done`](super::EventState::Done).
    Done,
    /// [`EventState::Discarded`](super::EventState::Discarded).
    Discarded,
    /// [`EventState::Ignored`](super::EventState::Ignored).
    Ignored,
    /// [`EventState::Unreadable`](super::EventState::Unreadable).
    Unreadable,
}

impl StateFilter {
    /// Every filter with its word in addresses.
    pub const WORDS: [(&str, Self); 8] = [
        ("all", Self::Any),
        ("waiting", Self::Waiting),
        ("held", Self::Held),
        ("dead", Self::Dead),
        ("done", Self::Done),
        ("discarded", Self::Discarded),
        ("ignored", Self::Ignored),
        ("unreadable", Self::Unreadable),
    ];

    /// The filter with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        let mut words = Self::WORDS.into_iter();
        words.find(|(known, _)| *known == word).map(|(_, it)| it)
    }

    /// Its word in addresses.
    pub fn as_str(self) -> &'static str {
        let mut words = Self::WORDS.into_iter();
        let word = words.find(|(_, filter)| *filter == self);
        word.map_or("all", |(word, _)| word)
    }

    /// The condition on the table `events`. Where few rows can match, it begins with them, so that the query does
    /// not read all events for them.
    pub(super) fn condition(self) -> String {
        match self {
            Self::Any => "true".to_owned(),
            Self::Dead => is_dead(),
            Self::Waiting => format!(
                "id IN (SELECT id FROM events WHERE state = 'waiting'
                        UNION SELECT event FROM actions
                        WHERE state IN ('waiting', 'running') AND NOT ({IS_HELD}))
                 AND (state = 'waiting'
                      OR NOT EXISTS (SELECT 1 FROM actions
                                     WHERE event = events.id AND state = 'dead'))"
            ),
            Self::Held => format!(
                "id IN (SELECT event FROM actions WHERE {IS_HELD}) AND state = 'decided'
                 AND NOT EXISTS (
                     SELECT 1 FROM actions
                     WHERE event = events.id AND state IN ('dead', 'waiting', 'running')
                       AND NOT ({IS_HELD}))"
            ),
            Self::Done => format!(
                "state = 'decided' AND reason IS NULL AND {} AND NOT {}",
                has_action("= 'done'"),
                has_action("<> 'done'")
            ),
            Self::Discarded => format!(
                "state = 'decided' AND (reason IS NOT NULL OR {}) AND NOT {}",
                has_action("= 'discarded'"),
                has_action("IN ('dead', 'waiting', 'running')")
            ),
            Self::Ignored => format!(
                "state = 'decided' AND reason IS NULL AND NOT {}",
                has_action("IS NOT NULL")
            ),
            Self::Unreadable => "state = 'unreadable'".to_owned(),
        }
    }
}

/// The condition that an event has an action whose state satisfies a condition.
fn has_action(state: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM actions WHERE actions.event = events.id AND actions.state {state})"
    )
}

/// The condition that an event, or an action of it, is a dead letter and is not being replayed.
pub(super) fn is_dead() -> String {
    format!("id IN ({DEAD_EVENTS} UNION {DEAD_ACTION_EVENTS}) AND state <> 'waiting'")
}

impl EventFilter {
    /// The condition on the table `events`, with the parameters of `SearchKeys::params`.
    pub(super) fn condition(&self, sql: &Sql) -> String {
        let states = self.states.condition();
        // Titles that have no key yet are compared as the database can.
        let contains = sql.contains("coalesce(title_key, lower(title))", ":title_key");
        format!(
            "{states} AND (:file IS NULL OR file_id = :file)
               AND (:trigger IS NULL OR trigger_name = :trigger)
               AND (:room IS NULL OR room_id = :room OR folder_id = :room)
               AND (:person IS NULL OR actor = :person)
               AND (:rule IS NULL
                    OR EXISTS (SELECT 1 FROM decisions
                               WHERE event = events.id AND rule = :rule AND outcome <> 'ignored')
                    OR EXISTS (SELECT 1 FROM actions WHERE event = events.id AND rule = :rule))
               AND (:since IS NULL OR received_at >= :since)
               AND (:until IS NULL OR received_at < :until)
               AND (:before IS NULL OR id < :before)
               AND (:search IS NULL OR file_id = :search OR {contains}
                    OR id = :number OR event_id = :number)"
        )
    }

    /// The parameters of the condition. The title key is that of the search.
    pub(super) fn params<'a>(&'a self, title_key: Option<&'a str>) -> Vec<(&'a str, Value<'a>)> {
        let search = self.search.as_deref();
        let number: Option<i64> = search.and_then(|text| text.parse().ok());
        vec![
            (":file", self.file.as_deref().into()),
            (":trigger", self.trigger.as_deref().into()),
            (":rule", self.rule.as_deref().into()),
            (":room", self.room.as_deref().into()),
            (":person", self.person.as_deref().into()),
            (":since", self.since.into()),
            (":until", self.until.into()),
            (":before", self.before.map(|id| id.0).into()),
            (":search", search.into()),
            (":title_key", title_key.into()),
            (":number", number.into()),
        ]
    }

    /// The form of the search that titles are compared with.
    pub(super) fn title_key(&self) -> Option<String> {
        self.search.as_deref().map(title_key)
    }
}

/// The events that match, oldest first.
pub fn select(sql: &Sql, filter: &EventFilter) -> Result<Vec<InboxId>, SqlError> {
    let condition = filter.condition(sql);
    let title_key = filter.title_key();
    sql.query(
        &format!("SELECT id FROM events WHERE {condition} ORDER BY id"),
        &filter.params(title_key.as_deref()),
        |row| row.get(0).map(InboxId),
    )
}
