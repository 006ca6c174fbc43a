//! Copy and move, as one procedure: the portal treats them alike (docs/DOCSPACE.md 4).
//!
//! Files that go the same way travel in one call. The intent of each is stored before the portal is
//! called and its operation after it, so that whatever ends the attempt in between, the next one knows what
//! to look for before it calls again. What became of each file is said for each, in `actions/outcomes.rs`;
//! a call that was refused for the sake of one of them is taken apart in `actions/split.rs`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use tokio::time::Instant;

use crate::actions::failpoint::Failpoint;
use crate::db::{Sql, SqlError, StoreError};
use crate::docspace::{
    Conflict, Error, Operation, OperationId, OperationKind, OperationState, WriteOutcome,
};
use crate::ids::{FileId, FolderId};
use crate::outbox::{self, Action, Claim, ClaimStatus, Intent};

use super::polls::{self, Polls};
use super::settle::{self, Found, Settled};
use super::split::{self, Refused};
use super::{AttemptOutcome, Context, diagnose, outcomes};

/// How often claims are renewed while an operation is watched.
const RENEW_EVERY: Duration = Duration::from_secs(30);

/// How long the portal may still be at work on a request whose answer was lost.
pub(super) const STILL_AT_WORK: Duration = Duration::from_secs(10);

/// What is done to the files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relocation<'a> {
    /// Whether they are copied or moved.
    pub(super) kind: OperationKind,
    /// The destination.
    pub(super) to: &'a FolderId,
    /// What happens when a title is taken there.
    pub(super) conflict: Conflict,
}

/// An action whose call was made, or may have been made.
#[derive(Clone, Debug)]
pub(super) struct Open<'a> {
    pub(super) action: &'a Action,
    pub(super) intent: Intent,
}

/// How the attempt at each action ended.
pub(super) type Ends<'a> = Vec<(&'a Action, AttemptOutcome)>;

/// Copies or moves the files, or finds that it is done.
pub(super) async fn run<'a>(
    context: &Context<'_>,
    actions: &'a [Action],
    relocation: Relocation<'_>,
) -> Result<Ends<'a>, StoreError> {
    let mut fresh = Vec::new();
    // What was open together is settled together.
    let mut open: HashMap<Option<OperationId>, Vec<Open<'a>>> = HashMap::new();
    for action in actions {
        match &action.intent {
            None => fresh.push(action),
            Some(intent) => open
                .entry(intent.operation.clone())
                .or_default()
                .push(Open {
                    action,
                    intent: intent.clone(),
                }),
        }
    }
    let settling = open
        .into_values()
        .map(|group| settle_and_go_on(context, group, relocation).boxed());
    let all = std::iter::once(call(context, fresh, relocation, Refused::NotYet)).chain(settling);
    let mut ends = Vec::with_capacity(actions.len());
    for group in join_all(all).await {
        ends.extend(group?);
    }
    Ok(ends)
}

/// Finds out what became of earlier calls, and makes those again that had no effect.
async fn settle_and_go_on<'a>(
    context: &Context<'_>,
    group: Vec<Open<'a>>,
    relocation: Relocation<'_>,
) -> Result<Ends<'a>, StoreError> {
    let settled = match settle::settle(context, group, relocation).await? {
        Found::Running(operation, group) => {
            return watch(context, group, relocation, operation).await;
        }
        Found::Each(settled) => settled,
    };
    let mut ends = Vec::with_capacity(settled.len());
    let mut again = Vec::new();
    for (open, settled) in settled {
        let ended = match settled {
            Settled::Done(outcome) => AttemptOutcome::Done(outcome),
            Settled::NotDone => {
                again.push(open.action);
                continue;
            }
            Settled::Open { reason, wait } => AttemptOutcome::Postponed {
                reason: reason.to_owned(),
                wait: Some(wait),
                intent: Some(open.intent),
            },
            Settled::Unknown(error) => diagnose::failed_call(context, &error, Some(open.intent)),
        };
        ends.push((open.action, ended));
    }
    ends.extend(call(context, again, relocation, Refused::NotYet).await?);
    if ends
        .iter()
        .any(|(_, ended)| matches!(ended, AttemptOutcome::Done(_)))
    {
        context.failpoints.pass(Failpoint::BeforeFinish).await;
    }
    Ok(ends)
}

/// Asks the portal for all of them in one call, and watches what comes of it.
pub(super) fn call<'a: 'c, 'c>(
    context: &'c Context<'_>,
    actions: Vec<&'a Action>,
    relocation: Relocation<'c>,
    refused: Refused,
) -> BoxFuture<'c, Result<Ends<'a>, StoreError>> {
    call_once(context, actions, relocation, refused).boxed()
}

async fn call_once<'a>(
    context: &Context<'_>,
    actions: Vec<&'a Action>,
    relocation: Relocation<'_>,
    refused: Refused,
) -> Result<Ends<'a>, StoreError> {
    let now = context.clock.now();
    let intent = Intent {
        at: now,
        settle_after: now + STILL_AT_WORK,
        operation: None,
    };
    let (mut group, mut ends) = store(context, actions, &intent).await?;
    if group.is_empty() {
        return Ok(ends);
    }
    context.failpoints.pass(Failpoint::BeforeCall).await;
    let files: Vec<&FileId> = group.iter().map(|open| &open.action.file).collect();
    let Relocation { kind, to, conflict } = relocation;
    let started = context
        .portal
        .operations()
        .start(kind, &files, to, conflict)
        .await;
    context.failpoints.pass(Failpoint::AfterAnswer).await;
    match started {
        Ok(Some(operation)) => {
            let intent = Intent {
                operation: Some(operation.id.clone()),
                ..intent
            };
            let actions = group.iter().map(|open| open.action).collect();
            let lost;
            (group, lost) = store(context, actions, &intent).await?;
            ends.extend(lost);
            context.failpoints.pass(Failpoint::OperationStored).await;
            ends.extend(watch(context, group, relocation, operation).await?);
        }
        Ok(None) => ends.extend(group.into_iter().map(|open| {
            let ended = AttemptOutcome::Postponed {
                reason: "the portal accepted the operation without naming it".to_owned(),
                wait: Some(polls::FIRST),
                intent: Some(open.intent),
            };
            (open.action, ended)
        })),
        Err(error) => ends.extend(failed(context, group, relocation, refused, error).await?),
    }
    Ok(ends)
}

