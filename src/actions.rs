//! What an attempt does: one function per kind of action.
//!
//! Copy and move are in `actions/relocate.rs`, what an operation came to for each file is in
//! `actions/outcomes.rs`, looking for what became of an earlier attempt is in `actions/settle.rs`, a call
//! refused for several files is taken apart in `actions/split.rs`, finding out what a refusal means is in
//! `actions/diagnose.rs`, telling people and the pipeline is in `actions/tell.rs`,
//! commenting on files in `actions/comment.rs`.

use std::time::Duration;

use crate::clock::Clock;
use crate::db::{Db, StoreError};
use crate::docspace::{Client, OperationKind};
use crate::notify::Channels;
use crate::outbox::{Action, ActionResult, Intent};
use crate::rules::ActionPlan;
use crate::template::MessageTemplates;

mod comment;
mod diagnose;
pub mod failpoint;
mod look;
mod notify;
mod outcomes;
mod polls;
mod relocate;
mod settle;
mod split;

use failpoint::Failpoints;
use relocate::Relocation;

/// What an attempt works with.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The store.
    pub db: &'a Db,
    /// The portal.
    pub portal: &'a Client,
    /// The ways to people and programs.
    pub channels: &'a Channels,
    /// The time of day.
    pub clock: &'a Clock,
    /// Where tests stop an attempt.
    pub failpoints: &'a Failpoints,
    /// How long a renewed claim lasts.
    pub lease: Duration,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// What was to be done is done.
    Done(ActionResult),
    /// It failed; the next attempt comes after a backoff, unless the attempts are used up.
    Failed {
        /// Why, in words an operator reads.
        reason: String,
        /// What is left open.
        intent: Option<Intent>,
    },
    /// The other side could not be told; the next attempt comes after a backoff, and not before the wait
    /// it asked for.
    RetryAfter {
        /// Why, in words an operator reads.
        reason: String,
        /// The shortest wait.
        wait: Duration,
    },
    /// It must wait through no fault of its own, which uses up no attempt.
    Postponed {
        /// Why, in words an operator reads.
        reason: String,
        /// How long; without it until the portal may be called again.
        wait: Option<Duration>,
        /// What is left open.
        intent: Option<Intent>,
    },
    /// It can never succeed.
    Dead {
        /// Why, for machines.
        code: &'static str,
        /// Why, in words an operator reads.
        reason: String,
    },
    /// The attempt panicked; what it left open stands in the outbox.
    Panicked,
    /// Another attempt has taken over; there is nothing to write down.
    ClaimLost,
}

/// Runs one attempt at actions that were claimed together: files that go the same way, or one other
/// action. Says of each how its attempt ended.
pub async fn run<'a>(
    context: &Context<'_>,
    actions: &'a [Action],
) -> Result<Vec<(&'a Action, AttemptOutcome)>, StoreError> {
    let Some(first) = actions.first() else {
        return Ok(Vec::new());
    };
    match &first.plan {
        ActionPlan::Copy { to, conflict } => {
            let relocation = Relocation {
                kind: OperationKind::Copy,
                to,
                conflict: *conflict,
            };
            relocate::run(context, actions, relocation).await
        }
        ActionPlan::Move { to, conflict } => {
            let relocation = Relocation {
                kind: OperationKind::Move,
                to,
                conflict: *conflict,
            };
            relocate::run(context, actions, relocation).await
        }
        ActionPlan::Comment { text } => comment::run(context, actions, text).await,
        ActionPlan::Notify { to, words } => {
            let ended = notify::mail(context, first, to.as_deref(), words).await?;
            Ok(vec![(first, ended)])
        }
        ActionPlan::Chat => {
            let ended = notify::chat(context, first, &MessageTemplates::default()).await?;
            Ok(vec![(first, ended)])
        }
        ActionPlan::Say { words } => Ok(vec![(first, notify::chat(context, first, words).await?)]),
        ActionPlan::Call => Ok(vec![(first, notify::call(context, first).await?)]),
        ActionPlan::CallTo { pipeline, .. } => Ok(vec![(
            first,
            notify::call_to(context, first, pipeline).await?,
        )]),
    }
}
