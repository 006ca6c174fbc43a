//! Intents: what is stored before a call to the portal that must not be repeated blindly.
//!
//! An attempt stores the intent of each action before it calls the portal. If the attempt crashes, or the
//! response is lost, the next attempt finds the intent and has to reconcile it before it calls again: find
//! out by the effect whether the call was applied, and take a missing effect as proof only after
//! [`Intent::settle_after`]. A kind whose call is harmless to repeat, such as `comment`, needs no intent.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::db::{Sql, SqlError, StoreError};
use crate::docspace::{Error, WriteOutcome};
use crate::outbox::{self, Action, Claim, ClaimStatus, Intent};

use super::attempt::{AttemptOutcome, Context, Outcomes};
use super::portal_error::failed_call;

/// How long the portal may still be processing a request whose response was lost.
const REQUEST_IN_FLIGHT: Duration = Duration::from_secs(10);

/// How soon an unconfirmed action is reconciled again.
pub(super) const RECONCILE_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// An action whose call was made, or may have been made.
#[derive(Clone, Debug)]
pub(super) struct Unconfirmed<'a> {
    pub(super) action: &'a Action,
    pub(super) intent: Intent,
}

impl<'a> Unconfirmed<'a> {
    /// Keeps the intent and lets the action wait before it is reconciled again.
    pub(super) fn postpone(self, reason: &str, wait: Duration) -> (&'a Action, AttemptOutcome) {
        let outcome = AttemptOutcome::Postponed {
            reason: reason.to_owned(),
            wait: Some(wait),
            intent: Some(self.intent),
        };
        (self.action, outcome)
    }

    /// Keeps the intent: the portal could not be queried for what became of the call.
    pub(super) fn query_failed(
        self,
        context: &Context<'_>,
        error: &Error,
    ) -> (&'a Action, AttemptOutcome) {
        let outcome = failed_call(context, error, Some(self.intent));
        (self.action, outcome)
    }

    /// The outcome when the call itself failed; the intent is kept if the call may have been applied.
    pub(super) fn call_failed(
        self,
        context: &Context<'_>,
        error: &Error,
    ) -> (&'a Action, AttemptOutcome) {
        let now = context.clock.now();
        let settle_after = match error.write_outcome() {
            WriteOutcome::NotApplied => None,
            WriteOutcome::Unknown => Some(now),
            WriteOutcome::InFlight => Some(now + REQUEST_IN_FLIGHT),
        };
        let intent = settle_after.map(|settle_after| Intent {
            settle_after,
            ..self.intent
        });
        (self.action, failed_call(context, error, intent))
    }
}

/// The intent of a call that is about to be made.
pub(super) fn new(now: Timestamp) -> Intent {
    Intent {
        at: now,
        settle_after: now + REQUEST_IN_FLIGHT,
        operation: None,
    }
}

/// Stores the intent of each action in one commit. Actions whose claim is lost end there.
pub(super) async fn store<'a>(
    context: &Context<'_>,
    actions: impl IntoIterator<Item = &'a Action>,
    intent: &Intent,
    ended: &mut Outcomes<'a>,
) -> Result<Vec<Unconfirmed<'a>>, StoreError> {
    let unconfirmed = actions.into_iter().map(|action| Unconfirmed {
        action,
        intent: intent.clone(),
    });
    let stored = Arc::new(intent.clone());
    let write = move |sql: &Sql, claim| outbox::store_intent(sql, claim, &stored);
    write_to_claims(context, unconfirmed.collect(), ended, write).await
}

/// Extends the claim on each action. Actions whose claim is lost end there.
pub(super) async fn renew_claims<'a>(
    context: &Context<'_>,
    unconfirmed: Vec<Unconfirmed<'a>>,
    ended: &mut Outcomes<'a>,
) -> Result<Vec<Unconfirmed<'a>>, StoreError> {
    let until = context.clock.now() + context.lease;
    let write = move |sql: &Sql, claim| outbox::renew(sql, claim, until);
    write_to_claims(context, unconfirmed, ended, write).await
}

/// Writes to each claim in one commit and returns the actions whose claim is still held.
async fn write_to_claims<'a>(
    context: &Context<'_>,
    unconfirmed: Vec<Unconfirmed<'a>>,
    ended: &mut Outcomes<'a>,
    write: impl Fn(&Sql, Claim) -> Result<ClaimStatus, SqlError> + Send + 'static,
) -> Result<Vec<Unconfirmed<'a>>, StoreError> {
    if unconfirmed.is_empty() {
        return Ok(unconfirmed);
    }
    let claims: Vec<Claim> = unconfirmed.iter().map(|one| one.action.claim).collect();
    let written = context.db.write(move |sql| {
        let written = claims.iter().map(|claim| write(sql, *claim));
        written.collect::<Result<Vec<_>, _>>()
    });
    let mut held = Vec::with_capacity(unconfirmed.len());
    for (one, status) in unconfirmed.into_iter().zip(written.await?) {
        match status {
            ClaimStatus::Held => held.push(one),
            ClaimStatus::Lost => ended.push((one.action, AttemptOutcome::ClaimLost)),
        }
    }
    Ok(held)
}
