//! The backfills in the store: the table `backfills`.

use jiff::Timestamp;
use serde::Serialize;

use crate::audit::{self, Author, ChangeKind};
use crate::db::{Row, Sql, SqlError, WriteLock, stored_words};
use crate::outbox;

use super::progress::{Counts, Cursor};
use super::request::BackfillRequest;

/// The state of a backfill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BackfillState {
    /// Its files are being read.
    Running,
    /// All its files were read.
    Done,
    /// A person stopped it, or its rules no longer exist.
    Stopped,
}

stored_words!(BackfillState {
    Running => "running",
    Done => "done",
    Stopped => "stopped",
});

/// A backfill that a person ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Backfill {
    /// Its number.
    pub id: i64,
    /// Its state.
    pub state: BackfillState,
    /// Why it was stopped, if not by a person.
    pub reason: Option<String>,
    /// What was ordered.
    pub request: BackfillRequest,
    /// Where it is.
    #[serde(skip)]
    pub(super) cursor: Cursor,
    /// How much it has read and found.
    #[serde(flatten)]
    pub counts: Counts,
    /// When it was ordered.
    pub ordered_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

const COLUMNS: &str = "id, state, reason, request, cursor, pages, files, total, matched, handled, undecided, \
                       transfers, writes, messages, ordered_at, ended_at";

fn read(row: &Row<'_>) -> Result<Backfill, SqlError> {
    let (request, cursor): (String, String) = (row.get("request")?, row.get("cursor")?);
    Ok(Backfill {
        id: row.get("id")?,
        state: row.get("state")?,
        reason: row.get("reason")?,
        request: serde_json::from_str(&request).unwrap_or_else(|_| unreadable()),
        // A position of another version counts as the beginning: nothing is done twice.
        cursor: serde_json::from_str(&cursor).unwrap_or_default(),
        counts: Counts {
            pages: row.get("pages")?,
            files: row.get("files")?,
            total: row.get("total")?,
            matched: row.get("matched")?,
            handled: row.get("handled")?,
            undecided: row.get("undecided")?,
            transfers: row.get("transfers")?,
            writes: row.get("writes")?,
            messages: row.get("messages")?,
        },
        ordered_at: row.get("ordered_at")?,
        ended_at: row.get("ended_at")?,
    })
}

/// The order of another version: it names no place, so it ends at once.
fn unreadable() -> BackfillRequest {
    BackfillRequest {
        rules: Vec::new(),
        places: Vec::new(),
        since: None,
        until: None,
    }
}

/// The newest backfill.
pub fn latest(sql: &Sql) -> Result<Option<Backfill>, SqlError> {
    let statement = format!("SELECT {COLUMNS} FROM backfills ORDER BY id DESC LIMIT 1");
    sql.query_optional(&statement, &[], read)
}

/// The backfill that is under way.
pub(super) fn running(sql: &Sql) -> Result<Option<Backfill>, SqlError> {
    Ok(latest(sql)?.filter(|backfill| backfill.state == BackfillState::Running))
}

/// Orders a backfill. Returns its number; `None` if another one is under way.
pub fn order(
    sql: &Sql,
    request: &BackfillRequest,
    author: &Author,
    now: Timestamp,
) -> Result<Option<i64>, SqlError> {
    sql.lock(WriteLock::Backfills)?;
    if running(sql)?.is_some() {
        return Ok(None);
    }
    let rules = request.rules.join(", ");
    let scope = Some(request.scope());
    audit::record(
        sql,
        author,
        ChangeKind::StartBackfill,
        &rules,
        scope.as_deref(),
        now,
    )?;
    let request = to_json(request);
    let cursor = to_json(&Cursor::default());
    let id = sql.query_one(
        "INSERT INTO backfills (state, request, cursor, ordered_at)
         VALUES ('running', :request, :cursor, :now) RETURNING id",
        &[
            (":request", (&request).into()),
            (":cursor", (&cursor).into()),
            (":now", now.into()),
        ],
        |row| row.get(0),
    )?;
    Ok(Some(id))
}

/// Stops the backfill that is under way. What it has planned is still carried out. Returns whether one was under
/// way.
pub fn stop(sql: &Sql, author: &Author, now: Timestamp) -> Result<bool, SqlError> {
    let under_way = running(sql)?;
    let is_stopped = end(sql, BackfillState::Stopped, None, now)? > 0;
    if let Some(backfill) = under_way.filter(|_| is_stopped) {
        let rules = backfill.request.rules.join(", ");
        audit::record(sql, author, ChangeKind::StopBackfill, &rules, None, now)?;
    }
    Ok(is_stopped)
}

/// Stops the backfill that is under way for a reason.
pub(super) fn stop_running(sql: &Sql, reason: &str, now: Timestamp) -> Result<usize, SqlError> {
    end(sql, BackfillState::Stopped, Some(reason), now)
}

fn end(
    sql: &Sql,
    state: BackfillState,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<usize, SqlError> {
    outbox::release_all_calls(sql, now)?;
    sql.execute(
        "UPDATE backfills SET state = :state, reason = :reason, ended_at = :now
         WHERE state = 'running'",
        &[
            (":state", state.as_str().into()),
            (":reason", reason.into()),
            (":now", now.into()),
        ],
    )
}

/// Moves a backfill to the next position, or ends it, unless it is no longer where it was.
pub(super) fn advance(
    sql: &Sql,
    backfill: &Backfill,
    next: Option<&Cursor>,
    page: Counts,
    now: Timestamp,
) -> Result<bool, SqlError> {
    let current = to_json(&backfill.cursor);
    let following = next.map_or_else(|| current.clone(), to_json);
    let (state, ended_at) = match next {
        Some(_) => (BackfillState::Running, None),
        None => (BackfillState::Done, Some(now)),
    };
    let mut counts = backfill.counts;
    counts.add(page);
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let advanced = sql.execute(
        "UPDATE backfills
         SET state = :state, cursor = :next, pages = :pages, files = :files, total = :total,
             matched = :matched, handled = :handled, undecided = :undecided, transfers = :transfers,
             writes = :writes, messages = :messages, ended_at = :ended_at
         WHERE id = :id AND state = 'running' AND pages = :read AND cursor = :current",
        &[
            (":state", state.as_str().into()),
            (":next", (&following).into()),
            (":pages", number(counts.pages).into()),
            (":files", number(counts.files).into()),
            (":total", number(counts.total).into()),
            (":matched", number(counts.matched).into()),
            (":handled", number(counts.handled).into()),
            (":undecided", number(counts.undecided).into()),
            (":transfers", number(counts.transfers).into()),
            (":writes", number(counts.writes).into()),
            (":messages", number(counts.messages).into()),
            (":ended_at", ended_at.into()),
            (":id", backfill.id.into()),
            (":read", number(backfill.counts.pages).into()),
            (":current", (&current).into()),
        ],
    )?;
    Ok(advanced > 0)
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("an order and a position are plain data")
}
