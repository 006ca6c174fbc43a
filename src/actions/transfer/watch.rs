//! Watch: follows an operation to its end, and finds out for each of its files what became of it.

use std::time::Instant;

use crate::actions::attempt::{AttemptOutcome, Context, Outcomes};
use crate::actions::intent::Unconfirmed;
use crate::actions::poll_schedule::PollSchedule;
use crate::actions::portal_error::{failed_call, operation_failure};
use crate::db::StoreError;
use crate::docspace::{Conflict, Operation, OperationState, Results};
use crate::ids::FileId;
use crate::outbox::{Action, ActionResult, Priority};

use super::attribute::attribute;
use super::group::{StepResult, Transfer};
use super::{diagnose, effect};
use crate::actions::portal_view::PortalView;

/// The reason of a failed attempt whose operation ended unseen and left no effect.
const RESULT_MISSING: &str =
    "the operation ended without effect, and its result is no longer there";

/// The note on an action that is done because there was nothing to do.
const SKIPPED: &str = "skipped, as the rule asks: the destination contains a file with this title";

/// Polls the operation until it has ended.
pub(super) async fn watch<'a>(
    context: &Context<'_>,
    transfer: Transfer<'_>,
    files: Vec<Unconfirmed<'a>>,
    mut operation: Operation,
) -> Result<StepResult<'a>, StoreError> {
    let mut ended = Outcomes::new();
    let started = Instant::now();
    let mut polls = poll_schedule(context, &files);
    while !files.is_empty() {
        if let OperationState::Ended(results) = operation.state {
            polls.ended();
            ended.extend(read_results(context, transfer, files, results).await?);
            break;
        }
        tokio::time::sleep(polls.next_wait(started.elapsed(), fastrand::f64())).await;
        operation = match context.portal.operations().get(&operation.id).await {
            Ok(Some(operation)) => operation,
            Ok(None) => {
                // Another reader took the result, or the portal dropped it.
                let now = context.portal.portal_time();
                let effects = effect::inspect(context, transfer, files, now).await?;
                ended.extend(effects.fail_not_applied(RESULT_MISSING));
                break;
            }
            Err(error) => {
                let files = files.into_iter();
                ended.extend(files.map(|file| file.query_failed(context, &error)));
                break;
            }
        };
    }
    Ok(StepResult::ended(ended))
}

fn poll_schedule<'a>(context: &Context<'a>, files: &[Unconfirmed<'_>]) -> PollSchedule<'a> {
    let is_live = |file: &Unconfirmed<'_>| file.action.priority == Priority::Live;
    if files.iter().any(is_live) {
        PollSchedule::soon(context.operation_time)
    } else {
        PollSchedule::with_few_polls(files.len())
    }
}

/// The outcome of each file of an operation that has ended with these results.
async fn read_results<'a>(
    context: &Context<'_>,
    transfer: Transfer<'_>,
    files: Vec<Unconfirmed<'a>>,
    results: Results,
) -> Result<Outcomes<'a>, StoreError> {
    let actions: Vec<&Action> = files.iter().map(|file| file.action).collect();
    let Some(attributed) = attribute(&actions, transfer, &results) else {
        let reason = operation_failure(results.error.as_deref());
        let now = context.portal.portal_time();
        let effects = effect::inspect(context, transfer, files, now).await?;
        return Ok(effects.fail_not_applied(&reason));
    };
    let mut ended = Outcomes::with_capacity(actions.len());
    let mut not_handled = Vec::new();
    for (action, result) in actions.into_iter().zip(attributed) {
        match result {
            Some(file) => ended.push((action, AttemptOutcome::done_with(file))),
            None => not_handled.push(action),
        }
    }
    let mut view = PortalView::new(context.portal, transfer.to);
    let ids: Vec<&FileId> = not_handled.iter().map(|action| &action.file).collect();
    // Files that cannot be read now are read again below, where their errors count.
    let _ = view.load(&ids).await;
    for action in not_handled {
        let error = results.error.as_deref();
        let outcome = not_handled_outcome(context, transfer, &mut view, action, error).await;
        ended.push((action, outcome));
    }
    Ok(ended)
}

/// The outcome for a file that the operation did not handle. If the rule skips existing titles, that is
/// a success, but only if the title is seen to exist: some failures inside the portal look the same.
async fn not_handled_outcome(
    context: &Context<'_>,
    transfer: Transfer<'_>,
    view: &mut PortalView<'_>,
    action: &Action,
    error: Option<&str>,
) -> AttemptOutcome {
    if error.is_none() && transfer.conflict == Conflict::Skip {
        match view.existing_file(action).await {
            Ok(Some(_)) => {
                return AttemptOutcome::Done(ActionResult {
                    note: Some(SKIPPED.to_owned()),
                    ..ActionResult::default()
                });
            }
            Ok(None) => {}
            Err(error) => return failed_call(context, &error, None),
        }
    }
    let reason = operation_failure(error);
    diagnose::failed_operation(context, transfer, view, action, reason).await
}
