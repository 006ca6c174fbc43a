//! Paused rules: they match and plan, and what they plan is held until a person resumes them.
//!
//! A held action has no due time. That alone does not hold it, as an attempt that ends sets one; so a claim checks
//! whether the rule is paused. A call that may have been made is reconciled nevertheless.

use jiff::Timestamp;
use serde::Serialize;

use crate::db::{Queue, Sql, SqlError};

/// A paused rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PausedRule {
    /// Its name.
    pub rule: String,
    /// Since when.
    pub paused_at: Timestamp,
    /// Actions that are held.
    pub held: u64,
}

/// What becomes of held actions when their rule is resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// They are carried out.
    Do,
    /// They are discarded.
    Drop,
}

/// The condition that an action in the table `actions` is held.
pub const IS_HELD: &str = "state = 'waiting' AND intent_at IS NULL
     AND rule IN (SELECT paused_rules.rule FROM paused_rules)";

/// Pauses a rule. Returns whether it was not paused before.
pub fn pause_rule(sql: &Sql, rule: &str, now: Timestamp) -> Result<bool, SqlError> {
    let paused = sql.execute(
        "INSERT INTO paused_rules (rule, paused_at) VALUES (:rule, :now)
         ON CONFLICT (rule) DO NOTHING",
        &[(":rule", rule.into()), (":now", now.into())],
    )?;
    sql.execute(
        "UPDATE actions SET due_at = NULL
         WHERE rule = :rule AND state = 'waiting' AND intent_at IS NULL AND due_at IS NOT NULL",
        &[(":rule", rule.into())],
    )?;
    Ok(paused > 0)
}

/// The paused rules, by name.
pub fn paused_rules(sql: &Sql) -> Result<Vec<PausedRule>, SqlError> {
    sql.query(
        "SELECT rule, paused_at,
                (SELECT count(*) FROM actions
                 WHERE actions.rule = paused_rules.rule AND actions.state = 'waiting'
                   AND actions.intent_at IS NULL)
         FROM paused_rules ORDER BY rule",
        &[],
        |row| {
            Ok(PausedRule {
                rule: row.get(0)?,
                paused_at: row.get(1)?,
                held: row.get(2)?,
            })
        },
    )
}

/// Resumes a rule step by step, so that other writes do not wait long: each call deals with this many held actions,
/// and the last one ends the pause. Returns how many actions it dealt with, and whether the rule is resumed.
pub fn resume_step(
    sql: &Sql,
    rule: &str,
    held: Held,
    limit: u32,
    now: Timestamp,
) -> Result<(usize, bool), SqlError> {
    let statement = match held {
        Held::Do => {
            concat!(
                "UPDATE actions SET due_at = :now
                 WHERE id IN (
                     SELECT id FROM actions AS behind
                     WHERE rule = :rule AND state = 'waiting' AND due_at IS NULL
                       AND NOT EXISTS (
                           SELECT 1 FROM events WHERE id = behind.event AND state <> 'decided')
                       AND ",
                include_str!("unblocked.sql"),
                "LIMIT :limit)"
            )
        }
        Held::Drop => {
            "UPDATE actions
             SET state = 'discarded', finished_at = :now, reason_code = NULL,
                 reason = 'it was held while the rule was paused, and dropped when the rule was resumed'
             WHERE id IN (
                 SELECT id FROM actions
                 WHERE rule = :rule AND state = 'waiting' AND intent_at IS NULL
                 LIMIT :limit)"
        }
    };
    let done = sql.execute(
        statement,
        &[
            (":rule", rule.into()),
            (":now", now.into()),
            (":limit", limit.into()),
        ],
    )?;
    let is_last = done < limit as usize;
    if is_last {
        sql.execute(
            "DELETE FROM paused_rules WHERE rule = :rule",
            &[(":rule", rule.into())],
        )?;
        sql.announce(Queue::Outbox);
    }
    Ok((done, is_last))
}
