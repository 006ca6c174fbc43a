//! Submit: makes one call for a group of files.
//!
//! The intent of each file is stored before the call and the operation's id after it, so that an attempt
//! after a crash knows what to reconcile before it calls again.

use crate::actions::attempt::{Context, Outcomes};
use crate::actions::failpoint::Failpoint;
use crate::actions::intent::{self, Unconfirmed};
use crate::actions::poll_schedule;
use crate::db::StoreError;
use crate::docspace::{Error, Operation};
use crate::ids::FileId;
use crate::outbox::{Action, Intent};

use super::group::{Group, IfRefused, StepResult, Transfer};
use super::{diagnose, refused_batch};

/// Asks the portal to copy or move the files.
pub(super) async fn submit<'a>(
    context: &Context<'_>,
    transfer: Transfer<'_>,
    actions: Vec<&'a Action>,
    if_refused: IfRefused,
) -> Result<StepResult<'a>, StoreError> {
    let (intent, stored_at) = (intent::new(context), context.clock.now());
    let mut ended = Outcomes::new();
    let files = intent::store(context, actions, &intent, &mut ended).await?;
    if files.is_empty() {
        return Ok(StepResult::ended(ended));
    }
    context.failpoints.pass(Failpoint::BeforeCall).await;
    let ids: Vec<&FileId> = files.iter().map(|file| &file.action.file).collect();
    let Transfer { kind, to, conflict } = transfer;
    let claims = files.iter().map(|file| file.action.claim).collect();
    let may_send = async {
        // Later than that, the intent no longer says how long the request may be in flight.
        let age = context.clock.now().duration_since(stored_at).unsigned_abs();
        context.holds_claims(claims).await && age < context.lease
    };
    let started = context
        .portal
        .operations()
        .start(kind, &ids, to, conflict, may_send)
        .await;
    context.failpoints.pass(Failpoint::AfterResponse).await;
    let mut step = match started {
        Ok(Some(operation)) => accepted(context, files, intent, operation).await?,
        Ok(None) => {
            let reason = "the portal accepted the operation without naming it";
            let files = files.into_iter();
            StepResult::ended(files.map(|file| file.postpone(reason, poll_schedule::SHORT_WAIT)))
        }
        Err(error) => failed(context, transfer, files, if_refused, &error).await,
    };
    step.ended.extend(ended);
    Ok(step)
}

/// Stores the operation's id; the operation is watched next.
async fn accepted<'a>(
    context: &Context<'_>,
    files: Vec<Unconfirmed<'a>>,
    intent: Intent,
    operation: Operation,
) -> Result<StepResult<'a>, StoreError> {
    let intent = Intent {
        operation: Some(operation.id.clone()),
        ..intent
    };
    let mut ended = Outcomes::new();
    let actions = files.into_iter().map(|file| file.action);
    let files = intent::store(context, actions, &intent, &mut ended).await?;
    context.failpoints.pass(Failpoint::OperationStored).await;
    Ok(StepResult {
        ended,
        remaining: vec![Group::Watch { files, operation }],
    })
}

/// What a failed call means for its files. A refused call was not applied; the other errors may hide an
/// effect.
async fn failed<'a>(
    context: &Context<'_>,
    transfer: Transfer<'_>,
    files: Vec<Unconfirmed<'a>>,
    if_refused: IfRefused,
    error: &Error,
) -> StepResult<'a> {
    let actions: Vec<&Action> = files.iter().map(|file| file.action).collect();
    match (error, &actions[..]) {
        (Error::Forbidden | Error::NotFound, [action]) => {
            let outcome = diagnose::refused_file(context, transfer, action, error).await;
            StepResult::ended([(*action, outcome)])
        }
        (Error::Forbidden | Error::NotFound, [_, _, ..]) if if_refused == IfRefused::FindCauses => {
            refused_batch::find_causes(context, transfer, actions).await
        }
        (Error::Forbidden | Error::NotFound | Error::Refused { .. }, [_, _, ..]) => {
            refused_batch::bisect(actions)
        }
        _ => {
            let files = files.into_iter();
            StepResult::ended(files.map(|file| file.call_failed(context, error)))
        }
    }
}
