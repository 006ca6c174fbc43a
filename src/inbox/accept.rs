//! Accepts events: each is stored once.

use jiff::Timestamp;
use serde::Serialize;

use crate::db::{LockOrder, Queue, Sql, SqlError, ZeroAsNone, stored_words};
use crate::event::{Entry, EntryKind, Event, NotAnObject, Trigger};
use crate::hash;
use crate::ids::{EventId, FolderId, InboxId, WebhookId};
use crate::outbox;
use crate::rules::{Decision, EventDecisions};

use super::dead_letter::retry_dead;
use super::decision::{
    DecisionOutcome, RecordedDecision, ignored_by_all, ignored_column, insert_decision,
};
use super::origin::may_be_own_effect;
use super::record::record_decisions;
use super::title_key::title_key;
use super::undecided::{InboxState, Undecided};

/// Where an event came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// DocSpace delivered it.
    Delivery,
    /// The portal's delivery log listed it as undelivered.
    Log,
    /// A listing of a watched room found its file.
    Listing,
    /// A backfill found its file.
    Backfill,
}

stored_words!(Source {
    Delivery => "delivery",
    Log => "log",
    Listing => "listing",
    Backfill => "backfill",
});

/// The result of accepting an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptOutcome {
    /// The event is new and stored.
    Accepted(InboxId),
    /// The event is new and stored, although another event has its idempotency key: two portals send with one
    /// secret, or a portal was restored from a backup.
    SharedKey(InboxId),
    /// The event was stored before.
    Duplicate(InboxId),
}

impl AcceptOutcome {
    /// Whether the event was not stored before.
    pub fn is_new(self) -> bool {
        !matches!(self, Self::Duplicate(_))
    }
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// Whether its event is new.
    pub outcome: AcceptOutcome,
    /// What was recorded about a new event; `None` if it waits for its decision.
    pub decisions: Option<Vec<RecordedDecision>>,
}

/// Stores a delivered event unless it is stored already; a redelivery retries the event's dead letters. Decisions that
/// were made before are recorded at once, unless an event of the same file waits for its own.
pub fn accept(
    sql: &Sql,
    event: &Event,
    body: &[u8],
    decisions: Option<&EventDecisions>,
    now: Timestamp,
) -> Result<Acceptance, SqlError> {
    let ignored = decisions.and_then(ignored_by_all);
    let new = NewEvent {
        event,
        body,
        source: Source::Delivery,
        ignored: ignored.as_deref().and_then(ignored_column),
        room: decisions.and_then(|decisions| decisions.room.as_ref()),
        now,
    };
    let outcome = new.insert(sql)?;
    let id = match outcome {
        AcceptOutcome::Duplicate(id) => {
            sql.execute(
                "UPDATE events SET deliveries = deliveries + 1 WHERE id = :id",
                &[(":id", id.0.into())],
            )?;
            if retry_dead(sql, id, now)? > 0 {
                sql.announce(Queue::Inbox);
            }
            let decisions = None;
            return Ok(Acceptance { outcome, decisions });
        }
        AcceptOutcome::Accepted(id) | AcceptOutcome::SharedKey(id) => id,
    };
    let decisions = match (decisions, ignored) {
        (Some(_), Some(ignored)) if new.ignored.is_some() => {
            outbox::make_busy_due(sql, id, now)?;
            Some(ignored)
        }
        (Some(decisions), _) if !waits_for_decision(sql, id, event)? => {
            let undecided = Undecided::new(id, event, now);
            Some(record_decisions(sql, &undecided, decisions, now)?)
        }
        _ => {
            sql.announce(Queue::Inbox);
            None
        }
    };
    Ok(Acceptance { outcome, decisions })
}

/// Whether decisions that were made without the store cannot be recorded: another event of the file waits for its own, or
/// an action has created the file, or may have.
fn waits_for_decision(sql: &Sql, id: InboxId, event: &Event) -> Result<bool, SqlError> {
    let Some(file) = file_id(event) else {
        return Ok(false);
    };
    let mut waits =
        "SELECT 1 FROM events WHERE file_id = :file AND state = 'waiting' AND id <> :id".to_owned();
    let create_files = true;
    if may_be_own_effect(event, create_files) {
        let created = outbox::may_have_created(":file");
        waits = format!("SELECT 1 WHERE EXISTS ({waits}) OR {created}");
    }
    sql.exists(&waits, &[(":file", file.into()), (":id", id.0.into())])
}

