//! A call for several files that the portal refused because of one of them, or of the destination
//! (docs/DOCSPACE.md 4.3). The portal does not say which.
//!
//! The destination is read once, then all files together. Files with a visible cause end, and the others
//! are submitted again. If no cause is visible, the batch is bisected until the refused file is alone in its
//! call, where it is diagnosed like any single file.

use crate::actions::attempt::{AttemptOutcome, Context};
use crate::actions::portal_error::failed_call;
use crate::ids::FileId;
use crate::outbox::Action;

use super::diagnose::{self, DestinationState};
use super::group::{Group, IfRefused, StepResult, Transfer};
use crate::actions::portal_view::PortalView;

/// Ends the files that can have caused the refusal. The other files remain.
pub(super) async fn find_causes<'a>(
    context: &Context<'_>,
    transfer: Transfer<'_>,
    actions: Vec<&'a Action>,
) -> StepResult<'a> {
    let destination = DestinationState::read(context, transfer).await;
    if let DestinationState::AcceptsNothing(outcome) = destination {
        return end_all(actions, &outcome);
    }
    let mut view = PortalView::new(context.portal, transfer.to);
    let files: Vec<&FileId> = actions.iter().map(|action| &action.file).collect();
    if let Err(error) = view.load(&files).await {
        return end_all(actions, &failed_call(context, &error, None));
    }
    let mut step = StepResult::default();
    let mut others = Vec::new();
    for action in actions {
        match diagnose::possible_cause(context, transfer, &mut view, action, &destination).await {
            Some(outcome) => step.ended.push((action, outcome)),
            None => others.push(action),
        }
    }
    if step.ended.is_empty() {
        return bisect(others);
    }
    step.remaining.extend(Group::submit(others));
    step
}

fn end_all<'a>(actions: Vec<&'a Action>, outcome: &AttemptOutcome) -> StepResult<'a> {
    let actions = actions.into_iter();
    StepResult::ended(actions.map(|action| (action, outcome.clone())))
}

/// Both halves remain.
pub(super) fn bisect(mut actions: Vec<&Action>) -> StepResult<'_> {
    let second = actions.split_off(actions.len() / 2);
    let halves = [actions, second].map(|actions| Group::Submit {
        actions,
        if_refused: IfRefused::Bisect,
    });
    StepResult {
        ended: Vec::new(),
        remaining: halves.into(),
    }
}
