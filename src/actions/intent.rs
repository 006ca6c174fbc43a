//! Intents: what is stored before a call to the portal that must not be repeated blindly.
//!
//! An attempt stores the intent of each action before it calls the portal. If the attempt crashes, or the
//! response is lost, the next attempt finds the intent and has to reconcile it before it calls again: find
//! out by the effect whether the call was applied, and take a missing effect as proof only when neither the
//! request nor its operation can be under way (after [`Intent::in_flight_until`]). A kind whose call is harmless to
//! repeat, such as `comment`, needs no intent.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::db::StoreError;
use crate::docspace::{self, Error, WriteOutcome};
use crate::outbox::{self, Action, Claim, ClaimStatus, Intent};

use super::attempt::{AttemptOutcome, Context, Outcomes};
use super::portal_error::failed_call;

/// How long the portal may process a request after the client stopped waiting for the response. Its nginx
/// waits for 60 s, and the service behind it may continue for a while (docs/DOCSPACE.md 4.3).
const PORTAL_REQUEST_LIMIT: Duration = Duration::from_mins(2);

/// The longest time between two searches for the effect of a call, in seconds.
const MAX_SEARCH_INTERVAL_S: i64 = 64;

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

    /// Keeps the intent after a search that began at this time of the portal's clock and found no effect.
    pub(super) fn search_again(
        self,
        context: &Context<'_>,
        searched_at: Timestamp,
        reason: &str,
    ) -> (&'a Action, AttemptOutcome) {
        let age = searched_at.duration_since(self.intent.at);
        let wait = search_wait(context.clock.now(), age);
        let intent = Intent {
            searched_until: Some(searched_at),
            ..self.intent
        };
        Self { intent, ..self }.postpone(reason, wait)
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
        let intent = in_flight_until(context, error).map(|in_flight_until| Intent {
            in_flight_until,
            ..self.intent
        });
        (self.action, failed_call(context, error, intent))
    }
}

/// Until when a failed call may be in flight, by the portal's clock; `None` if it was not applied.
pub(super) fn in_flight_until(context: &Context<'_>, error: &Error) -> Option<Timestamp> {
    let now = context.portal.portal_time();
    match error.write_outcome() {
        WriteOutcome::NotApplied => None,
        WriteOutcome::Unknown => Some(now),
        WriteOutcome::InFlight => Some(now + PORTAL_REQUEST_LIMIT),
    }
}

/// The intent of a call that is about to be made. The request is sent before the claim expires, or not at all.
pub(super) fn new(context: &Context<'_>) -> Intent {
    let now = context.portal.portal_time();
    Intent {
        at: now,
        in_flight_until: now + context.lease + docspace::WRITE_TIMEOUT + PORTAL_REQUEST_LIMIT,
        operation: None,
        searched_until: None,
    }
}

/// The wait before the next search for the effect of a call of this age. The searches become rarer with the
/// age, and are due at multiples of the interval, so that those for several calls share a listing.
fn search_wait(now: Timestamp, age: SignedDuration) -> Duration {
    let seconds = age.as_secs().clamp(1, MAX_SEARCH_INTERVAL_S);
    let interval_ms = 1_000 * (1_i64 << seconds.ilog2());
    let wait_ms = interval_ms - now.as_millisecond().rem_euclid(interval_ms);
    Duration::from_millis(wait_ms.unsigned_abs())
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
    let unconfirmed: Vec<Unconfirmed<'_>> = unconfirmed.collect();
    let claims: Vec<Claim> = unconfirmed.iter().map(|one| one.action.claim).collect();
    let stored = intent.clone();
    let written = context.db.write(move |sql| {
        let written = claims
            .iter()
            .map(|claim| outbox::store_intent(sql, *claim, &stored));
        written.collect::<Result<Vec<_>, _>>()
    });
    let mut held = Vec::with_capacity(unconfirmed.len());
    for (one, status) in unconfirmed.into_iter().zip(written.await?) {
        match status {
            ClaimStatus::Current => held.push(one),
            ClaimStatus::Lost => ended.push((one.action, AttemptOutcome::ClaimLost)),
        }
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_become_rarer_and_fall_together() {
        let check = |age_s: i64, now_ms: i64, wait_ms: u64| {
            let now = Timestamp::from_millisecond(now_ms).unwrap();
            let wait = search_wait(now, SignedDuration::from_secs(age_s));
            assert_eq!(wait.as_millis(), u128::from(wait_ms), "{age_s} s, {now_ms}");
        };
        check(-5, 1_000, 1_000);
        check(0, 1_300, 700);
        check(3, 1_300, 700);
        check(3, 2_000, 2_000);
        check(63, 2_000, 30_000);
        check(64, 2_000, 62_000);
        check(900, 100_000, 28_000);
        check(900, 128_000, 64_000);
    }
}
