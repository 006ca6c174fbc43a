//! Actions: what one attempt does, by kind of action.
//!
//! The worker claims actions and records how their attempts ended; it knows nothing of a kind. Each kind is
//! a module with a function `run(context, actions, what the plan says)`, and [`run`] holds one line per kind
//! of plan. What the kinds share stands below them: the context and outcome of an attempt
//! (`actions/attempt.rs`), the intents of calls that must not be repeated blindly (`actions/intent.rs`),
//! what a failed call to the portal means (`actions/portal_error.rs`), and what a message to a person or a
//! program is made from (`actions/message.rs`).

use crate::db::StoreError;
use crate::docspace::OperationKind;
use crate::outbox::Action;
use crate::rules::ActionPlan;
use crate::template::MessageTemplates;

mod attempt;
pub mod failpoint;
mod intent;
mod message;
mod portal_error;

// One module per kind.
mod call;
mod comment;
mod notify;
mod transfer;

pub use attempt::{AttemptOutcome, Context, Outcomes};

use transfer::Transfer;

/// Runs one attempt at actions that were claimed together: copies or moves of one batch, or one action of
/// another kind. Returns how the attempt at each of them ended.
pub async fn run<'a>(
    context: &Context<'_>,
    actions: &'a [Action],
) -> Result<Outcomes<'a>, StoreError> {
    let Some(first) = actions.first() else {
        return Ok(Vec::new());
    };
    match &first.plan {
        ActionPlan::Copy { to, conflict } => {
            let transfer = Transfer::new(OperationKind::Copy, to, *conflict);
            transfer::run(context, actions, transfer).await
        }
        ActionPlan::Move { to, conflict } => {
            let transfer = Transfer::new(OperationKind::Move, to, *conflict);
            transfer::run(context, actions, transfer).await
        }
        ActionPlan::Comment { text } => comment::run(context, actions, text).await,
        ActionPlan::Notify { to, words } => {
            notify::run_email(context, actions, to.as_deref(), words).await
        }
        ActionPlan::Chat => notify::run_chat(context, actions, &MessageTemplates::default()).await,
        ActionPlan::Say { words } => notify::run_chat(context, actions, words).await,
        ActionPlan::Call => call::run(context, actions, None).await,
        ActionPlan::CallTo { pipeline, .. } => call::run(context, actions, Some(pipeline)).await,
    }
}
