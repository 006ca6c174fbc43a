//! What the rules said about an event: the wait for it, and how it is written down.

use crate::db::{Sql, SqlError};
use jiff::Timestamp;

use crate::ids::InboxId;
use crate::instances;
use crate::outbox::{self, EventPosition};
use crate::rules::Decision;

/// An event that no rule has been asked about yet.
#[derive(Clone, Debug)]
pub struct Undecided {
    /// Our number of it, and its place in the order.
    pub happened: EventPosition,
    /// The body as it came.
    pub body: Vec<u8>,
    /// Attempts to decide it that count towards giving up.
    pub failures: u32,
}

/// After this long, in milliseconds, an event is decided by whichever instance comes first.
const OVERDUE_MS: i64 = 2_000;

/// The events to decide now, in the order in which they are due; of the events of one file, the one
/// that happened first. Each instance begins with its share of them.
pub fn undecided(sql: &Sql, now: Timestamp, limit: u32) -> Result<Vec<Undecided>, SqlError> {
    let partition = instances::partition(sql)?;
    sql.query(
        "SELECT id, body, happened_at, sequence, failures FROM events AS later
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
            Ok(Undecided {
                happened: EventPosition {
                    event: InboxId(row.get(0)?),
                    at_ms: row.get(2)?,
                    sequence: row.get(3)?,
                },
                body: row.get(1)?,
                failures: row.get(4)?,
            })
        },
    )
}

/// When the next event that waits for its decision will be due, in milliseconds.
pub fn next_due(sql: &Sql, now: Timestamp) -> Result<Option<i64>, SqlError> {
    sql.query_one(
        "SELECT min(due_at) FROM events WHERE state = 'waiting' AND due_at > :now",
        &[(":now", now.into())],
        |row| row.get(0),
    )
}

/// What became of one rule's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The rule's name.
    pub rule: String,
    /// `planned`, `ignored` or `duplicate`.
    pub outcome: &'static str,
    /// Why, in words an operator reads.
    pub reason: String,
}

/// Writes down what each rule said and plans the actions, unless the event was decided meanwhile.
pub fn record_decisions(
    sql: &Sql,
    event: EventPosition,
    decisions: &[Decision],
    now: Timestamp,
) -> Result<Vec<Recorded>, SqlError> {
    let decided = sql.execute(
        "UPDATE events SET state = 'decided', reason = NULL
         WHERE id = :event AND state = 'waiting'",
        &[(":event", event.event.0.into())],
    )?;
    if decided == 0 {
        return Ok(Vec::new());
    }
    let earlier = take_planned(sql, event.event)?;
    let is_new = |decision: &&Decision| !earlier.iter().any(|(rule, _)| *rule == decision.rule);
    let mut recorded = Vec::new();
    for decision in decisions.iter().filter(is_new) {
        recorded.push(decide_rule(sql, event, decision, now)?);
    }
    let kept = earlier.into_iter().map(|(rule, reason)| Recorded {
        rule,
        outcome: "planned",
        reason,
    });
    let all: Vec<Recorded> = kept.chain(recorded.iter().cloned()).collect();
    for (position, decision) in (0_i64..).zip(&all) {
        insert_decision(sql, event.event, position, decision)?;
    }
    Ok(recorded)
}

/// Forgets what the rules said when the event was decided before, and returns the rules that planned
/// something then, with their reasons: their say stands, or the file, which may have changed since,
/// would be handled for this event once more.
fn take_planned(sql: &Sql, event: InboxId) -> Result<Vec<(String, String)>, SqlError> {
    let planned = sql.query(
        "SELECT rule, reason FROM decisions WHERE event = :event AND outcome = 'planned'
             ORDER BY position",
        &[(":event", event.0.into())],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    sql.execute(
        "DELETE FROM decisions WHERE event = :event",
        &[(":event", event.0.into())],
    )?;
    Ok(planned)
}

fn decide_rule(
    sql: &Sql,
    event: EventPosition,
    decision: &Decision,
    now: Timestamp,
) -> Result<Recorded, SqlError> {
    let (outcome, reason) = match &decision.planned {
        None => ("ignored", decision.reason.clone()),
        Some(planned) => match outbox::plan(sql, event, &decision.rule, planned, now)? {
            outbox::Plan::Planned => ("planned", decision.reason.clone()),
            outbox::Plan::Known(earlier) => (
                "duplicate",
                format!("this state of the file was handled for event {earlier} already"),
            ),
        },
    };
    Ok(Recorded {
        rule: decision.rule.clone(),
        outcome,
        reason,
    })
}

fn insert_decision(
    sql: &Sql,
    event: InboxId,
    position: i64,
    decision: &Recorded,
) -> Result<usize, SqlError> {
    sql.execute(
        "INSERT INTO decisions (event, position, rule, outcome, reason)
         VALUES (:event, :position, :rule, :outcome, :reason)",
        &[
            (":event", event.0.into()),
            (":position", position.into()),
            (":rule", (&decision.rule).into()),
            (":outcome", decision.outcome.into()),
            (":reason", (&decision.reason).into()),
        ],
    )
}

/// Lets an event wait for its decision until a later time, and says why.
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
pub fn give_up(sql: &Sql, id: InboxId, reason: &str) -> Result<(), SqlError> {
    sql.execute(
        "UPDATE events SET state = 'dead', reason = :reason WHERE id = :id AND state = 'waiting'",
        &[(":id", id.0.into()), (":reason", reason.into())],
    )?;
    Ok(())
}

/// Decides at once what waited for the portal to come back.
pub fn expedite(sql: &Sql, now: Timestamp) -> Result<usize, SqlError> {
    sql.execute(
        "UPDATE events SET due_at = :now WHERE state = 'waiting' AND due_at > :now",
        &[(":now", now.into())],
    )
}
