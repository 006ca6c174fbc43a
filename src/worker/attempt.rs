//! One attempt: runs an action and writes down what became of it.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tracing::{Instrument as _, info, info_span, warn};

use crate::actions::{self, Context, Ended};
use crate::db::StoreError;
use crate::inbox;
use crate::outbox::{self, Action, Claim, Hold, Intent, Outcome, Wait};

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
            if !action.plan.is_file_work() {
                self.telling.fetch_sub(1, Ordering::Relaxed);
            }
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
            channels: &self.channels,
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
        let (hold, outcome) = match ended {
            Ended::Done(outcome) => (self.finish(action, outcome).await?, "done"),
            Ended::Dead { code, reason } => (self.give_up(action, code, reason).await?, "dead"),
            Ended::Failed { reason, intent } => {
                self.try_again(action, reason, intent, Duration::ZERO)
                    .await?
            }
            Ended::AskedToWait { reason, wait } => {
                self.try_again(action, reason, None, wait).await?
            }
            Ended::Waits {
                reason,
                wait,
                intent,
            } => {
                info!(reason, "the action waits");
                let wait = Wait {
                    until: self.clock.now() + wait.unwrap_or(WAIT_FOR_PORTAL),
                    failures: action.failures,
                    reason,
                    intent,
                };
                (self.wait(action, wait).await?, "waits")
            }
            Ended::ClaimLost => return Ok(Hold::Lost),
        };
        if hold == Hold::Held {
            let took = Duration::try_from(self.clock.now().duration_since(began));
            self.metrics
                .count_attempt(action.plan.kind(), outcome, took.unwrap_or_default());
        }
        Ok(hold)
    }

    async fn finish(&self, action: &Action, outcome: Outcome) -> Result<Hold, StoreError> {
        info!("done");
        let (claim, event, now) = (action.claim, action.event, self.clock.now());
        let finish = self.db.write(move |sql| {
            let hold = outbox::finish(sql, claim, &outcome, now)?;
            Ok((hold, inbox::received_at(sql, event)?))
        });
        let (hold, received_at) = finish.await?;
        if hold == Hold::Held {
            let delay = Duration::try_from(now.duration_since(received_at));
            self.metrics
                .observe_delay(action.plan.kind(), delay.unwrap_or_default());
        }
        Ok(hold)
    }

    /// Lets a failed action wait for its next attempt, unless the attempts are used up.
    async fn try_again(
        &self,
        action: &Action,
        reason: String,
        intent: Option<Intent>,
        shortest: Duration,
    ) -> Result<(Hold, &'static str), StoreError> {
        let failures = action.failures + 1;
        if failures >= self.max_attempts {
            let reason = format!("{failures} attempts failed; the last one: {reason}");
            let hold = self.give_up(action, "attempts_used_up", reason).await?;
            return Ok((hold, "dead"));
        }
        let wait = backoff(failures, fastrand::f64()).max(shortest);
        warn!(reason, wait_ms = wait.as_millis(), "the attempt failed");
        let wait = Wait {
            until: self.clock.now() + wait,
            failures,
            reason,
            intent,
        };
        Ok((self.wait(action, wait).await?, "failed"))
    }

    async fn wait(&self, action: &Action, wait: Wait) -> Result<Hold, StoreError> {
        let claim = action.claim;
        self.db
            .write(move |sql| outbox::wait(sql, claim, &wait))
            .await
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
