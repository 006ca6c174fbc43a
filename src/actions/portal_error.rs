//! What a failed call to the portal means for an action of any kind.

// An error that is added must state here what becomes of the action.
#![deny(clippy::wildcard_enum_match_arm)]

use std::time::Duration;

use crate::docspace::{Error, ErrorClass};
use crate::outbox::{Action, Intent, IntentUpdate};

use super::attempt::{AttemptOutcome, CLAIM_NOT_KNOWN, Context};

/// How long an action waits after a gateway responded in the portal's place, while other calls reach the portal.
const GATEWAY_WAIT: Duration = Duration::from_secs(10);

/// The waits after refusals without a visible cause; after one more, a right is missing. A file may have been
/// locked just for the moment of the call, and a save may follow, so together they are longer than one.
const UNEXPLAINED_WAITS: [Duration; 4] = [
    Duration::from_secs(2),
    Duration::from_secs(15),
    Duration::from_mins(1),
    Duration::from_mins(3),
];

/// The outcome of an attempt whose call failed, as far as the error alone decides it. The intent is kept.
pub(super) fn failed_call(
    context: &Context<'_>,
    error: &Error,
    intent: Option<Intent>,
) -> AttemptOutcome {
    let reason = error.to_string();
    match error.class() {
        // While the whole portal is down, the action itself has not failed.
        ErrorClass::Retry | ErrorClass::RateLimited(_) | ErrorClass::KeyRefused
            if context.portal.open_reason().is_some() =>
        {
            AttemptOutcome::Postponed {
                reason,
                wait: None,
                intent,
            }
        }
        // A gateway's response says nothing about the action.
        ErrorClass::Retry if matches!(error, Error::Gateway { .. }) => AttemptOutcome::Postponed {
            reason,
            wait: Some(GATEWAY_WAIT),
            intent,
        },
        ErrorClass::Permanent => AttemptOutcome::Dead {
            code: "refused",
            reason,
            intent,
        },
        ErrorClass::CircuitOpen(_) => AttemptOutcome::Postponed {
            reason,
            wait: None,
            intent,
        },
        ErrorClass::BudgetExhausted(wait) => AttemptOutcome::Postponed {
            reason,
            wait: Some(wait),
            intent,
        },
        ErrorClass::Withdrawn => AttemptOutcome::Postponed {
            reason: format!("the call was not made: {CLAIM_NOT_KNOWN}"),
            wait: Some(Duration::ZERO),
            intent,
        },
        ErrorClass::Retry
        | ErrorClass::RateLimited(_)
        | ErrorClass::KeyRefused
        | ErrorClass::Ambiguous => AttemptOutcome::Retry {
            reason,
            intent: IntentUpdate::Replace(intent),
            min_wait: Duration::ZERO,
        },
    }
}

/// The outcome for a file that the portal does not show.
pub(super) async fn unreadable_file(context: &Context<'_>, error: &Error) -> AttemptOutcome {
    match error {
        Error::NotFound => AttemptOutcome::Dead {
            code: "file_gone",
            reason: "the file no longer exists".to_owned(),
            intent: None,
        },
        Error::Forbidden => match context.portal.account().verify_key().await {
            Err(error) if error.class() != ErrorClass::Ambiguous => {
                failed_call(context, &error, None)
            }
            Ok(()) | Err(_) => AttemptOutcome::no_right("this key's user may not read the file"),
        },
        Error::Unreachable { .. }
        | Error::Unavailable { .. }
        | Error::Gateway { .. }
        | Error::RateLimited { .. }
        | Error::CircuitOpen { .. }
        | Error::BudgetExhausted { .. }
        | Error::Withdrawn
        | Error::KeyRefused
        | Error::Refused { .. }
        | Error::TooLong { .. }
        | Error::Unreadable { .. } => failed_call(context, error, None),
    }
}

/// The outcome for a file that was refused without a visible cause: it waits for a while, then this is the cause.
pub(super) fn refused_without_cause(
    action: &Action,
    cause: impl FnOnce() -> AttemptOutcome,
) -> AttemptOutcome {
    let denials = usize::try_from(action.denials).ok();
    match denials.and_then(|denials| UNEXPLAINED_WAITS.get(denials)) {
        Some(wait) => AttemptOutcome::Denied {
            reason: "the portal denies access without a visible cause".to_owned(),
            wait: *wait,
        },
        None => cause(),
    }
}

/// The reason of a failed attempt whose operation left its file as it was.
pub(super) fn operation_failure(error: Option<&str>) -> String {
    match error {
        Some(error) => format!("the operation failed: {error}"),
        None => "the portal ended the operation without handling the file".to_owned(),
    }
}
