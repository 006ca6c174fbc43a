//! Copy and move, as one procedure: the portal treats them alike (CONTRACT 4).
//!
//! The intent is stored before the portal is called and its operation after it, so that whatever ends
//! the attempt in between, the next one knows what to look for before it calls again.

use std::time::Duration;

use tokio::time::Instant;

use crate::actions::checkpoint::Checkpoint;
use crate::db::StoreError;
use crate::docspace::{Conflict, Error, Fate, Operation, OperationKind, OperationState};
use crate::ids::FolderId;
use crate::outbox::{self, Action, Hold, Intent, Outcome};

use super::settle::{self, Settled};
use super::{Context, Ended, diagnose};

/// The first wait between two looks at an operation.
const FIRST_POLL: Duration = Duration::from_millis(20);

/// The longest wait between two looks at an operation.
const LONGEST_POLL: Duration = Duration::from_secs(1);

/// How often a claim is renewed while an operation is watched.
const RENEW_EVERY: Duration = Duration::from_secs(30);

/// How long the portal may still be at work on a request whose answer was lost.
pub(super) const STILL_AT_WORK: Duration = Duration::from_secs(10);

/// What is done to the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relocation<'a> {
    /// Whether it is copied or moved.
    pub(super) kind: OperationKind,
    /// The destination.
    pub(super) to: &'a FolderId,
    /// What happens when its title is taken there.
    pub(super) conflict: Conflict,
}

/// Copies or moves the file, or finds that it is done.
pub(super) async fn run(
    context: &Context<'_>,
    action: &Action,
    relocation: Relocation<'_>,
) -> Result<Ended, StoreError> {
    if let Some(intent) = &action.intent {
        match settle::settle(context, action, relocation, intent).await? {
            Settled::Done(outcome) => return finish(context, outcome).await,
            Settled::NotDone => {}
            Settled::Running(operation) => {
                return watch(context, action, relocation, intent.clone(), operation).await;
            }
            Settled::Open {
                reason,
                intent,
                wait,
            } => {
                return Ok(Ended::Waits {
                    reason,
                    wait: Some(wait),
                    intent: Some(intent),
                });
            }
            Settled::Unknown(error) => {
                return Ok(diagnose::failed_call(context, &error, Some(intent.clone())));
            }
        }
    }
    call(context, action, relocation).await
}

async fn call(
    context: &Context<'_>,
    action: &Action,
    relocation: Relocation<'_>,
) -> Result<Ended, StoreError> {
    let now = context.clock.now();
    let mut intent = Intent {
        at: now,
        settle_after: now + STILL_AT_WORK,
        operation: None,
    };
    if store(context, action, &intent).await? == Hold::Lost {
        return Ok(Ended::ClaimLost);
    }
    context.checkpoints.pass(Checkpoint::BeforeCall).await;
    let started = context
        .portal
        .start(
            relocation.kind,
            &action.file,
            relocation.to,
            relocation.conflict,
        )
        .await;
    context.checkpoints.pass(Checkpoint::AfterAnswer).await;
    match started {
        Ok(Some(operation)) => {
            intent.operation = Some(operation.id.clone());
            if store(context, action, &intent).await? == Hold::Lost {
                return Ok(Ended::ClaimLost);
            }
            context.checkpoints.pass(Checkpoint::OperationStored).await;
            watch(context, action, relocation, intent, operation).await
        }
        Ok(None) => Ok(Ended::Waits {
            reason: "the portal accepted the operation without naming it".to_owned(),
            wait: Some(FIRST_POLL),
            intent: Some(intent),
        }),
        Err(error) => Ok(refused_or_lost(context, action, relocation, intent, &error).await),
    }
}

async fn refused_or_lost(
    context: &Context<'_>,
    action: &Action,
    relocation: Relocation<'_>,
    mut intent: Intent,
    error: &Error,
) -> Ended {
    let now = context.clock.now();
    let left_open = match error.fate() {
        Fate::NotDone => None,
        Fate::Doubtful => {
            intent.settle_after = now;
            Some(intent)
        }
        Fate::Open => {
            intent.settle_after = now + STILL_AT_WORK;
            Some(intent)
        }
    };
    if matches!(error, Error::Forbidden | Error::NotFound) {
        return diagnose::refusal(context, action, relocation, error).await;
    }
    diagnose::failed_call(context, error, left_open)
}

