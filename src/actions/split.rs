//! Split: a call for several files that the portal refused, for the sake of one of them or of the
//! destination (docs/DOCSPACE.md 4.3).
//!
//! It does not say which. So the destination is looked at once, then all files together; what has a cause
//! that can be seen ends there, and the rest travels on in one further call. Where no cause is seen the
//! call is cut into halves, until the bad file stands alone and is diagnosed as any other.

use crate::db::StoreError;
use crate::docspace::{Conflict, Error};
use crate::ids::FileId;
use crate::outbox::Action;

use super::look::Look;
use super::relocate::{Ends, Relocation, call};
use super::{AttemptOutcome, Context, diagnose, settle};

/// What is known of why a call may be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Nothing; it was not refused before.
    NotYet,
    /// Nobody's fault can be seen, so looking again is of no use.
    Unexplained,
}

/// Deals with a refused call for several files.
pub(super) async fn take_apart<'a>(
    context: &Context<'_>,
    actions: Vec<&'a Action>,
    relocation: Relocation<'_>,
    refused: Refused,
    error: Error,
) -> Result<Ends<'a>, StoreError> {
    if refused == Refused::Unexplained || matches!(error, Error::Refused { .. }) {
        return halve(context, actions, relocation).await;
    }
    let destination = diagnose::Destination::see(context, relocation).await;
    if let diagnose::Destination::TakesNothing(ended) = destination {
        let ends = actions.into_iter().map(|action| (action, ended.clone()));
        return Ok(ends.collect());
    }
    let mut look = Look::new(context.portal, relocation.to);
    let files: Vec<&FileId> = actions.iter().map(|action| &action.file).collect();
    if let Err(error) = look.survey(&files).await {
        let ended = diagnose::failed_call(context, &error, None);
        let ends = actions.into_iter().map(|action| (action, ended.clone()));
        return Ok(ends.collect());
    }
    let mut ends = Vec::new();
    let mut good = Vec::new();
    for action in actions {
        match suspect(context, &mut look, action, relocation, &destination).await {
            Some(ended) => ends.push((action, ended)),
            None => good.push(action),
        }
    }
    if ends.is_empty() {
        return halve(context, good, relocation).await;
    }
    ends.extend(call(context, good, relocation, Refused::NotYet).await?);
    Ok(ends)
}

/// How the attempt at a file ends that can have been the cause.
async fn suspect(
    context: &Context<'_>,
    look: &mut Look<'_>,
    action: &Action,
    relocation: Relocation<'_>,
    destination: &diagnose::Destination,
) -> Option<AttemptOutcome> {
    match look.file(&action.file).await {
        Err(error) => return Some(diagnose::unreadable_file(context, &error).await),
        Ok(file) => {
            let ended = diagnose::moved_already(&file, relocation.kind, relocation.to)
                .or_else(|| diagnose::visible_cause(&file, relocation.kind))
                .or_else(|| destination.refuses(&file, relocation.to));
            if ended.is_some() {
                return ended;
            }
        }
    }
    if relocation.conflict == Conflict::Overwrite
        && let Ok(Some(existing)) = settle::namesake(look, action).await
        && existing.busy
    {
        return Some(diagnose::overwrites_busy_file());
    }
    None
}

/// Calls for one half after the other, so that what is refused for all is not asked for all at once.
async fn halve<'a>(
    context: &Context<'_>,
    mut actions: Vec<&'a Action>,
    relocation: Relocation<'_>,
) -> Result<Ends<'a>, StoreError> {
    let rest = actions.split_off(actions.len() / 2);
    let mut ends = call(context, actions, relocation, Refused::Unexplained).await?;
    ends.extend(call(context, rest, relocation, Refused::Unexplained).await?);
    Ok(ends)
}
