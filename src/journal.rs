//! Journal: events with what was decided and done about them, as a person or a program reads them.
//!
//! Reads only. An event's state here is one word made of its own state and those of its actions, so
//! that every place that shows events says the same.

use crate::db::{Row, Sql, SqlError};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::outbox::ActionId;
use crate::rules::ActionPlan;

use crate::ids::InboxId;

pub mod overview;
mod wording;

/// How an event stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventState {
    /// It waits for its decision, or an action of it waits for its turn.
    Waiting,
    /// An action of it runs.
    Working,
    /// Everything that was planned is done.
    Done,
    /// No rule wanted it, or another event had it done.
    Ignored,
    /// Its decision or an action of it is a dead letter.
    Dead,
    /// A person discarded dead letters of it; the rest is done.
    Discarded,
    /// Its body is no JSON object.
    Unreadable,
}

impl EventState {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Working => "working",
            Self::Done => "done",
            Self::Ignored => "ignored",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
            Self::Unreadable => "unreadable",
        }
    }
}

/// An event in a list.
#[derive(Clone, Debug, Serialize)]
pub struct EventView {
    /// Our number of it.
    pub id: InboxId,
    /// The webhook that told of it, where the body names one.
    pub webhook_id: Option<i64>,
    /// DocSpace's id of it, where the body names one.
    pub event_id: Option<i64>,
    /// DocSpace's word for what happened.
    pub trigger: Option<String>,
    /// The file it is about.
    pub file_id: Option<String>,
    /// The file's title then; anybody who uploads chooses it.
    pub title: Option<String>,
    /// When it came.
    #[serde(serialize_with = "rfc3339")]
    pub received_at: Timestamp,
    /// When it happened; when it came, where the body does not tell.
    #[serde(serialize_with = "rfc3339")]
    pub happened_at: Timestamp,
    /// How it came: `delivery`, `log` or `listing`.
    pub source: String,
    /// How often it was delivered.
    pub deliveries: u32,
    /// How it stands.
    pub state: EventState,
    /// Why it stands so, where that needs a reason.
    pub reason: Option<String>,
    /// When it is decided at the latest, while it waits for that.
    #[serde(serialize_with = "rfc3339_or_null")]
    pub due_at: Option<Timestamp>,
}

/// Everything about one event.
#[derive(Clone, Debug, Serialize)]
pub struct EventDetails {
    /// The event.
    #[serde(flatten)]
    pub event: EventView,
    /// What each rule said.
    pub decisions: Vec<DecisionView>,
    /// What was planned, in order.
    pub actions: Vec<ActionView>,
    /// The body as it came.
    #[serde(serialize_with = "json_or_text")]
    pub body: Vec<u8>,
}

/// What one rule said about an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecisionView {
    /// The rule's name.
    pub rule: String,
    /// `planned`, `ignored` or `duplicate`.
    pub outcome: String,
    /// Why.
    pub reason: String,
}

/// An action of an event.
#[derive(Clone, Debug, Serialize)]
pub struct ActionView {
    /// Our number of it.
    pub id: ActionId,
    /// The rule that planned it.
    pub rule: String,
    /// `copy`, `move`, `comment`, `notify` or `call`.
    pub kind: String,
    /// `waiting`, `running`, `done`, `dead` or `discarded`.
    pub state: String,
    /// Attempts so far.
    pub attempt: u32,
    /// Attempts that count towards giving up.
    pub failures: u32,
    /// The destination: a folder's id, or an address.
    pub to: Option<String>,
    /// The file that came of it.
    pub result_file: Option<String>,
    /// The folder in which that file is.
    pub result_folder: Option<String>,
    /// The portal's operation, once it named one.
    pub operation_id: Option<String>,
    /// Why it is dead, for machines.
    pub reason_code: Option<String>,
    /// Why it is dead or waits.
    pub reason: Option<String>,
    /// When its next attempt is due, while it waits.
    #[serde(serialize_with = "rfc3339_or_null")]
    pub due_at: Option<Timestamp>,
    /// When it was planned.
    #[serde(serialize_with = "rfc3339")]
    pub created_at: Timestamp,
    /// When it was done or given up.
    #[serde(serialize_with = "rfc3339_or_null")]
    pub finished_at: Option<Timestamp>,
}

/// Which events are wanted.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// How they stand.
    pub standing: StateFilter,
    /// The file they are about.
    pub file: Option<String>,
    /// Part of the title, or the whole of an id: the file's, ours, or DocSpace's.
    pub search: Option<String>,
    /// Only events older than this one.
    pub before: Option<InboxId>,
}

