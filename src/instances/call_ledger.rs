//! The ledger of calls to the portal: what all instances, and this one before its last start, have spent of the
//! minute's calls and the day's writes.
//!
//! The minute's calls are one number: the time until which calls are spent, if they are made at the steady rate.
//! It may be ahead of the present by as much as a burst.

use std::time::Duration;

use futures_util::FutureExt as _;
use tracing::warn;

use crate::clock::{Clock, SECONDS_A_DAY};
use crate::db::{Db, Sql, SqlError};
use crate::docspace::{BURST, CALLS_A_SECOND, CallBlock, RecordCalls};
use crate::telemetry::ErrorChain;

use super::id::own_id;

/// The key in the table `state`.
const SPENT_UNTIL: &str = "portal_calls_spent_until";

/// How long a call waits for a store that fails.
const STORE_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// A function that records calls in this store.
pub fn record_calls(db: &Db, clock: &Clock) -> RecordCalls {
    let (db, clock) = (db.clone(), clock.clone());
    Box::new(move |block| {
        let (db, now) = (db.clone(), clock.now().as_millisecond());
        let recording = async move {
            let recorded = db.write(move |sql| record(sql, block, now)).await;
            recorded.unwrap_or_else(|error| {
                warn!(error = %ErrorChain(&error), "calls to the portal wait for the store");
                Err(STORE_RETRY_INTERVAL)
            })
        };
        recording.boxed()
    })
}

fn record(sql: &Sql, block: CallBlock, now: i64) -> Result<Result<u64, Duration>, SqlError> {
    if block.calls > 0
        && let Err(wait) = spend(sql, block.calls, now)?
    {
        return Ok(Err(wait));
    }
    let day = now.div_euclid(SECONDS_A_DAY * 1_000);
    if block.writes > 0 {
        sql.execute(
            "INSERT INTO portal_writes (day, instance, writes) VALUES (:day, :id, :count)
             ON CONFLICT (day, instance)
             DO UPDATE SET writes = portal_writes.writes + excluded.writes",
            &[
                (":day", day.into()),
                (":id", own_id(sql).into()),
                (":count", block.writes.into()),
            ],
        )?;
        sql.execute(
            "DELETE FROM portal_writes WHERE day < :day",
            &[(":day", day.into())],
        )?;
    }
    writes_on(sql, day).map(Ok)
}

/// The writes that are recorded for a day (days since 1970, UTC).
pub(super) fn writes_on(sql: &Sql, day: i64) -> Result<u64, SqlError> {
    let writes: i64 = sql.query_one(
        "SELECT CAST(coalesce(sum(writes), 0) AS BIGINT) FROM portal_writes WHERE day = :day",
        &[(":day", day.into())],
        |row| row.get(0),
    )?;
    Ok(writes.unsigned_abs())
}

/// Spends calls, or returns how long to wait before they can be spent.
fn spend(sql: &Sql, calls: u32, now: i64) -> Result<Result<(), Duration>, SqlError> {
    let (cost, burst) = (milliseconds(calls), milliseconds(BURST));
    sql.execute(
        "INSERT INTO state (key, value) VALUES (:key, '0') ON CONFLICT (key) DO NOTHING",
        &[(":key", SPENT_UNTIL.into())],
    )?;
    // A time further ahead was stored before the wall clock stepped back.
    sql.execute(
        "UPDATE state SET value = CAST(:full AS TEXT)
         WHERE key = :key AND CAST(value AS BIGINT) > :full",
        &[
            (":key", SPENT_UNTIL.into()),
            (":full", (now + burst).into()),
        ],
    )?;
    let spent = sql.execute(
        "UPDATE state
         SET value = CAST(:cost + CASE WHEN CAST(value AS BIGINT) > :now
                                       THEN CAST(value AS BIGINT) ELSE :now END AS TEXT)
         WHERE key = :key AND CAST(value AS BIGINT) <= :latest",
        &[
            (":key", SPENT_UNTIL.into()),
            (":now", now.into()),
            (":cost", cost.into()),
            (":latest", (now + burst - cost).into()),
        ],
    )?;
    if spent > 0 {
        return Ok(Ok(()));
    }
    let spent_until: i64 = sql.query_one(
        "SELECT CAST(value AS BIGINT) FROM state WHERE key = :key",
        &[(":key", SPENT_UNTIL.into())],
        |row| row.get(0),
    )?;
    let wait = (spent_until - (now + burst - cost)).max(1);
    Ok(Err(Duration::from_millis(wait.unsigned_abs())))
}

/// How long these calls take at the steady rate.
fn milliseconds(calls: u32) -> i64 {
    i64::from((calls * 1_000).div_ceil(CALLS_A_SECOND))
}
