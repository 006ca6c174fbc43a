//! One attempt: runs an action and writes down what became of it.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tracing::{Instrument as _, info, info_span, warn};

use crate::actions::{self, Context, Ended};
use crate::db::StoreError;
use crate::inbox;
use crate::outbox::{self, Action, Claim, Hold, Wait};

use super::{LEASE, Worker, backoff, log_store_error};

/// How long an action waits for a portal that is left alone before the breaker is asked again.
const WAIT_FOR_PORTAL: Duration = Duration::from_secs(1);

/// How long between two tries to write to a store that refuses, as one without room does.
const TRY_STORE_AGAIN: Duration = Duration::from_secs(1);

impl Worker {
    /// Runs one attempt of a claimed action. An attempt that panics has failed; the worker goes on.
    pub(super) async fn attempt(&self, action: Action) {
        let span = info_span!(
            "attempt",
            event.id = action.event.0,
            rule.name = action.rule,
            action.id = action.claim.action.0,
            action.kind = action.plan.kind(),
            attempt = action.claim.attempt,
        );
        let began = self.clock.now();
        async {
            let recorded = match self.execute(&action).await {
                Ok(ended) => self.record_end(&action, ended, began).await,
                Err(error) => Err(error),
            };
            match recorded {
                Ok(Hold::Held) => self.wake.outbox.notify_one(),
                Ok(Hold::Lost) => warn!("the claim on the action was lost; another attempt has it"),
                Err(error) => {
                    log_store_error(&error);
                    self.let_go(action.claim).await;
                }
            }
        }
        .instrument(span)
        .await;
    }

    /// Ends the claim of an attempt that could not be written down, as soon as the store can be written
    /// to; without that it ends with its lease. The next attempt settles what this one left open.
    async fn let_go(&self, claim: Claim) {
        let let_go = async {
            loop {
                let now = self.clock.now();
                let written = self
                    .db
                    .write(move |sql| outbox::renew(sql, claim, now))
                    .await;
                match written {
                    Ok(_) | Err(StoreError::Closed) => return,
                    Err(_) => tokio::time::sleep(TRY_STORE_AGAIN).await,
                }
            }
        };
        if tokio::time::timeout(LEASE, let_go).await.is_ok() {
            self.wake.outbox.notify_one();
        }
    }

    async fn execute(&self, action: &Action) -> Result<Ended, StoreError> {
        let context = Context {
            db: &self.db,
            portal: &self.portal,
            clock: &self.clock,
            checkpoints: &self.checkpoints,
            lease: LEASE,
        };
        AssertUnwindSafe(actions::run(&context, action))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| {
                Ok(Ended::Failed {
                    reason: "the attempt panicked".to_owned(),
                    intent: action.intent.clone(),
                })
            })
    }

    async fn record_end(
        &self,
        action: &Action,
        ended: Ended,
        began: Timestamp,
    ) -> Result<Hold, StoreError> {
        let now = self.clock.now();
        let took = Duration::try_from(now.duration_since(began)).unwrap_or_default();
        let count = |outcome| {
            self.metrics
                .count_attempt(action.plan.kind(), outcome, took);
        };
        let claim = action.claim;
        match ended {
            Ended::Done(outcome) => {
                info!("done");
                let event = action.event;
                let finish = self.db.write(move |sql| {
                    let hold = outbox::finish(sql, claim, &outcome, now)?;
                    Ok((hold, inbox::received_at(sql, event)?))
                });
                let (hold, received_at) = finish.await?;
                if hold == Hold::Held {
                    count("done");
                    let delay = Duration::try_from(now.duration_since(received_at));
                    self.metrics
                        .observe_delay(action.plan.kind(), delay.unwrap_or_default());
                }
                Ok(hold)
            }
            Ended::Dead { code, reason } => {
                count("dead");
                self.give_up(action, code, reason).await
            }
            Ended::Failed { reason, intent } => {
                let failures = action.failures + 1;
                if failures >= self.max_attempts {
                    count("dead");
                    let reason = format!("{failures} attempts failed; the last one: {reason}");
                    return self.give_up(action, "attempts_used_up", reason).await;
                }
                count("failed");
                let wait = backoff(failures, fastrand::f64());
                warn!(reason, wait_ms = wait.as_millis(), "the attempt failed");
                let wait = Wait {
                    until: now + wait,
                    failures,
                    reason,
                    intent,
                };
                self.db
                    .write(move |sql| outbox::wait(sql, claim, &wait))
                    .await
            }
            Ended::Waits {
                reason,
                wait,
                intent,
            } => {
                count("waits");
                info!(reason, "the action waits");
                let until = now + wait.unwrap_or(WAIT_FOR_PORTAL);
                let wait = Wait {
                    until,
                    failures: action.failures,
                    reason,
                    intent,
                };
                self.db
                    .write(move |sql| outbox::wait(sql, claim, &wait))
                    .await
            }
            Ended::ClaimLost => Ok(Hold::Lost),
        }
    }

    async fn give_up(
        &self,
        action: &Action,
        code: &'static str,
        reason: String,
    ) -> Result<Hold, StoreError> {
        warn!(code, reason, "given up; the action is a dead letter");
        let (claim, now) = (action.claim, self.clock.now());
        self.db
            .write(move |sql| outbox::give_up(sql, claim, code, &reason, now))
            .await
    }
}