/// The key by which instances order the events of one commit, so that two that accept the same events do
/// not wait for each other. An event without an id conflicts with no other.
pub fn lock_order(event: &Event) -> Option<LockOrder> {
    let webhook = event.webhook.map_or(0, |webhook| webhook.0);
    event.id.map(|id| (webhook, id.0))
}

/// Stores an event unless it is stored already. If a different event has its idempotency key, it is stored
/// under one that is derived from what it says.
pub fn insert(
    sql: &Sql,
    event: &Event,
    body: &[u8],
    source: Source,
    now: Timestamp,
) -> Result<AcceptOutcome, SqlError> {
    sql.announce(Queue::Inbox);
    NewEvent::undecided(event, body, source, now).insert(sql)
}

/// The stored event with this idempotency key, if it has the same trigger, file and time.
fn find(sql: &Sql, webhook: ZeroAsNone, event: &Event) -> Result<Option<InboxId>, SqlError> {
    let stored: Option<(i64, Option<String>, Option<String>, Timestamp)> = sql.query_optional(
        "SELECT id, trigger_name, file_id, happened_at FROM events
         WHERE webhook_id = :webhook AND event_id = :event",
        &[
            (":webhook", webhook.into()),
            (":event", event.id.map(|EventId(id)| id).into()),
        ],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )?;
    Ok(stored.and_then(|(id, trigger, file, happened_at)| {
        let is_same = trigger.as_deref() == event.trigger.as_ref().map(Trigger::as_str)
            && file.as_deref() == file_id(event)
            && event.happened_at.is_none_or(|at| at == happened_at);
        is_same.then_some(InboxId(id))
    }))
}

/// A negative webhook id, which no portal uses, for an event whose idempotency key another event has.
fn derived_webhook(event: &Event) -> i64 {
    let trigger = event.trigger.as_ref().map(Trigger::as_str);
    let happened_at = event.happened_at.map(|at| at.to_string());
    let webhook = event.webhook.map(|webhook| webhook.0.to_string());
    let hash = hash::of_parts(&[
        trigger.unwrap_or_default(),
        file_id(event).unwrap_or_default(),
        &happened_at.unwrap_or_default(),
        &webhook.unwrap_or_default(),
    ]);
    let bytes = std::array::from_fn(|position| hash[position]);
    // One of the 63 lower bits is set, so that the number is neither 0 nor the minimum.
    -((i64::from_be_bytes(bytes) & i64::MAX) | 1)
}

fn file_id(event: &Event) -> Option<&str> {
    let entry = event.entry.as_ref()?;
    // A folder may have the id of a file (docs/DOCSPACE.md 1.9).
    (entry.kind != EntryKind::Folder).then(|| entry.id.as_str())
}

/// Stores the upload of a file that a backfill found, with the room if that is known, and the decisions about it.
pub fn insert_decided(
    sql: &Sql,
    event: &Event,
    body: &[u8],
    room: Option<&FolderId>,
    decisions: &[Decision],
    now: Timestamp,
) -> Result<InboxId, SqlError> {
    let new = NewEvent::undecided(event, body, Source::Backfill, now);
    let inserted = new.insert_under(sql, column(None))?;
    // Without an event id, no other event has its key.
    let id = inserted.ok_or(SqlError::NoRow)?;
    sql.execute(
        "UPDATE events SET state = 'decided', room_id = :room WHERE id = :id",
        &[
            (":id", id.0.into()),
            (":room", room.map(FolderId::as_str).into()),
        ],
    )?;
    for (position, decision) in (0_i64..).zip(decisions) {
        let recorded = RecordedDecision {
            rule: decision.rule.clone(),
            outcome: DecisionOutcome::Planned,
            reason: decision.reason.clone(),
        };
        insert_decision(sql, id, position, &recorded)?;
    }
    Ok(id)
}

/// An event to insert.
struct NewEvent<'a> {
    event: &'a Event,
    body: &'a [u8],
    source: Source,
    /// What is stored of the decisions if every rule ignores the event, so that it need not wait for them.
    ignored: Option<String>,
    /// The room around the file, if that is known.
    room: Option<&'a FolderId>,
    now: Timestamp,
}

impl<'a> NewEvent<'a> {
    fn undecided(event: &'a Event, body: &'a [u8], source: Source, now: Timestamp) -> Self {
        Self {
            event,
            body,
            source,
            ignored: None,
            room: None,
            now,
        }
    }

