//! Operations on one file or room that the entry itself shows, such as a move to the trash.
//!
//! The entry is read first, and an operation that it shows counts as done. Otherwise the intent is stored, the call is
//! made, and its operation is followed to its end, after which the entry decides again. To repeat the call can destroy
//! something, so a missing effect allows that only when neither the request nor its operation can be under way.

use std::time::Instant;

use crate::db::StoreError;
use crate::docspace::{Client, Error, Operation, OperationNumber, OperationState};
use crate::outbox::{Action, ActionResult, Intent};

use super::attempt::{AttemptOutcome, Context, Outcomes};
use super::failpoint::Failpoint;
use super::in_flight::{UnknownOperation, still_possible, unknown_operation};
use super::intent::{self, Unconfirmed};
use super::poll_schedule::{PollSchedule, SHORT_WAIT};
use super::portal_error::{operation_failure, refused_without_cause};

/// Why an operation whose end was not seen has failed.
const RESULT_MISSING: &str =
    "the operation ended without effect, and its result is no longer there";

/// What an entry shows of an operation.
pub(super) enum Shown {
    /// It is done.
    Done(ActionResult),
    /// It cannot be started at present, or at all.
    Prevented(AttemptOutcome),
    /// Nothing prevents it. Whether the key's user may start it, if the portal says so.
    Possible(Option<bool>),
}

/// An operation on one entry.
pub(super) trait EntryOperation: Sync {
    /// Its kind.
    const NUMBER: OperationNumber;

    /// What the key's user is not allowed to do if the portal refuses it, such as "delete the file".
    const VERB: &'static str;

    /// Reads the entry.
    fn look(&self, context: &Context<'_>) -> impl Future<Output = Shown> + Send;

    /// Starts it; `None` if the portal did not name it.
    fn start(
        &self,
        portal: &Client,
        may_send: impl Future<Output = bool> + Send,
    ) -> impl Future<Output = Result<Option<Operation>, Error>> + Send;

    /// The outcome of an operation that has ended and left the entry as it was.
    fn unchanged(&self, reason: String) -> AttemptOutcome {
        AttemptOutcome::failed(reason)
    }
}

/// Makes an attempt at an operation.
pub(super) async fn operate<O: EntryOperation>(
    context: &Context<'_>,
    action: &Action,
    operation: &O,
) -> Result<AttemptOutcome, StoreError> {
    let Some(intent) = &action.intent else {
        return Ok(match operation.look(context).await {
            Shown::Done(result) => AttemptOutcome::Done(result),
            Shown::Prevented(outcome) => outcome,
            Shown::Possible(_) => submit(context, action, operation).await?,
        });
    };
    let earlier = Unconfirmed {
        action,
        intent: intent.clone(),
    };
    reconcile(context, earlier, operation).await
}

/// Finds out what became of the call of an earlier attempt. Its operation is read before the entry, because it may end
/// in between.
async fn reconcile<O: EntryOperation>(
    context: &Context<'_>,
    earlier: Unconfirmed<'_>,
    operation: &O,
) -> Result<AttemptOutcome, StoreError> {
    let began_at = context.portal.portal_time();
    let possible = |intent: &Intent| still_possible(intent, began_at);
    let mut in_flight = possible(&earlier.intent);
    match (&earlier.intent.operation, earlier.intent.searched_until) {
        (Some(id), None) => match context.portal.operations().get(id).await {
            Ok(Some(found)) => return Ok(watch(context, earlier, operation, found).await),
            Ok(None) => {}
            Err(error) => return Ok(earlier.query_failed(context, &error).1),
        },
        (None, _) if in_flight.is_none() => match unknown_operation(context, O::NUMBER).await? {
            UnknownOperation::None => {}
            UnknownOperation::Pending => {
                in_flight = Some("the portal is running an operation that may be this one");
            }
            UnknownOperation::QueryFailed(error) => {
                return Ok(earlier.query_failed(context, &error).1);
            }
        },
        _ => {}
    }
    let shown = operation.look(context).await;
    // The reads may have corrected what is known of the portal's clock.
    let now = context.portal.portal_time();
    let in_flight = in_flight.or_else(|| still_possible(&earlier.intent, now));
    Ok(match (shown, in_flight) {
        (Shown::Done(result), _) => AttemptOutcome::Done(result),
        (Shown::Prevented(outcome), None) => outcome,
        (Shown::Prevented(AttemptOutcome::Busy { .. }) | Shown::Possible(_), Some(reason)) => {
            earlier.search_again(context, began_at, reason).1
        }
        (Shown::Prevented(outcome), Some(_)) => outcome.keeping(Some(earlier.intent)),
        (Shown::Possible(_), None) => submit(context, earlier.action, operation).await?,
    })
}

async fn submit<O: EntryOperation>(
    context: &Context<'_>,
    action: &Action,
    operation: &O,
) -> Result<AttemptOutcome, StoreError> {
    let (intent, stored_at) = (intent::new(context), context.clock.now());
    let Some(stored) = store(context, action, intent).await? else {
        return Ok(AttemptOutcome::ClaimLost);
    };
    context.failpoints.pass(Failpoint::BeforeCall).await;
    let may_send = async {
        // Later than that, the intent no longer says how long the request may be in flight.
        let age = context.clock.now().duration_since(stored_at).unsigned_abs();
        context.holds_claims(vec![action.claim]).await && age < context.lease
    };
    let started = operation.start(context.portal, may_send).await;
    context.failpoints.pass(Failpoint::AfterResponse).await;
    match started {
        Ok(Some(started)) => {
            let intent = Intent {
                operation: Some(started.id.clone()),
                ..stored.intent
            };
            let Some(stored) = store(context, action, intent).await? else {
                return Ok(AttemptOutcome::ClaimLost);
            };
            context.failpoints.pass(Failpoint::OperationStored).await;
            Ok(watch(context, stored, operation, started).await)
        }
        Ok(None) => {
            let reason = "the portal accepted the operation without naming it";
            Ok(stored.postpone(reason, SHORT_WAIT).1)
        }
        Err(Error::Forbidden | Error::NotFound) => Ok(refused(context, action, operation).await),
        Err(error) => Ok(stored.call_failed(context, &error).1),
    }
}

/// Stores the intent; `None` if the claim is lost.
async fn store<'a>(
    context: &Context<'_>,
    action: &'a Action,
    intent: Intent,
) -> Result<Option<Unconfirmed<'a>>, StoreError> {
    let mut ended = Outcomes::new();
    let held = intent::store(context, [action], &intent, &mut ended).await?;
    Ok(held.into_iter().next())
}

