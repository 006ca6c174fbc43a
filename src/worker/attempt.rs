//! One attempt: runs what was claimed together, and records how it ended for each action.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tracing::{Instrument as _, Span, info_span};

use crate::actions::failpoint::Failpoints;
use crate::actions::{self, AttemptOutcome, Context, OperationTime, Outcomes, RoomReaders};
use crate::clock::Clock;
use crate::db::{Db, Sql, StoreError};
use crate::docspace::{self, Client};
use crate::metrics::Metrics;
use crate::notify::Channels;
use crate::outbox::{self, Action, Claim, ClaimStatus, IntentUpdate};
use crate::wake::Wake;

use super::progress::log_store_error;

mod record;

use record::Record;

/// How long a claim lasts without renewal; longer than the client waits for any response. Long enough for a few
/// renewals to fail, and short enough for another instance to take over soon from one that is gone.
pub(super) const LEASE: Duration = Duration::from_mins(2);
const _: () = assert!(LEASE.as_secs() > docspace::WRITE_TIMEOUT.as_secs());

/// How long between two writes to a store that refuses them, as one on a full disk does.
const STORE_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Runs attempts.
#[derive(Debug)]
pub(super) struct AttemptRunner {
    pub(super) db: Db,
    pub(super) portal: Arc<Client>,
    pub(super) channels: Channels,
    pub(super) clock: Clock,
    pub(super) wake: Arc<Wake>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) failpoints: Failpoints,
    pub(super) max_attempts: u32,
    pub(super) operation_time: OperationTime,
    pub(super) room_readers: RoomReaders,
    /// How often claims are renewed while an attempt runs.
    pub(super) renewal_interval: Duration,
}

impl AttemptRunner {
    /// Runs one attempt.
    pub(super) async fn run(&self, actions: &[Action]) {
        let span = if let [action] = actions {
            span_of(action)
        } else {
            info_span!(
                "batch",
                action.kind = actions.first().map(actions::kind_name),
                actions = actions.len(),
            )
        };
        let context = Context {
            db: &self.db,
            portal: &self.portal,
            channels: &self.channels,
            clock: &self.clock,
            failpoints: &self.failpoints,
            operation_time: &self.operation_time,
            room_readers: &self.room_readers,
            lease: LEASE,
        };
        let started = self.clock.now();
        let recorded = match self.execute(&context, actions).instrument(span).await {
            Ok(outcomes) => self.record(outcomes, started).await,
            Err(error) => Err(error),
        };
        match recorded {
            Ok(()) => self.wake.outbox.notify_one(),
            Err(error) => {
                log_store_error(&error);
                let claims = actions.iter().map(|action| action.claim).collect();
                self.release(claims).await;
            }
        }
    }

    /// Ends the claims of an attempt that could not be recorded, as soon as the store takes writes;
    /// until then they last as long as their lease. The next attempt reconciles what this one left open.
    async fn release(&self, claims: Vec<Claim>) {
        let release = async {
            loop {
                let now = self.clock.now();
                let claims = claims.clone();
                let write = self.db.write(move |sql| {
                    let release = |claim: &Claim| outbox::release(sql, *claim, now);
                    claims.iter().map(release).collect::<Result<Vec<_>, _>>()
                });
                match write.await {
                    Ok(_) | Err(StoreError::Closed) => return,
                    Err(_) => tokio::time::sleep(STORE_RETRY_INTERVAL).await,
                }
            }
        };
        if tokio::time::timeout(LEASE, release).await.is_ok() {
            self.wake.outbox.notify_one();
        }
    }

    /// Runs the attempt, which has failed if it panics, and keeps its claims meanwhile.
    async fn execute<'a>(
        &self,
        context: &'a Context<'a>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        let attempt = AssertUnwindSafe(actions::run(context, actions)).catch_unwind();
        let outcomes = tokio::select! {
            outcomes = attempt => outcomes,
            never = self.renew_claims(actions) => match never {},
        };
        outcomes.unwrap_or_else(|_| Ok(actions.iter().map(|action| (action, panicked())).collect()))
    }

    /// Renews the claims for as long as the attempt runs: also those of files that wait for others, and of files
    /// whose outcome is recorded at the end.
    async fn renew_claims(&self, actions: &[Action]) -> Infallible {
        let claims: Arc<[Claim]> = actions.iter().map(|action| action.claim).collect();
        loop {
            tokio::time::sleep(self.renewal_interval).await;
            let (claims, until) = (Arc::clone(&claims), self.clock.now() + LEASE);
            let renew = move |sql: &Sql| {
                let mut claims = claims.iter();
                claims.try_for_each(|claim| outbox::renew(sql, *claim, until).map(drop))
            };
            // An attempt cannot record its outcome either while the store fails, and logs that.
            let _ = self.db.write(renew).await;
        }
    }

    /// Records how the attempt ended for each action, all in one commit, then logs and counts it.
    async fn record(
        &self,
        outcomes: Vec<(&Action, AttemptOutcome)>,
        started: Timestamp,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (actions, records): (Vec<&Action>, Vec<Record>) = outcomes
            .into_iter()
            .map(|(action, outcome)| {
                let record = Record::new(action, outcome, self.max_attempts, now);
                (action, record)
            })
            .unzip();
        let keys: Vec<_> = actions.iter().map(|it| (it.claim, it.event)).collect();
        let records = Arc::new(records);
        let to_write = Arc::clone(&records);
        let written = self
            .db
            .write(move |sql| {
                let records = keys.iter().zip(to_write.iter());
                records
                    .map(|((claim, event), record)| record.write(sql, *claim, *event, now))
                    .collect::<Result<Vec<_>, _>>()
            })
            .await?;
        let duration = Duration::try_from(now.duration_since(started)).unwrap_or_default();
        for ((action, record), written) in actions.into_iter().zip(records.iter()).zip(written) {
            if written.claim == ClaimStatus::Lost {
                span_of(action).in_scope(|| Record::ClaimLost.log(now));
                continue;
            }
            span_of(action).in_scope(|| record.log(now));
            let kind = actions::kind_name(action);
            self.metrics.count_attempt(kind, record.label(), duration);
            if let Some(received_at) = written.event_received_at {
                let delay = Duration::try_from(now.duration_since(received_at));
                self.metrics.observe_delay(kind, delay.unwrap_or_default());
            }
        }
        Ok(())
    }
}

/// The outcome of an attempt that panicked; what it stored of its call stays.
fn panicked() -> AttemptOutcome {
    AttemptOutcome::Retry {
        reason: "the attempt panicked".to_owned(),
        intent: IntentUpdate::Keep,
        min_wait: Duration::ZERO,
    }
}

fn span_of(action: &Action) -> Span {
    info_span!(
        "attempt",
        event.id = action.event.0,
        rule.name = action.rule,
        action.id = action.claim.action.0,
        action.kind = actions::kind_name(action),
        attempt = action.claim.attempt,
    )
}
