//! One attempt: runs what was claimed together and writes down what became of each action.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tracing::{Instrument as _, Span, info, info_span, warn};

use crate::actions::{self, AttemptOutcome, Context};
use crate::db::{Sql, SqlError, StoreError};
use crate::ids::InboxId;
use crate::inbox;
use crate::outbox::{self, Action, ActionResult, Claim, ClaimStatus, Intent, Reschedule};

use super::{ClaimedBatch, LEASE, Worker, backoff, log_store_error};

/// How long an action waits for a portal that is left alone before the breaker is asked again.
const WAIT_FOR_PORTAL: Duration = Duration::from_secs(1);

/// How long between two tries to write to a store that refuses, as one without room does.
const TRY_STORE_AGAIN: Duration = Duration::from_secs(1);

/// What is written down about the end of one attempt.
#[derive(Clone, Debug)]
enum End {
    Finish(ActionResult),
    Wait(Reschedule),
    /// The same, with what the attempt itself wrote down of its call.
    WaitWithStoredIntent(Reschedule),
    GiveUp {
        code: &'static str,
        reason: String,
    },
    Nothing,
}

impl Worker {
    /// Runs one attempt at what was claimed. An attempt that panics has failed; the worker goes on.
    pub(super) async fn attempt(&self, work: ClaimedBatch) {
        let actions = &work.actions;
        let span = if let [action] = &actions[..] {
            span_of(action)
        } else {
            info_span!(
                "batch",
                action.kind = actions.first().map(|action| action.plan.kind().as_str()),
                actions = actions.len(),
            )
        };
        let began = self.clock.now();
        let recorded = match self.execute(actions).instrument(span).await {
            Ok(ends) => self.record_ends(ends, began).await,
            Err(error) => Err(error),
        };
        let telling = actions
            .iter()
            .filter(|action| !action.plan.is_file_work())
            .count();
        self.telling.fetch_sub(telling, Ordering::Relaxed);
        match recorded {
            Ok(()) => self.wake.outbox.notify_one(),
            Err(error) => {
                log_store_error(&error);
                let claims = actions.iter().map(|action| action.claim).collect();
                self.let_go(claims).await;
            }
        }
    }

    /// Ends the claims of an attempt that could not be written down, as soon as the store can be written
    /// to; without that they end with their lease. The next attempt settles what this one left open.
    async fn let_go(&self, claims: Vec<Claim>) {
        let let_go = async {
            loop {
                let now = self.clock.now();
                let claims = claims.clone();
                let write = self.db.write(move |sql| {
                    let renew = |claim: &Claim| outbox::renew(sql, *claim, now);
                    claims.iter().map(renew).collect::<Result<Vec<_>, _>>()
                });
                match write.await {
                    Ok(_) | Err(StoreError::Closed) => return,
                    Err(_) => tokio::time::sleep(TRY_STORE_AGAIN).await,
                }
            }
        };
        if tokio::time::timeout(LEASE, let_go).await.is_ok() {
            self.wake.outbox.notify_one();
        }
    }

