//! Records the decisions about an event that waited for them, and has its actions planned.

use jiff::Timestamp;

use crate::db::{Sql, SqlError};
use crate::ids::FolderId;
use crate::outbox;
use crate::rules::EventDecisions;

use super::decision::{RecordedDecision, decide, ignored_column, insert_decision};
use super::reevaluation::decide_again;
use super::undecided::Undecided;

/// Stores what each rule decided and the room if it is known, and plans the actions, unless the event was decided or
/// replayed meanwhile. After a replay, the decisions and the unfinished actions replace the earlier ones.
pub fn record_decisions(
    sql: &Sql,
    undecided: &Undecided,
    decisions: &EventDecisions,
    now: Timestamp,
) -> Result<Vec<RecordedDecision>, SqlError> {
    let event = undecided.position;
    let decided = sql.execute(
        "UPDATE events SET state = 'decided', reason = NULL, room_id = coalesce(:room, room_id)
         WHERE id = :event AND state = 'waiting'
           AND coalesce(replayed_at, 0) = coalesce(:replayed_at, 0)",
        &[
            (":event", event.event.0.into()),
            (":replayed_at", undecided.replayed_at.into()),
            (
                ":room",
                decisions.room.as_ref().map(FolderId::as_str).into(),
            ),
        ],
    )?;
    if decided == 0 {
        return Ok(Vec::new());
    }
    outbox::make_busy_due(sql, event.event, now)?;
    let recorded = if undecided.replayed_at.is_some() {
        decide_again(sql, event, &decisions.by_rule, now)?
    } else {
        let plan = |rule: &str, planned: &_| outbox::plan(sql, event, rule, planned, now);
        decide(&decisions.by_rule, plan)?
    };
    if let Some(ignored) = ignored_column(&recorded) {
        sql.execute(
            "UPDATE events SET ignored = :ignored WHERE id = :event",
            &[
                (":ignored", (&ignored).into()),
                (":event", event.event.0.into()),
            ],
        )?;
        return Ok(recorded);
    }
    for (position, decision) in (0_i64..).zip(&recorded) {
        insert_decision(sql, event.event, position, decision)?;
    }
    Ok(recorded)
}
