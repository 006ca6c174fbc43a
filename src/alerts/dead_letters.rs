//! The dead letters that alerts report: the column `alerted_at` of both tables.

use jiff::Timestamp;

use crate::actions;
use crate::db::{Sql, SqlError};
use crate::notify::mail;
use crate::text::without_links;

use super::digest::MAX_LISTED;

/// The longest reason of one dead letter in an alert, in characters.
const REASON_LENGTH: usize = 300;

/// Events could not be decided, actions failed permanently.
const TABLES: [&str; 2] = ["events", "actions"];

/// The condition on a dead letter that no alert up to `:reported` reports.
const UNREPORTED: &str = "state = 'dead' AND (alerted_at IS NULL OR alerted_at > :reported)";

/// Whether there are any.
pub(super) fn exist(sql: &Sql) -> Result<bool, SqlError> {
    any_table(|table| {
        sql.exists(
            &format!("SELECT 1 FROM {table} WHERE state = 'dead' LIMIT 1"),
            &[],
        )
    })
}

/// Whether there are any that no alert up to this time reports.
pub(super) fn unreported_exist(sql: &Sql, reported: Timestamp) -> Result<bool, SqlError> {
    any_table(|table| {
        sql.exists(
            &format!("SELECT 1 FROM {table} WHERE {UNREPORTED} LIMIT 1"),
            &[(":reported", reported.into())],
        )
    })
}

fn any_table(has: impl Fn(&str) -> Result<bool, SqlError>) -> Result<bool, SqlError> {
    for table in TABLES {
        if has(table)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Notes that those that no alert up to `reported` reports are reported now. Returns how many there are, with texts
/// about the oldest.
pub(super) fn report(
    sql: &Sql,
    reported: Timestamp,
    now: Timestamp,
) -> Result<(usize, Vec<String>), SqlError> {
    let mut count = 0;
    for table in TABLES {
        count += sql.execute(
            &format!("UPDATE {table} SET alerted_at = :now WHERE {UNREPORTED}"),
            &[(":reported", reported.into()), (":now", now.into())],
        )?;
    }
    let mut texts = sql.query(
        "SELECT id, reason FROM events
         WHERE state = 'dead' AND alerted_at = :now ORDER BY id LIMIT :limit",
        &[(":now", now.into()), (":limit", MAX_LISTED.into())],
        |row| {
            let (event, reason): (i64, _) = (row.get(0)?, row.get(1)?);
            Ok(format!(
                "event {event} could not be decided: {}",
                shown(reason)
            ))
        },
    )?;
    texts.extend(sql.query(
        "SELECT event, rule, kind, plan, reason FROM actions
         WHERE state = 'dead' AND alerted_at = :now ORDER BY id LIMIT :limit",
        &[(":now", now.into()), (":limit", MAX_LISTED.into())],
        |row| {
            let (event, rule): (i64, String) = (row.get(0)?, row.get(1)?);
            let (kind, plan): (String, String) = (row.get(2)?, row.get(3)?);
            let what = actions::properties(&kind, &plan);
            let what = what.map(|known| format!(" ({})", known.describe(&kind)));
            Ok(format!(
                "event {event}, rule {rule}, {kind}: {}{}",
                shown(row.get(4)?),
                mail::one_line(&what.unwrap_or_default(), REASON_LENGTH)
            ))
        },
    )?);
    Ok((count, texts))
}

fn shown(reason: Option<String>) -> String {
    let reason = reason.unwrap_or_else(|| "unknown reason".to_owned());
    without_links(&mail::one_line(&reason, REASON_LENGTH))
}
