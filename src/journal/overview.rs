//! Overview: how much waits, how much is dead, and how many events the last day had.
//!
//! Only queries that an index answers, because the first page and every scrape of the metrics run them: a
//! store with a million events answers as fast as an empty one with as much waiting.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::db::{Sql, SqlError};
use crate::outbox::{IS_HELD, PausedRule, paused_rules};

use super::filter::is_dead;
use super::view::rfc3339_or_null;

/// The hours of the chart, including the current one.
const HOURS: i64 = 24;

const HOUR_MS: i64 = 3_600_000;

/// The state of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// Events that wait for their decision.
    pub events_waiting: u64,
    /// Actions that wait or run, without those that are held.
    #[serde(rename = "actions_owed")]
    pub actions_open: u64,
    /// The paused rules, and how much each holds.
    pub paused_rules: Vec<PausedRule>,
    /// Decisions and actions that are dead letters.
    pub dead: u64,
    /// Since when the oldest event or action waits.
    #[serde(serialize_with = "rfc3339_or_null")]
    pub waiting_since: Option<Timestamp>,
    /// When the newest event was received that DocSpace itself delivered.
    #[serde(serialize_with = "rfc3339_or_null")]
    pub last_delivery: Option<Timestamp>,
}

// Unary `+` hides `id` from the planner, so that it uses the partial index on waiting rows; otherwise it
// may scan the table from its beginning for the smallest id.
const OVERVIEW: &str = "
    SELECT (SELECT count(*) FROM events WHERE state = 'waiting'),
           (SELECT count(*) FROM actions WHERE state IN ('waiting', 'running')),
           (SELECT count(*) FROM events WHERE state = 'dead'),
           (SELECT count(*) FROM actions WHERE state = 'dead'),
           (SELECT received_at FROM events
            WHERE id = (SELECT min(+id) FROM events WHERE state = 'waiting')),
           (SELECT min(created_at) FROM actions
            WHERE id IN ((SELECT min(+id) FROM actions WHERE state = 'waiting'),
                         (SELECT min(+id) FROM actions WHERE state = 'running'))),
           (SELECT received_at FROM events WHERE source = 'delivery'
            ORDER BY received_at DESC LIMIT 1)";

/// The state of the store now.
pub fn overview(sql: &Sql) -> Result<Overview, SqlError> {
    let paused_rules = paused_rules(sql)?;
    let mut overview = sql.query_one(OVERVIEW, &[], |row| {
        let (dead_events, dead_actions): (u64, u64) = (row.get(2)?, row.get(3)?);
        let (undecided, open): (Option<Timestamp>, Option<Timestamp>) = (row.get(4)?, row.get(5)?);
        Ok(Overview {
            events_waiting: row.get(0)?,
            actions_open: row.get(1)?,
            dead: dead_events + dead_actions,
            waiting_since: undecided.into_iter().chain(open).min(),
            last_delivery: row.get(6)?,
            paused_rules: Vec::new(),
        })
    })?;
    let held: u64 = paused_rules.iter().map(|paused| paused.held).sum();
    if held > 0 {
        overview.actions_open = overview.actions_open.saturating_sub(held);
        overview.waiting_since = waiting_since_without_held(sql)?;
    }
    overview.paused_rules = paused_rules;
    Ok(overview)
}

/// Since when the oldest event or action waits that is not held.
fn waiting_since_without_held(sql: &Sql) -> Result<Option<Timestamp>, SqlError> {
    // The unary `+` keeps the planner from walking the whole index by age.
    let statement = format!(
        "SELECT min(since) FROM (
             SELECT min(+received_at) AS since FROM events WHERE state = 'waiting'
             UNION ALL
             SELECT min(created_at) FROM actions
             WHERE state IN ('waiting', 'running') AND NOT ({IS_HELD})) AS oldest"
    );
    sql.query_one(&statement, &[], |row| row.get(0))
}

/// The events of one hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hour {
    /// Its beginning.
    pub from: Timestamp,
    /// Events received.
    pub events: u64,
    /// Those of them that are dead, or have a dead action.
    pub dead: u64,
}

// A range of the index for each hour is several times faster than grouping all events of the day.
const EVENTS_BY_HOUR: &str = "
    WITH RECURSIVE hours (began_at) AS (
        SELECT CAST(:first AS BIGINT)
        UNION ALL
        SELECT began_at + 3600000 FROM hours WHERE began_at < :last)
    SELECT began_at, (SELECT count(*) FROM events
                      WHERE received_at >= began_at AND received_at < began_at + 3600000)
    FROM hours ORDER BY began_at";

/// The last day, hour by hour; the last hour is the current one.
pub fn last_day(sql: &Sql, now: Timestamp) -> Result<Vec<Hour>, SqlError> {
    let last = now.as_millisecond().div_euclid(HOUR_MS) * HOUR_MS;
    let first = last - (HOURS - 1) * HOUR_MS;
    let mut hours = sql.query(
        EVENTS_BY_HOUR,
        &[(":first", first.into()), (":last", last.into())],
        |row| {
            Ok(Hour {
                from: row.get(0)?,
                events: row.get(1)?,
                dead: 0,
            })
        },
    )?;
    // There are few dead ones; the sign keeps the planner from searching the whole day for them.
    let dead: Vec<(i64, u64)> = sql.query(
        &format!(
            "SELECT (received_at - :first) / 3600000, count(*) FROM events
             WHERE +received_at >= :first AND {}
             GROUP BY 1",
            is_dead()
        ),
        &[(":first", first.into())],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (position, events) in dead {
        let position = usize::try_from(position).ok();
        if let Some(hour) = position.and_then(|position| hours.get_mut(position)) {
            hour.dead = events;
        }
    }
    Ok(hours)
}

/// How long something has waited since then.
pub fn age(since: Option<Timestamp>, now: Timestamp) -> SignedDuration {
    since
        .map(|since| now.duration_since(since))
        .unwrap_or_default()
        .max(SignedDuration::ZERO)
}
