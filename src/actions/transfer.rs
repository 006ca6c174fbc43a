//! Copy and move as one procedure, since the portal treats them alike (docs/DOCSPACE.md 4): a worklist of
//! groups of files, each in one of three phases.
//!
//! 1. *Reconcile* files whose earlier call may have been made: by the status of their operation, else by the
//!    operations under way and by the effect. Files without an effect go back to the list, to be submitted.
//! 2. *Submit* the other files: store their intents, make one call for all of them, store the operation's
//!    id. The group goes back to the list, to be watched. In a refused group, files with a visible
//!    cause end, and the others go back to the list.
//! 3. *Watch* the operation to its end and find out for each file what became of it.
//!
//! A step takes a group through one phase and returns the files that have ended and the groups that remain.
//! The steps of different groups run at the same time, so that a slow operation does not delay the calls for
//! other files.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Mutex;

use crate::db::StoreError;
use crate::outbox::Action;
use crate::results::{ResultName, Results};

use super::attempt::{AttemptOutcome, Context, Outcomes};
use super::failpoint::Failpoint;

mod below;
mod group;
mod kinds;

// The phases.
mod reconcile;
mod submit;
mod watch;

// What they use.
mod attribute;
mod diagnose;
mod effect;
mod expected_file;
mod refused_batch;

use group::{Group, IfRefused, StepResult, Transfer};
pub use kinds::{CopyTo, MoveTo};

/// Copies or moves the files, or finds out that an earlier attempt has done so.
async fn run<'a>(
    context: &Context<'_>,
    actions: Vec<&'a Action>,
    transfer: Transfer<'_>,
) -> Result<Outcomes<'a>, StoreError> {
    let mut outcomes = Vec::with_capacity(actions.len());
    let bisecting = Mutex::new(());
    let step = |group| take_step(context, transfer, group, &bisecting);
    let mut steps: FuturesUnordered<_> = Group::split(actions).into_iter().map(step).collect();
    let mut result = Ok(());
    while let Some(step_result) = steps.next().await {
        match step_result {
            Ok(done) => {
                outcomes.extend(done.ended);
                steps.extend(done.remaining.into_iter().map(step));
            }
            // The other groups continue: interrupting their calls would leave more to reconcile.
            Err(error) => result = Err(error),
        }
    }
    let is_done = |outcome: &AttemptOutcome| matches!(outcome, AttemptOutcome::Done(_));
    if outcomes.iter().any(|(_, outcome)| is_done(outcome)) {
        context.failpoints.pass(Failpoint::BeforeFinish).await;
    }
    result?;
    for (_, outcome) in &mut outcomes {
        if let AttemptOutcome::Done(result) = outcome {
            result.named = Results::one(ResultName::Folder, transfer.to.as_str());
        }
    }
    Ok(outcomes)
}

/// Takes a group through its phase.
async fn take_step<'a>(
    context: &Context<'_>,
    transfer: Transfer<'_>,
    group: Group<'a>,
    bisecting: &Mutex<()>,
) -> Result<StepResult<'a>, StoreError> {
    match group {
        Group::Reconcile(files) => reconcile::reconcile(context, transfer, files).await,
        Group::Submit {
            actions,
            if_refused,
        } => {
            // The parts of a refused group are submitted one at a time: as each may be refused again,
            // they would else take all of the portal's in-flight limit.
            let _turn = match if_refused {
                IfRefused::FindCauses => None,
                IfRefused::Bisect => Some(bisecting.lock().await),
            };
            submit::submit(context, transfer, actions, if_refused).await
        }
        Group::Watch { files, operation } => {
            watch::watch(context, transfer, files, operation).await
        }
    }
}
