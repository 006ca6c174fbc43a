//! The events that wait for their decision, and what becomes of those that cannot be decided yet or ever.

use jiff::Timestamp;

use crate::db::{Sql, SqlError, ZeroAsNone, stored_words};
use crate::event::Event;
use crate::ids::{EventId, EventPosition, InboxId};
use crate::instances;

/// The state of an event in the inbox; the journal combines it with those of its actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboxState {
    /// Waits for its decision.
    Waiting,
    /// Every rule has decided.
    Decided,
    /// No decision could be made.
    Dead,
    /// The body is not a JSON object.
    Unreadable,
}

stored_words!(InboxState {
    Waiting => "waiting",
    Decided => "decided",
    Dead => "dead",
    Unreadable => "unreadable",
});

/// An event that waits for its decision.
#[derive(Clone, Debug)]
pub struct Undecided {
    /// The event and its position in the order.
    pub position: EventPosition,
    /// The body as received.
    pub body: Vec<u8>,
    /// When it was received.
    pub received_at: Timestamp,
    /// Failed attempts to decide it that count towards giving up.
    pub failures: u32,
    /// When it was last replayed, if it was.
    pub replayed_at: Option<Timestamp>,
}

impl Undecided {
    /// An event that was just stored, without its body.
    pub(super) fn new(id: InboxId, event: &Event, now: Timestamp) -> Self {
        Self {
            position: EventPosition {
                event: id,
                at: event.happened_at.unwrap_or(now),
                sequence: event.id,
            },
            body: Vec::new(),
            received_at: now,
            failures: 0,
            replayed_at: None,
        }
    }
}

/// After this long, in milliseconds, any instance decides an event.
const OVERDUE_MS: i64 = 2_000;

/// The events to decide now, in the order in which they are due; of the events of one file, the one
/// that happened first. Each instance begins with its share of them.
pub fn undecided(sql: &Sql, now: Timestamp, limit: u32) -> Result<Vec<Undecided>, SqlError> {
    let partition = instances::partition(sql)?;
    sql.query(
        "SELECT id, body, happened_at, sequence, failures, replayed_at, received_at
         FROM events AS later
         WHERE state = 'waiting' AND due_at <= :now
           AND (id % :count = :index OR due_at <= :overdue)
           AND NOT EXISTS (
               SELECT 1 FROM events AS earlier
               WHERE earlier.file_id = later.file_id AND earlier.state = 'waiting'
                 AND (earlier.happened_at, earlier.sequence, earlier.id)
                   < (later.happened_at, later.sequence, later.id))
         ORDER BY due_at, id LIMIT :limit",
        &[
            (":now", now.into()),
            (":count", partition.count.into()),
            (":index", partition.index.into()),
            (":overdue", (now.as_millisecond() - OVERDUE_MS).into()),
            (":limit", limit.into()),
        ],
        |row| {
            let ZeroAsNone(sequence) = row.get(3)?;
            Ok(Undecided {
                position: EventPosition {
                    event: InboxId(row.get(0)?),
                    at: row.get(2)?,
                    sequence: sequence.map(EventId),
                },
                body: row.get(1)?,
                failures: row.get(4)?,
                replayed_at: row.get(5)?,
                received_at: row.get(6)?,
            })
        },
    )
}

/// When the next event is due that waits for its decision.
pub fn next_due(sql: &Sql, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
    sql.query_one(
        "SELECT min(due_at) FROM events WHERE state = 'waiting' AND due_at > :now",
        &[(":now", now.into())],
        |row| row.get(0),
    )
}

/// Postpones the decision about an event, and stores the reason.
pub fn postpone(
    sql: &Sql,
    id: InboxId,
    until: Timestamp,
    failures: u32,
    reason: &str,
) -> Result<(), SqlError> {
    sql.execute(
        "UPDATE events SET due_at = :until, failures = :failures, reason = :reason
         WHERE id = :id AND state = 'waiting'",
        &[
            (":id", id.0.into()),
            (":until", until.into()),
            (":failures", failures.into()),
            (":reason", reason.into()),
        ],
    )?;
    Ok(())
}

/// Gives up deciding an event: it becomes a dead letter with this reason.
pub fn mark_dead(sql: &Sql, id: InboxId, reason: &str) -> Result<(), SqlError> {
    sql.execute(
        "UPDATE events SET state = 'dead', reason = :reason, alerted_at = NULL
         WHERE id = :id AND state = 'waiting'",
        &[(":id", id.0.into()), (":reason", reason.into())],
    )?;
    Ok(())
}

/// Makes postponed decisions due at once, because the portal is available again.
pub fn make_due(sql: &Sql, now: Timestamp) -> Result<usize, SqlError> {
    sql.execute(
        "UPDATE events SET due_at = :now WHERE state = 'waiting' AND due_at > :now",
        &[(":now", now.into())],
    )
}
