//! Pausing and resuming rules, as a person orders it. The commands and the console use the same functions.

use jiff::Timestamp;

use crate::audit::{self, Author, ChangeKind};
use crate::db::{Db, StoreError};
use crate::outbox::{self, Held};

/// Actions changed per transaction, so that deliveries do not wait long for the store.
const BATCH: u32 = 500;

/// Pauses a rule. Returns whether it was not paused before.
pub async fn pause(
    db: &Db,
    rule: &str,
    author: &Author,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (rule, author) = (rule.to_owned(), author.clone());
    db.write(move |sql| {
        let is_new = outbox::pause_rule(sql, &rule, now)?;
        if is_new {
            audit::record(sql, &author, ChangeKind::PauseRule, &rule, None, now)?;
        }
        Ok(is_new)
    })
    .await
}

/// Resumes a rule. Returns how many held actions are carried out or dropped; the actions that wait for one of
/// these in their rule do not count. Can be repeated if it is interrupted.
pub async fn resume(
    db: &Db,
    rule: &str,
    held: Held,
    author: &Author,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let mut total = 0;
    loop {
        let (rule, author) = (rule.to_owned(), author.clone());
        let step = db.write(move |sql| {
            let (done, is_resumed) = outbox::resume_step(sql, &rule, held, BATCH, now)?;
            if is_resumed {
                let detail = match held {
                    Held::Do => format!("carried out what was held, actions: {}", total + done),
                    Held::Drop => format!("discarded what was held, actions: {}", total + done),
                };
                let detail = (total + done > 0).then_some(detail.as_str());
                audit::record(sql, &author, ChangeKind::ResumeRule, &rule, detail, now)?;
            }
            Ok((done, is_resumed))
        });
        let (done, is_resumed) = step.await?;
        total += done;
        if is_resumed {
            return Ok(total);
        }
    }
}
