//! Rows of both tables as views, and everything about one event.

use jiff::Timestamp;

use crate::actions;
use crate::audit::Through;
use crate::db::{Row, Sql, SqlError, ZeroAsNone};
use crate::ids::InboxId;
use crate::inbox::{self, DecisionOutcome, InboxState, Source};
use crate::outbox::{ActionId, ActionState, IS_HELD};

use super::replay::stored_changes;
use super::view::{ActionView, DecisionView, EventDetails, EventState, EventView};

/// Everything about the event with this id of ours or, if there is none, with this id of DocSpace's; the
/// newest one, when several webhooks have an event with that id.
pub fn find(sql: &Sql, number: i64) -> Result<Option<EventDetails>, SqlError> {
    let columns = EventRow::COLUMNS;
    let found = sql.query_optional(
        &format!(
            "SELECT {columns}, body, replay_changes FROM events
             WHERE id = coalesce((SELECT id FROM events WHERE id = :number),
                                 (SELECT max(id) FROM events WHERE event_id = :number))"
        ),
        &[(":number", number.into())],
        |row| {
            let changes: Option<String> = row.get("replay_changes")?;
            Ok((read_event(row)?, row.get("body")?, changes))
        },
    )?;
    let Some((row, body, changes)) = found else {
        return Ok(None);
    };
    let mut decisions = without_event(decisions_of(sql, &[row.id])?);
    decisions.extend(row.ignored());
    let actions = without_event(actions_of(sql, &[row.id])?);
    Ok(Some(EventDetails {
        event: row.into_view(&decisions, &actions),
        replay_changes: stored_changes(changes.as_deref()),
        decisions,
        actions,
        body,
    }))
}

fn without_event<T>(pairs: Vec<(InboxId, T)>) -> Vec<T> {
    pairs.into_iter().map(|(_, value)| value).collect()
}

/// A row of the inbox.
pub(super) struct EventRow {
    pub(super) id: InboxId,
    webhook_id: Option<i64>,
    event_id: Option<i64>,
    trigger: Option<String>,
    file_id: Option<String>,
    title: Option<String>,
    folder_id: Option<String>,
    room_id: Option<String>,
    actor: Option<String>,
    received_at: Timestamp,
    happened_at: Timestamp,
    source: Source,
    deliveries: u32,
    replayed_at: Option<Timestamp>,
    replayed_by: Option<Through>,
    replayed_person: Option<String>,
    state: InboxState,
    reason: Option<String>,
    due_at: Timestamp,
    /// The decisions, if all rules ignore the event.
    ignored: Option<String>,
}

pub(super) fn read_event(row: &Row<'_>) -> Result<EventRow, SqlError> {
    let ZeroAsNone(webhook_id) = row.get("webhook_id")?;
    let named_webhook_id: Option<i64> = row.get("named_webhook_id")?;
    let backfilled: i64 = row.get("backfilled")?;
    Ok(EventRow {
        id: InboxId(row.get("id")?),
        // A derived id, which is negative, means nothing to a person.
        webhook_id: named_webhook_id.or(webhook_id.filter(|id| *id > 0)),
        event_id: row.get("event_id")?,
        trigger: row.get("trigger_name")?,
        file_id: row.get("file_id")?,
        title: row.get("title")?,
        folder_id: row.get("folder_id")?,
        room_id: row.get("room_id")?,
        actor: row.get("actor")?,
        received_at: row.get("received_at")?,
        happened_at: row.get("happened_at")?,
        source: match backfilled {
            0 => row.get("source")?,
            _ => Source::Backfill,
        },
        deliveries: row.get("deliveries")?,
        replayed_at: row.get("replayed_at")?,
        replayed_by: row.get("replayed_by")?,
        replayed_person: row.get("replayed_person")?,
        state: row.get("state")?,
        reason: row.get("reason")?,
        due_at: row.get("due_at")?,
        ignored: row.get("ignored")?,
    })
}

impl EventRow {
    /// The columns that [`read_event`] reads.
    pub(super) const COLUMNS: &str = "id, webhook_id, named_webhook_id, event_id, trigger_name, file_id, title, \
                                      received_at, happened_at, source, deliveries, state, reason, \
                                      due_at, replayed_at, replayed_by, backfilled, folder_id, room_id, actor, replayed_person, ignored";

    /// The decisions about an event that all rules ignore.
    pub(super) fn ignored(&self) -> impl Iterator<Item = DecisionView> + use<> {
        let by_rule = inbox::read_ignored(self.ignored.as_deref().unwrap_or_default());
        by_rule.into_iter().map(|(rule, reason)| DecisionView {
            rule,
            outcome: DecisionOutcome::Ignored,
            reason,
        })
    }

    pub(super) fn into_view(self, decisions: &[DecisionView], actions: &[ActionView]) -> EventView {
        let state = self.combined_state(actions);
        let is_undecided = self.state == InboxState::Waiting;
        EventView {
            id: self.id,
            webhook_id: self.webhook_id,
            event_id: self.event_id,
            trigger: self.trigger,
            file_id: self.file_id,
            title: self.title,
            folder_id: self.folder_id,
            room_id: self.room_id,
            actor: self.actor,
            received_at: self.received_at,
            happened_at: self.happened_at,
            source: self.source,
            deliveries: self.deliveries,
            replayed_at: self.replayed_at,
            replayed_by: self.replayed_by,
            replayed_person: self.replayed_person,
            state,
            reason: self
                .reason
                .or_else(|| reason_for(state, decisions, actions)),
            due_at: is_undecided.then_some(self.due_at),
        }
    }