/// The outcome of a call that was refused with 403, which means "no right" as well as "busy", or with 404.
async fn refused<O: EntryOperation>(
    context: &Context<'_>,
    action: &Action,
    operation: &O,
) -> AttemptOutcome {
    let no_right = || {
        let verb = O::VERB;
        AttemptOutcome::no_right(format!("this key's user may not {verb}"))
    };
    match operation.look(context).await {
        Shown::Done(result) => AttemptOutcome::Done(result),
        Shown::Prevented(outcome) => outcome,
        Shown::Possible(Some(false)) => no_right(),
        Shown::Possible(_) => refused_without_cause(action, no_right),
    }
}

/// Follows the operation to its end, after which the entry shows what became of it.
async fn watch<O: EntryOperation>(
    context: &Context<'_>,
    call: Unconfirmed<'_>,
    operation: &O,
    mut running: Operation,
) -> AttemptOutcome {
    let started = Instant::now();
    let mut polls = PollSchedule::soon(context.operation_time);
    let reason = loop {
        if let OperationState::Ended(results) = running.state {
            polls.ended();
            break Some(operation_failure(results.error.as_deref()));
        }
        tokio::time::sleep(polls.next_wait(started.elapsed(), fastrand::f64())).await;
        running = match context.portal.operations().get(&running.id).await {
            Ok(Some(running)) => running,
            // Another reader took the result, or the portal dropped it.
            Ok(None) => break None,
            Err(error) => return call.query_failed(context, &error).1,
        };
    };
    let looked_at = context.portal.portal_time();
    let in_flight = match reason {
        Some(_) => None,
        None => still_possible(&call.intent, looked_at),
    };
    match (operation.look(context).await, in_flight) {
        (Shown::Done(result), _) => {
            context.failpoints.pass(Failpoint::BeforeFinish).await;
            AttemptOutcome::Done(result)
        }
        (Shown::Possible(_), Some(reason)) => call.search_again(context, looked_at, reason).1,
        (Shown::Prevented(outcome), Some(_)) => outcome.keeping(Some(call.intent)),
        (Shown::Prevented(outcome), None) => outcome,
        (Shown::Possible(_), None) => {
            operation.unchanged(reason.unwrap_or_else(|| RESULT_MISSING.to_owned()))
        }
    }
}
