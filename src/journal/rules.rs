//! How often rules matched.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::db::{Sql, SqlError};

use super::view::rfc3339_or_null;

/// What one rule did since some time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleActivity {
    /// Events that it matched.
    pub matched: u64,
    /// When the newest of them was received.
    #[serde(serialize_with = "rfc3339_or_null")]
    pub last_match: Option<Timestamp>,
    /// Its dead letters, however old.
    pub dead: u64,
}

// Ids grow with the time of receipt, and decisions are found by event.
const MATCHES: &str = "
    WITH matches AS (
        SELECT rule, count(*) AS matched, max(event) AS last_event FROM decisions
        WHERE outcome <> 'ignored'
          AND event >= (SELECT id FROM events WHERE received_at >= :since ORDER BY received_at LIMIT 1)
        GROUP BY rule)
    SELECT matches.rule, matches.matched, events.received_at
    FROM matches JOIN events ON events.id = matches.last_event";

const DEAD_LETTERS: &str = "SELECT rule, count(*) FROM actions WHERE state = 'dead' GROUP BY rule";

/// What each rule did since this time; rules that did nothing are absent.
pub fn rule_activity(
    sql: &Sql,
    since: Timestamp,
) -> Result<HashMap<String, RuleActivity>, SqlError> {
    let mut activity: HashMap<String, RuleActivity> = HashMap::new();
    let matches: Vec<(String, u64, Timestamp)> =
        sql.query(MATCHES, &[(":since", since.into())], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    for (rule, matched, last_match) in matches {
        let of_rule = activity.entry(rule).or_default();
        of_rule.matched = matched;
        of_rule.last_match = Some(last_match);
    }
    let dead: Vec<(String, u64)> =
        sql.query(DEAD_LETTERS, &[], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for (rule, dead) in dead {
        activity.entry(rule).or_default().dead = dead;
    }
    Ok(activity)
}