/// How the wanted events stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateFilter {
    /// In any way.
    #[default]
    Any,
    /// As [`EventState::Dead`].
    Dead,
    /// As [`EventState::Waiting`] or [`EventState::Working`].
    Waiting,
}

impl StateFilter {
    /// Starts from the few rows that can match, so that a long journal is not read for them.
    fn condition(self) -> &'static str {
        match self {
            Self::Any => "true",
            Self::Dead => {
                "id IN (SELECT id FROM events WHERE state = 'dead'
                        UNION SELECT event FROM actions WHERE state = 'dead')"
            }
            Self::Waiting => {
                "id IN (SELECT id FROM events WHERE state = 'waiting'
                        UNION SELECT event FROM actions WHERE state IN ('waiting', 'running'))
                 AND (state = 'waiting'
                      OR NOT EXISTS (SELECT 1 FROM actions
                                     WHERE event = events.id AND state = 'dead'))"
            }
        }
    }
}

const COLUMNS: &str = "id, webhook_id, event_id, trigger_name, file_id, title, received_at, \
                       happened_at, source, deliveries, state, reason, due_at";

/// The newest events that match.
pub fn list(sql: &Sql, filter: &EventFilter, limit: u32) -> Result<Vec<EventView>, SqlError> {
    let summaries = list_with_actions(sql, filter, limit)?;
    Ok(summaries.into_iter().map(|(event, _)| event).collect())
}

/// The newest events that match, each with what was planned for it.
pub fn list_with_actions(
    sql: &Sql,
    filter: &EventFilter,
    limit: u32,
) -> Result<Vec<(EventView, Vec<ActionView>)>, SqlError> {
    let condition = filter.standing.condition();
    let holds = sql.contains("lower(title)", "lower(:search)");
    let rows = sql.query(
        &format!(
            "SELECT {COLUMNS} FROM events
             WHERE {condition} AND (:file IS NULL OR file_id = :file)
               AND (:before IS NULL OR id < :before)
               AND (:search IS NULL OR file_id = :search OR {holds}
                    OR id = :number OR event_id = :number)
             ORDER BY id DESC LIMIT :limit"
        ),
        &[
            (":file", filter.file.as_deref().into()),
            (":before", filter.before.map(|id| id.0).into()),
            (":search", filter.search.as_deref().into()),
            (
                ":number",
                filter
                    .search
                    .as_ref()
                    .and_then(|text| text.parse::<i64>().ok())
                    .into(),
            ),
            (":limit", limit.into()),
        ],
        read_row,
    )?;
    rows.into_iter()
        .map(|row| {
            let decisions = decisions(sql, row.id)?;
            let actions = actions(sql, row.id)?;
            Ok((row.view(&decisions, &actions), actions))
        })
        .collect()
}

/// Everything about the event with this number of ours or, where there is none, with this id of
/// DocSpace's; the newest, when several webhooks have an event of that id.
pub fn find(sql: &Sql, number: i64) -> Result<Option<EventDetails>, SqlError> {
    let found = sql.query_optional(
        &format!(
            "SELECT {COLUMNS}, body FROM events
             WHERE id = coalesce((SELECT id FROM events WHERE id = :number),
                                 (SELECT max(id) FROM events WHERE event_id = :number))"
        ),
        &[(":number", number.into())],
        |row| Ok((read_row(row)?, row.get("body")?)),
    )?;
    let Some((row, body)) = found else {
        return Ok(None);
    };
    let decisions = decisions(sql, row.id)?;
    let actions = actions(sql, row.id)?;
    Ok(Some(EventDetails {
        event: row.view(&decisions, &actions),
        decisions,
        actions,
        body,
    }))
}

/// A row of the inbox, and what it says by itself.
struct EventRow {
    id: InboxId,
    state: String,
    view: EventView,
}

fn read_row(row: &Row<'_>) -> Result<EventRow, SqlError> {
    let id = InboxId(row.get("id")?);
    let webhook: i64 = row.get("webhook_id")?;
    let state: String = row.get("state")?;
    let due_at = from_ms(row.get("due_at")?);
    Ok(EventRow {
        id,
        view: EventView {
            id,
            webhook_id: (webhook != 0).then_some(webhook),
            event_id: row.get("event_id")?,
            trigger: row.get("trigger_name")?,
            file_id: row.get("file_id")?,
            title: row.get("title")?,
            received_at: from_ms(row.get("received_at")?),
            happened_at: from_ms(row.get("happened_at")?),
            source: row.get("source")?,
            deliveries: row.get("deliveries")?,
            state: EventState::Waiting,
            reason: row.get("reason")?,
            due_at: (state == "waiting").then_some(due_at),
        },
        state,
    })
}

