//! The audit log: what people changed with commands and in the console, when, and who they were.
//!
//! A change of the store is recorded in the transaction that makes it, and a saved rules file right afterwards. An entry
//! names events, rules and the rules file, and neither titles nor addresses.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::db::{Sql, SqlError, stored_words};

/// How long entries are kept.
const KEPT: Duration = Duration::from_hours(24 * 365);

/// How a person makes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Through {
    /// With a command on the machine.
    Command,
    /// In the console.
    Console,
}

stored_words!(Through {
    Command => "command",
    Console => "console",
});

/// Who makes a change, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// How.
    pub through: Through,
    /// The person's account, if it is known.
    pub person: Option<String>,
}

impl From<Through> for Author {
    fn from(through: Through) -> Self {
        Self {
            through,
            person: None,
        }
    }
}

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Events were replayed.
    Replay,
    /// Dead letters were discarded.
    Discard,
    /// Personal data was erased.
    Forget,
    /// A rule was paused.
    PauseRule,
    /// A rule was resumed.
    ResumeRule,
    /// The rules file was saved.
    SaveRules,
    /// A backfill was ordered.
    StartBackfill,
    /// A backfill was stopped.
    StopBackfill,
}

stored_words!(ChangeKind {
    Replay => "replay",
    Discard => "discard",
    Forget => "forget",
    PauseRule => "pause_rule",
    ResumeRule => "resume_rule",
    SaveRules => "save_rules",
    StartBackfill => "start_backfill",
    StopBackfill => "stop_backfill",
});

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its number; larger ones are newer.
    pub id: i64,
    /// When.
    pub made_at: Timestamp,
    /// How.
    pub through: Through,
    /// The person's account, if it is known.
    pub person: Option<String>,
    /// What was done.
    pub what: ChangeKind,
    /// To what it was done, such as `event 12` or a rule's name.
    pub subject: String,
    /// What else is known about it.
    pub detail: Option<String>,
}

/// Records a change, in the transaction that makes it.
pub fn record(
    sql: &Sql,
    author: &Author,
    what: ChangeKind,
    subject: &str,
    detail: Option<&str>,
    now: Timestamp,
) -> Result<(), SqlError> {
    sql.execute(
        "INSERT INTO changes (made_at, through, person, what, subject, detail)
         VALUES (:now, :through, :person, :what, :subject, :detail)",
        &[
            (":now", now.into()),
            (":through", author.through.as_str().into()),
            (":person", author.person.as_deref().into()),
            (":what", what.as_str().into()),
            (":subject", subject.into()),
            (":detail", detail.into()),
        ],
    )
    .map(drop)
}

/// The newest changes, or those before one.
pub fn list(sql: &Sql, before: Option<i64>, limit: u32) -> Result<Vec<Change>, SqlError> {
    sql.query(
        "SELECT id, made_at, through, person, what, subject, detail FROM changes
         WHERE (:before IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit",
        &[(":before", before.into()), (":limit", limit.into())],
        |row| {
            Ok(Change {
                id: row.get(0)?,
                made_at: row.get(1)?,
                through: row.get(2)?,
                person: row.get(3)?,
                what: row.get(4)?,
                subject: row.get(5)?,
                detail: row.get(6)?,
            })
        },
    )
}

/// Removes entries that are older than a year.
pub fn prune(sql: &Sql, now: Timestamp) -> Result<(), SqlError> {
    sql.execute(
        "DELETE FROM changes WHERE made_at < :before",
        &[(":before", (now - KEPT).into())],
    )
    .map(drop)
}