    async fn execute<'a>(
        &self,
        actions: &'a [Action],
    ) -> Result<Vec<(&'a Action, AttemptOutcome)>, StoreError> {
        let context = Context {
            db: &self.db,
            portal: &self.portal,
            channels: &self.channels,
            clock: &self.clock,
            failpoints: &self.failpoints,
            lease: LEASE,
        };
        AssertUnwindSafe(actions::run(&context, actions))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| {
                let panicked = actions
                    .iter()
                    .map(|action| (action, AttemptOutcome::Panicked));
                Ok(panicked.collect())
            })
    }

    /// Writes down how the attempt at each action ended, all in one commit.
    async fn record_ends(
        &self,
        ends: Vec<(&Action, AttemptOutcome)>,
        began: Timestamp,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut outcomes = Vec::with_capacity(ends.len());
        let mut writes = Vec::with_capacity(ends.len());
        for (action, ended) in ends {
            let (end, outcome) = span_of(action).in_scope(|| self.end(action, ended));
            outcomes.push((action, outcome));
            writes.push((action.claim, action.event, end));
        }
        let written = self.db.write(move |sql| {
            let write =
                |(claim, event, end): &(Claim, InboxId, End)| write(sql, *claim, *event, end, now);
            writes.iter().map(write).collect::<Result<Vec<_>, _>>()
        });
        let took = Duration::try_from(now.duration_since(began)).unwrap_or_default();
        for ((action, outcome), (hold, received_at)) in outcomes.into_iter().zip(written.await?) {
            let kind = action.plan.kind().as_str();
            if hold == ClaimStatus::Lost {
                let lost = || warn!("the claim on the action was lost; another attempt has it");
                span_of(action).in_scope(lost);
                continue;
            }
            self.metrics.count_attempt(kind, outcome, took);
            if let Some(received_at) = received_at {
                let delay = Duration::try_from(now.duration_since(received_at));
                self.metrics.observe_delay(kind, delay.unwrap_or_default());
            }
        }
        Ok(())
    }

    /// What is to be written down, and the word for it.
    fn end(&self, action: &Action, ended: AttemptOutcome) -> (End, &'static str) {
        match ended {
            AttemptOutcome::Done(outcome) => {
                info!("done");
                (End::Finish(outcome), "done")
            }
            AttemptOutcome::Dead { code, reason } => {
                warn!(code, reason, "given up; the action is a dead letter");
                (End::GiveUp { code, reason }, "dead")
            }
            AttemptOutcome::Failed { reason, intent } => {
                match self.next_attempt(action, reason, intent, Duration::ZERO) {
                    Ok(wait) => (End::Wait(wait), "failed"),
                    Err(given_up) => (given_up, "dead"),
                }
            }
            AttemptOutcome::Panicked => {
                let reason = "the attempt panicked".to_owned();
                match self.next_attempt(action, reason, None, Duration::ZERO) {
                    Ok(wait) => (End::WaitWithStoredIntent(wait), "failed"),
                    Err(given_up) => (given_up, "dead"),
                }
            }
            AttemptOutcome::RetryAfter { reason, wait } => {
                match self.next_attempt(action, reason, None, wait) {
                    Ok(wait) => (End::Wait(wait), "failed"),
                    Err(given_up) => (given_up, "dead"),
                }
            }
            AttemptOutcome::Postponed {
                reason,
                wait,
                intent,
            } => {
                info!(reason, "the action waits");
                let wait = Reschedule {
                    until: self.clock.now() + wait.unwrap_or(WAIT_FOR_PORTAL),
                    failures: action.failures,
                    reason,
                    intent,
                };
                (End::Wait(wait), "waits")
            }
            AttemptOutcome::ClaimLost => (End::Nothing, "lost"),
        }
    }

    /// Until when a failed action waits for its next attempt; its end, when the attempts are used up.
    fn next_attempt(
        &self,
        action: &Action,
        reason: String,
        intent: Option<Intent>,
        shortest: Duration,
    ) -> Result<Reschedule, End> {
        let failures = action.failures + 1;
        if failures >= self.max_attempts {
            let code = "attempts_used_up";
            let reason = format!("{failures} attempts failed; the last one: {reason}");
            warn!(code, reason, "given up; the action is a dead letter");
            return Err(End::GiveUp { code, reason });
        }
        let wait = backoff(failures, fastrand::f64()).max(shortest);
        warn!(reason, wait_ms = wait.as_millis(), "the attempt failed");
        Ok(Reschedule {
            until: self.clock.now() + wait,
            failures,
            reason,
            intent,
        })
    }
}

fn span_of(action: &Action) -> Span {
    info_span!(
        "attempt",
        event.id = action.event.0,
        rule.name = action.rule,
        action.id = action.claim.action.0,
        action.kind = action.plan.kind().as_str(),
        attempt = action.claim.attempt,
    )
}

/// Writes down one end. Returns with it when the event of an action came that is done.
fn write(
    sql: &Sql,
    claim: Claim,
    event: InboxId,
    end: &End,
    now: Timestamp,
) -> Result<(ClaimStatus, Option<Timestamp>), SqlError> {
    let hold = match end {
        End::Finish(outcome) => {
            let hold = outbox::finish(sql, claim, outcome, now)?;
            return Ok((hold, Some(inbox::received_at(sql, event)?)));
        }
        End::Wait(wait) => outbox::reschedule(sql, claim, wait)?,
        End::WaitWithStoredIntent(wait) => {
            let wait = Reschedule {
                intent: outbox::stored_intent(sql, claim)?,
                ..wait.clone()
            };
            outbox::reschedule(sql, claim, &wait)?
        }
        End::GiveUp { code, reason } => outbox::give_up(sql, claim, code, reason, now)?,
        End::Nothing => ClaimStatus::Lost,
    };
    Ok((hold, None))
}
