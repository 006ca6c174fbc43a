//! Pausing and resuming rules, as a person orders it. The commands and the console use the same functions.

use jiff::Timestamp;

use crate::db::{Db, StoreError};
use crate::outbox::{self, Held};

/// Actions changed per transaction, so that deliveries do not wait long for the store.
const BATCH: u32 = 500;

/// Pauses a rule. Returns whether it was not paused before.
pub async fn pause(db: &Db, rule: &str, now: Timestamp) -> Result<bool, StoreError> {
    let rule = rule.to_owned();
    db.write(move |sql| outbox::pause_rule(sql, &rule, now))
        .await
}

/// Resumes a rule. Returns how many held actions are carried out or dropped; the actions that wait for one of
/// these in their rule do not count. Can be repeated if it is interrupted.
pub async fn resume(db: &Db, rule: &str, held: Held, now: Timestamp) -> Result<usize, StoreError> {
    let mut total = 0;
    loop {
        let rule = rule.to_owned();
        let step = db.write(move |sql| outbox::resume_step(sql, &rule, held, BATCH, now));
        let (done, is_resumed) = step.await?;
        total += done;
        if is_resumed {
            return Ok(total);
        }
    }
}