impl EventRow {
    fn view(self, decisions: &[DecisionView], actions: &[ActionView]) -> EventView {
        let state = stands(&self.state, self.view.reason.as_deref(), actions);
        let reason = self
            .view
            .reason
            .or_else(|| reason_of_state(state, decisions, actions));
        EventView {
            state,
            reason,
            ..self.view
        }
    }
}

/// The one word for an event's own state, the reason it has for itself, and its actions.
fn stands(own: &str, own_reason: Option<&str>, actions: &[ActionView]) -> EventState {
    let any = |state: &str| actions.iter().any(|action| action.state == state);
    match own {
        "unreadable" => EventState::Unreadable,
        "dead" => EventState::Dead,
        _ if any("dead") => EventState::Dead,
        "waiting" => EventState::Waiting,
        _ if any("running") => EventState::Working,
        _ if any("waiting") => EventState::Waiting,
        // A decided event keeps a reason of its own only when it was given up and then discarded.
        _ if any("discarded") || own_reason.is_some() => EventState::Discarded,
        _ if any("done") => EventState::Done,
        _ => EventState::Ignored,
    }
}

fn reason_of_state(
    state: EventState,
    decisions: &[DecisionView],
    actions: &[ActionView],
) -> Option<String> {
    let of_action = |wanted: &str| {
        actions
            .iter()
            .filter(|action| action.state == wanted)
            .find_map(|action| Some(format!("{}: {}", action.kind, action.reason.as_ref()?)))
    };
    match state {
        EventState::Dead => of_action("dead"),
        EventState::Waiting => of_action("waiting"),
        EventState::Discarded => of_action("discarded"),
        EventState::Ignored => Some(decisions.first().map_or_else(
            || "there was no rule".to_owned(),
            |first| format!("{}: {}", first.rule, first.reason),
        )),
        EventState::Working | EventState::Done | EventState::Unreadable => None,
    }
}

fn decisions(sql: &Sql, event: InboxId) -> Result<Vec<DecisionView>, SqlError> {
    sql.query(
        "SELECT rule, outcome, reason FROM decisions WHERE event = :event ORDER BY position",
        &[(":event", event.0.into())],
        |row| {
            Ok(DecisionView {
                rule: row.get(0)?,
                outcome: row.get(1)?,
                reason: row.get(2)?,
            })
        },
    )
}

fn actions(sql: &Sql, event: InboxId) -> Result<Vec<ActionView>, SqlError> {
    sql.query(
        "SELECT id, rule, kind, plan, state, attempt, failures, result_file, result_folder,
                operation_id, reason_code, reason, due_at, created_at, finished_at
         FROM actions WHERE event = :event ORDER BY id",
        &[(":event", event.0.into())],
        read_action,
    )
}

fn read_action(row: &Row<'_>) -> Result<ActionView, SqlError> {
    let plan: String = row.get("plan")?;
    let state: String = row.get("state")?;
    let due_at: Option<i64> = row.get("due_at")?;
    let finished_at: Option<i64> = row.get("finished_at")?;
    Ok(ActionView {
        id: ActionId(row.get("id")?),
        rule: row.get("rule")?,
        kind: row.get("kind")?,
        attempt: row.get("attempt")?,
        failures: row.get("failures")?,
        to: destination(&plan),
        result_file: row.get("result_file")?,
        result_folder: row.get("result_folder")?,
        operation_id: row.get("operation_id")?,
        reason_code: row.get("reason_code")?,
        reason: row.get("reason")?,
        due_at: due_at.filter(|_| state == "waiting").map(from_ms),
        created_at: from_ms(row.get("created_at")?),
        finished_at: finished_at.map(from_ms),
        state,
    })
}

/// Where an action leads; nothing for an action that only another version knows.
fn destination(plan: &str) -> Option<String> {
    serde_json::from_str::<ActionPlan>(plan).ok()?.target()
}

fn from_ms(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}

fn rfc3339<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
pub(super) fn rfc3339_or_null<S: Serializer>(
    time: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => rfc3339(time, serializer),
        None => serializer.serialize_none(),
    }
}

fn json_or_text<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(value) => value.serialize(serializer),
        Err(_) => serializer.serialize_str(&String::from_utf8_lossy(body)),
    }
}