    /// Inserts it unless it is stored already.
    fn insert(&self, sql: &Sql) -> Result<AcceptOutcome, SqlError> {
        let webhook = column(self.event.webhook);
        if let Some(id) = self.insert_under(sql, webhook)? {
            return Ok(AcceptOutcome::Accepted(id));
        }
        if let Some(id) = find(sql, webhook, self.event)? {
            return Ok(AcceptOutcome::Duplicate(id));
        }
        let derived = ZeroAsNone(Some(derived_webhook(self.event)));
        if let Some(id) = self.insert_under(sql, derived)? {
            return Ok(AcceptOutcome::SharedKey(id));
        }
        let id = sql.query_one(
            "SELECT id FROM events WHERE webhook_id = :webhook AND event_id = :event",
            &[
                (":webhook", derived.into()),
                (":event", self.event.id.map(|EventId(id)| id).into()),
            ],
            |row| row.get(0).map(InboxId),
        )?;
        Ok(AcceptOutcome::Duplicate(id))
    }

    /// Inserts it under the key with this webhook id; `None` if that key is taken.
    fn insert_under(&self, sql: &Sql, webhook: ZeroAsNone) -> Result<Option<InboxId>, SqlError> {
        let Self { event, now, .. } = *self;
        let file = event
            .entry
            .as_ref()
            .filter(|entry| entry.kind != EntryKind::Folder);
        let title = file.and_then(|file| file.title.as_deref());
        let id = event.id.map(|id| id.0);
        let named = event.webhook.map(|webhook| webhook.0);
        // The column `backfilled` tells these apart; earlier versions know no other word.
        let stored_source = match self.source {
            Source::Backfill => Source::Listing,
            other => other,
        };
        let state = match self.ignored {
            Some(_) => InboxState::Decided,
            None => InboxState::Waiting,
        };
        let is_derived = webhook.0 != named;
        let folder = event.entry.as_ref().and_then(Entry::folder);
        let inserted = sql.insert(
            "INSERT INTO events (webhook_id, named_webhook_id, event_id, source, trigger_name, file_id, title, title_key,
                                 body, received_at, happened_at, sequence, state, due_at, backfilled, actor, folder_id,
                                 room_id, ignored)
             VALUES (:webhook, :named, :event, :source, :trigger, :file, :title, :title_key,
                     :body, :now, :happened_at, :sequence, :state, :now, :backfilled, :actor, :folder,
                     :room, :ignored)
             ON CONFLICT (webhook_id, event_id) DO NOTHING",
            &[
                (":webhook", webhook.into()),
                (":named", named.filter(|_| is_derived).into()),
                (":event", id.into()),
                (":source", stored_source.as_str().into()),
                (
                    ":trigger",
                    event.trigger.as_ref().map(Trigger::as_str).into(),
                ),
                (":file", file.map(|file| file.id.as_str()).into()),
                (":title", title.into()),
                (":title_key", title.map(title_key).as_deref().into()),
                (":body", self.body.into()),
                (":now", now.into()),
                (":happened_at", event.happened_at.unwrap_or(now).into()),
                (":sequence", ZeroAsNone(id).into()),
                (":state", state.as_str().into()),
                (":backfilled", (self.source == Source::Backfill).into()),
                (":actor", event.actor.as_deref().into()),
                (":folder", folder.as_ref().map(FolderId::as_str).into()),
                (":room", self.room.map(FolderId::as_str).into()),
                (":ignored", self.ignored.as_deref().into()),
            ],
        );
        Ok(inserted?.map(InboxId))
    }
}

/// Stores a signed body that is not a JSON object, so that nothing signed is dropped; an equal one only once.
pub fn keep_unreadable(
    sql: &Sql,
    body: &[u8],
    why: &NotAnObject,
    now: Timestamp,
) -> Result<InboxId, SqlError> {
    let stored = sql.query_optional(
        "UPDATE events SET deliveries = deliveries + 1
         WHERE id = (SELECT min(id) FROM events WHERE state = 'unreadable' AND body = :body)
         RETURNING id",
        &[(":body", body.into())],
        |row| row.get(0).map(InboxId),
    )?;
    if let Some(id) = stored {
        return Ok(id);
    }
    sql.query_one(
        "INSERT INTO events (webhook_id, source, body, received_at, happened_at, sequence, state,
                             reason, due_at)
         VALUES (:webhook, 'delivery', :body, :now, :now, :sequence, 'unreadable', :reason, :now)
         RETURNING id",
        &[
            (":webhook", column(None).into()),
            (":sequence", ZeroAsNone(None).into()),
            (":body", body.into()),
            (":now", now.into()),
            (":reason", (&why.to_string()).into()),
        ],
        |row| row.get(0).map(InboxId),
    )
}

fn column(webhook: Option<WebhookId>) -> ZeroAsNone {
    ZeroAsNone(webhook.map(|webhook| webhook.0))
}