/// What a call that failed means for each file.
async fn failed<'a>(
    context: &Context<'_>,
    group: Vec<Open<'a>>,
    relocation: Relocation<'_>,
    refused: Refused,
    error: Error,
) -> Result<Ends<'a>, StoreError> {
    let actions: Vec<_> = group.iter().map(|open| open.action).collect();
    match (&error, &actions[..]) {
        (Error::Forbidden | Error::NotFound, [action]) => {
            let ended = diagnose::refusal(context, action, relocation, &error).await;
            return Ok(vec![(*action, ended)]);
        }
        (Error::Forbidden | Error::NotFound | Error::Refused { .. }, [_, _, ..]) => {
            return split::take_apart(context, actions, relocation, refused, error).await;
        }
        _ => {}
    }
    let now = context.clock.now();
    let ends = group.into_iter().map(|mut open| {
        let left_open = match error.write_outcome() {
            WriteOutcome::NotApplied => None,
            WriteOutcome::Unknown => {
                open.intent.settle_after = now;
                Some(open.intent)
            }
            WriteOutcome::InFlight => {
                open.intent.settle_after = now + STILL_AT_WORK;
                Some(open.intent)
            }
        };
        (
            open.action,
            diagnose::failed_call(context, &error, left_open),
        )
    });
    Ok(ends.collect())
}

/// Watches an operation to its end.
async fn watch<'a>(
    context: &Context<'_>,
    mut group: Vec<Open<'a>>,
    relocation: Relocation<'_>,
    mut operation: Operation,
) -> Result<Ends<'a>, StoreError> {
    let mut ends = Vec::with_capacity(group.len());
    let mut polls = Polls::begin();
    let mut renewed = Instant::now();
    while !group.is_empty() {
        if let OperationState::Ended(results) = operation.state {
            ends.extend(outcomes::read(context, group, relocation, results).await?);
            break;
        }
        tokio::time::sleep(polls.wait(fastrand::f64())).await;
        if renewed.elapsed() >= RENEW_EVERY {
            let lost;
            (group, lost) = renew(context, group).await?;
            ends.extend(lost);
            renewed = Instant::now();
        }
        operation = match context.portal.operations().get(&operation.id).await {
            Ok(Some(operation)) => operation,
            Ok(None) => {
                ends.extend(outcomes::unseen(context, group, relocation).await?);
                break;
            }
            Err(error) => {
                ends.extend(group.into_iter().map(|open| {
                    let ended = diagnose::failed_call(context, &error, Some(open.intent));
                    (open.action, ended)
                }));
                break;
            }
        };
    }
    if ends
        .iter()
        .any(|(_, ended)| matches!(ended, AttemptOutcome::Done(_)))
    {
        context.failpoints.pass(Failpoint::BeforeFinish).await;
    }
    Ok(ends)
}

/// Stores the intent of each in one commit; those whose claim is lost have ended.
async fn store<'a>(
    context: &Context<'_>,
    actions: Vec<&'a Action>,
    intent: &Intent,
) -> Result<(Vec<Open<'a>>, Ends<'a>), StoreError> {
    let intent = intent.clone();
    let group = actions.into_iter().map(|action| Open {
        action,
        intent: intent.clone(),
    });
    let write = Arc::new(intent.clone());
    keep_held(context, group.collect(), move |sql, claim| {
        outbox::store_intent(sql, claim, &write)
    })
    .await
}

/// Keeps the claims for longer.
async fn renew<'a>(
    context: &Context<'_>,
    group: Vec<Open<'a>>,
) -> Result<(Vec<Open<'a>>, Ends<'a>), StoreError> {
    let until = context.clock.now() + context.lease;
    keep_held(context, group, move |sql, claim| {
        outbox::renew(sql, claim, until)
    })
    .await
}

/// Writes something to each claim in one commit, and parts those that are held from those that are lost.
async fn keep_held<'a>(
    context: &Context<'_>,
    group: Vec<Open<'a>>,
    write: impl Fn(&Sql, Claim) -> Result<ClaimStatus, SqlError> + Send + 'static,
) -> Result<(Vec<Open<'a>>, Ends<'a>), StoreError> {
    if group.is_empty() {
        return Ok((group, Vec::new()));
    }
    let claims: Vec<Claim> = group.iter().map(|open| open.action.claim).collect();
    let holds = context.db.write(move |sql| {
        let written = claims.iter().map(|claim| write(sql, *claim));
        written.collect::<Result<Vec<_>, _>>()
    });
    let holds = holds.await?;
    let (held, lost): (Vec<_>, Vec<_>) = group
        .into_iter()
        .zip(holds)
        .partition(|(_, hold)| *hold == ClaimStatus::Held);
    let lost = lost
        .into_iter()
        .map(|(open, _)| (open.action, AttemptOutcome::ClaimLost));
    Ok((
        held.into_iter().map(|(open, _)| open).collect(),
        lost.collect(),
    ))
}
