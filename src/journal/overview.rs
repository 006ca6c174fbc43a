//! Overview: how much waits, how much is dead, and what the last day was like.
//!
//! Reads only, and only what an index answers, because the status page and every scrape of the metrics
//! ask for it: a store with a million events answers as fast as an empty one with as much waiting.

use crate::db::{Sql, SqlError};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::rfc3339_or_null;

/// Hours of the last day, the running one included.
const HOURS: i64 = 24;

const HOUR_MS: i64 = 3_600_000;

/// How the store stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// Events that wait for their decision.
    pub events_waiting: u64,
    /// Actions that wait or run.
    pub actions_owed: u64,
    /// Decisions and actions that are dead letters.
    pub dead: u64,
    /// When the first in line came, of what waits.
    #[serde(serialize_with = "rfc3339_or_null")]
    pub waiting_since: Option<Timestamp>,
    /// When the newest event came that DocSpace delivered itself.
    #[serde(serialize_with = "rfc3339_or_null")]
    pub last_delivery: Option<Timestamp>,
}

/// How the store stands now.
pub fn overview(sql: &Sql) -> Result<Overview, SqlError> {
    let count = |question: &str| {
        sql.query_one(question, &[], |row| row.get::<i64>(0))
            .map(i64::unsigned_abs)
    };
    let time = |question: &str| -> Result<Option<Timestamp>, SqlError> {
        let at: Option<Option<i64>> = sql.query_optional(question, &[], |row| row.get(0))?;
        Ok(at
            .flatten()
            .and_then(|at| Timestamp::from_millisecond(at).ok()))
    };
    // The sign sends the search for the first to the short index of what waits; without it a database
    // may go through the journal from its beginning.
    let undecided = time(
        "SELECT received_at FROM events
         WHERE id = (SELECT min(+id) FROM events WHERE state = 'waiting')",
    )?;
    let owed = time(
        "SELECT min(created_at) FROM actions WHERE id IN (
             (SELECT min(+id) FROM actions WHERE state = 'waiting'),
             (SELECT min(+id) FROM actions WHERE state = 'running'))",
    )?;
    Ok(Overview {
        events_waiting: count("SELECT count(*) FROM events WHERE state = 'waiting'")?,
        actions_owed: count("SELECT count(*) FROM actions WHERE state IN ('waiting', 'running')")?,
        dead: count("SELECT count(*) FROM events WHERE state = 'dead'")?
            + count("SELECT count(*) FROM actions WHERE state = 'dead'")?,
        waiting_since: undecided.into_iter().chain(owed).min(),
        last_delivery: time(
            "SELECT received_at FROM events WHERE source = 'delivery'
             ORDER BY received_at DESC LIMIT 1",
        )?,
    })
}

/// What came in one hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hour {
    /// When it began.
    pub from: Timestamp,
    /// Events that came.
    pub events: u64,
    /// Those of them that are dead, or have a dead action.
    pub dead: u64,
}

/// The last day, hour by hour; the last hour is the running one.
pub fn last_day(sql: &Sql, now: Timestamp) -> Result<Vec<Hour>, SqlError> {
    let last = now.as_millisecond().div_euclid(HOUR_MS);
    let first = last - (HOURS - 1);
    // Ranges of the index, counted one by one, are several times faster than sorting them into groups.
    let mut hours = Vec::new();
    for hour in first..=last {
        let (from, until) = (hour * HOUR_MS, (hour + 1) * HOUR_MS);
        let events: i64 = sql.query_one(
            "SELECT count(*) FROM events WHERE received_at >= :from AND received_at < :until",
            &[(":from", from.into()), (":until", until.into())],
            |row| row.get(0),
        )?;
        hours.push(Hour {
            from: Timestamp::from_millisecond(from).unwrap_or_default(),
            events: events.unsigned_abs(),
            dead: 0,
        });
    }
    // Dead ones are few; the sign keeps the database from looking through the day for them.
    let dead: Vec<(i64, i64)> = sql.query(
        "SELECT received_at / 3600000 - :first, count(*) FROM events
         WHERE +received_at >= :first * 3600000
           AND id IN (SELECT id FROM events WHERE state = 'dead'
                      UNION SELECT event FROM actions WHERE state = 'dead')
         GROUP BY 1",
        &[(":first", first.into())],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (place, events) in dead {
        let place = usize::try_from(place).ok();
        if let Some(hour) = place.and_then(|place| hours.get_mut(place)) {
            hour.dead = events.unsigned_abs();
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