/// Watches an operation to its end.
async fn watch(
    context: &Context<'_>,
    action: &Action,
    relocation: Relocation<'_>,
    intent: Intent,
    mut operation: Operation,
) -> Result<Ended, StoreError> {
    let mut wait = FIRST_POLL;
    let mut renewed = Instant::now();
    loop {
        match operation.state {
            OperationState::Done(file) => {
                let outcome = Outcome {
                    file: Some(file.id),
                    folder: Some(file.folder),
                    note: None,
                };
                return finish(context, outcome).await;
            }
            OperationState::Failed(words) => {
                return Ok(diagnose::failed_operation(context, action, relocation, &words).await);
            }
            OperationState::Unhandled => return unhandled(context, action, relocation).await,
            OperationState::Pending => {}
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_POLL);
        if renewed.elapsed() >= RENEW_EVERY {
            if renew(context, action).await? == Hold::Lost {
                return Ok(Ended::ClaimLost);
            }
            renewed = Instant::now();
        }
        operation = match context.portal.operation(&operation.id).await {
            Ok(Some(operation)) => operation,
            Ok(None) => {
                let settled = settle::by_effect(context, action, relocation, &intent).await?;
                return ended_unseen(context, settled, intent).await;
            }
            Err(error) => return Ok(diagnose::failed_call(context, &error, Some(intent))),
        };
    }
}

/// The operation ended without an error and without effect. Where the rule says to leave taken titles
/// alone that is how it should be, once the title is seen to be taken: some failures inside the portal
/// look the same (CONTRACT 4.5).
async fn unhandled(
    context: &Context<'_>,
    action: &Action,
    relocation: Relocation<'_>,
) -> Result<Ended, StoreError> {
    if relocation.conflict == Conflict::Skip {
        match settle::namesake(context, action, relocation.to).await {
            Ok(Some(_)) => {
                let note = "the title was taken in the destination; skipped, as the rule says";
                let outcome = Outcome {
                    note: Some(note.to_owned()),
                    ..Outcome::default()
                };
                return finish(context, outcome).await;
            }
            Ok(None) => {}
            Err(error) => return Ok(diagnose::failed_call(context, &error, None)),
        }
    }
    let words = "the portal ended it without handling the file";
    Ok(diagnose::failed_operation(context, action, relocation, words).await)
}

/// The operation's result was read by somebody else or dropped: the effect says what became of it.
async fn ended_unseen(
    context: &Context<'_>,
    settled: Settled,
    intent: Intent,
) -> Result<Ended, StoreError> {
    Ok(match settled {
        Settled::Done(outcome) => return finish(context, outcome).await,
        Settled::Open {
            reason,
            intent,
            wait,
        } => Ended::Waits {
            reason,
            wait: Some(wait),
            intent: Some(intent),
        },
        Settled::NotDone | Settled::Running(_) => Ended::Failed {
            reason: "the operation ended without effect, and its result was taken away".to_owned(),
            intent: None,
        },
        Settled::Unknown(error) => diagnose::failed_call(context, &error, Some(intent)),
    })
}

async fn finish(context: &Context<'_>, outcome: Outcome) -> Result<Ended, StoreError> {
    context.checkpoints.pass(Checkpoint::BeforeFinish).await;
    Ok(Ended::Done(outcome))
}

async fn store(
    context: &Context<'_>,
    action: &Action,
    intent: &Intent,
) -> Result<Hold, StoreError> {
    let (claim, intent) = (action.claim, intent.clone());
    context
        .db
        .write(move |sql| outbox::store_intent(sql, claim, &intent))
        .await
}

async fn renew(context: &Context<'_>, action: &Action) -> Result<Hold, StoreError> {
    let (claim, until) = (action.claim, context.clock.now() + context.lease);
    context
        .db
        .write(move |sql| outbox::renew(sql, claim, until))
        .await
}