    /// One word for its own state and those of its actions.
    fn combined_state(&self, actions: &[ActionView]) -> EventState {
        let any = |state| actions.iter().any(|action| action.state == state);
        match self.state {
            InboxState::Unreadable => EventState::Unreadable,
            InboxState::Dead => EventState::Dead,
            // After a replay, its dead letters wait for the decision, too.
            InboxState::Waiting => EventState::Waiting,
            InboxState::Decided if any(ActionState::Dead) => EventState::Dead,
            InboxState::Decided => {
                if any(ActionState::Running) {
                    EventState::Working
                } else if actions
                    .iter()
                    .any(|it| it.state == ActionState::Waiting && !it.held)
                {
                    EventState::Waiting
                } else if any(ActionState::Waiting) {
                    EventState::Held
                } else if any(ActionState::Discarded) || self.reason.is_some() {
                    // A decided event has a reason only if its decision was given up and then discarded.
                    EventState::Discarded
                } else if any(ActionState::Done) {
                    EventState::Done
                } else {
                    EventState::Ignored
                }
            }
        }
    }
}

fn reason_for(
    state: EventState,
    decisions: &[DecisionView],
    actions: &[ActionView],
) -> Option<String> {
    let of_action = |state: ActionState| {
        actions
            .iter()
            .filter(|action| action.state == state)
            .find_map(|action| Some(format!("{}: {}", action.kind, action.reason.as_ref()?)))
    };
    match state {
        // A person who decides about it needs to know its target, such as the recipient.
        EventState::Dead => actions
            .iter()
            .filter(|action| action.state == ActionState::Dead)
            .find_map(|action| {
                let reason = action.reason.as_ref()?;
                Some(format!("{}: {reason} ({})", action.kind, action.what))
            }),
        EventState::Waiting => of_action(ActionState::Waiting),
        EventState::Discarded => of_action(ActionState::Discarded),
        EventState::Ignored => Some(decisions.first().map_or_else(
            || "there was no rule".to_owned(),
            |first| format!("{}: {}", first.rule, first.reason),
        )),
        EventState::Held => actions
            .iter()
            .find(|action| action.held)
            .map(|action| format!("{}: the rule {} is paused", action.kind, action.rule)),
        EventState::Working | EventState::Done | EventState::Unreadable => None,
    }
}

/// The decisions about these events that have rows of their own, each event's in the order of the rules.
pub(super) fn decisions_of(
    sql: &Sql,
    events: &[InboxId],
) -> Result<Vec<(InboxId, DecisionView)>, SqlError> {
    let is_listed = sql.is_in_list("event", ":events");
    let statement = format!(
        "SELECT event, rule, outcome, reason FROM decisions WHERE {is_listed}
         ORDER BY event, position"
    );
    sql.query(
        &statement,
        &[(":events", (&id_list(events)).into())],
        |row| {
            let decision = DecisionView {
                rule: row.get("rule")?,
                outcome: row.get("outcome")?,
                reason: row.get("reason")?,
            };
            Ok((InboxId(row.get("event")?), decision))
        },
    )
}

/// The actions of these events, each event's in the order in which they were planned.
pub(super) fn actions_of(
    sql: &Sql,
    events: &[InboxId],
) -> Result<Vec<(InboxId, ActionView)>, SqlError> {
    let is_listed = sql.is_in_list("event", ":events");
    let statement = format!(
        "SELECT event, id, rule, kind, waited_for, plan, state, attempt, failures, result_file, result_folder,
                operation_id, reason_code, reason, due_at, created_at, finished_at,
                CAST(CASE WHEN {IS_HELD} THEN 1 ELSE 0 END AS BIGINT) AS held
         FROM actions WHERE {is_listed} ORDER BY id"
    );
    sql.query(
        &statement,
        &[(":events", (&id_list(events)).into())],
        |row| Ok((InboxId(row.get("event")?), read_action(row)?)),
    )
}

/// The list that [`Sql::is_in_list`] takes.
fn id_list(events: &[InboxId]) -> String {
    let ids: Vec<String> = events.iter().map(InboxId::to_string).collect();
    ids.join(",")
}

fn read_action(row: &Row<'_>) -> Result<ActionView, SqlError> {
    let (kind, plan): (String, String) = (row.get("kind")?, row.get("plan")?);
    // Only another version supports an action whose properties are unknown.
    let properties = actions::properties(&kind, &plan);
    let described = properties.as_ref().map(|known| known.describe(&kind));
    let waited_for: i64 = row.get("waited_for")?;
    let state: ActionState = row.get("state")?;
    let held: i64 = row.get("held")?;
    let due_at: Option<Timestamp> = row.get("due_at")?;
    Ok(ActionView {
        id: ActionId(row.get("id")?),
        rule: row.get("rule")?,
        what: described.unwrap_or_else(|| kind.clone()),
        kind,
        plan,
        is_waited_for: waited_for != 0,
        state,
        held: held != 0,
        attempt: row.get("attempt")?,
        failures: row.get("failures")?,
        named_folder: properties
            .as_ref()
            .and_then(|properties| properties.named_folder().cloned()),
        to: properties.and_then(|properties| properties.target_text),
        result_file: row.get("result_file")?,
        result_folder: row.get("result_folder")?,
        operation_id: row.get("operation_id")?,
        reason_code: row.get("reason_code")?,
        reason: row.get("reason")?,
        due_at: due_at.filter(|_| state == ActionState::Waiting),
        created_at: row.get("created_at")?,
        finished_at: row.get("finished_at")?,
    })
}
