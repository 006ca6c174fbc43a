//! The entries of the worklist.

use crate::actions::attempt::{AttemptOutcome, Outcomes};
use crate::actions::intent::Unconfirmed;
use crate::docspace::{Conflict, Operation, OperationKind};
use crate::ids::FolderId;
use crate::outbox::Action;

/// What is done to the files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transfer<'a> {
    /// Whether they are copied or moved.
    pub(super) kind: OperationKind,
    /// The destination.
    pub(super) to: &'a FolderId,
    /// What happens if a file in the destination has the same title.
    pub(super) conflict: Conflict,
}

/// Files that go through their next phase together.
#[derive(Debug)]
pub(super) enum Group<'a> {
    /// Find out what became of earlier calls, together, because they search the same destination.
    Reconcile(Vec<Unconfirmed<'a>>),
    /// Make one call for all of them.
    Submit {
        /// The actions.
        actions: Vec<&'a Action>,
        /// What to do if the portal refuses the call.
        if_refused: IfRefused,
    },
    /// Watch their operation until it ends.
    Watch {
        /// The actions.
        files: Vec<Unconfirmed<'a>>,
        /// The operation as last seen.
        operation: Operation,
    },
}

/// What to do if the portal refuses a call for several files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfRefused {
    /// Look for the causes, and bisect if none is visible.
    FindCauses,
    /// Bisect: no cause was visible before.
    Bisect,
}

/// What one step left.
#[derive(Debug, Default)]
pub(super) struct StepResult<'a> {
    /// Actions whose attempt has ended.
    pub(super) ended: Outcomes<'a>,
    /// Groups that go back to the worklist.
    pub(super) remaining: Vec<Group<'a>>,
}

impl<'a> Group<'a> {
    /// The first phase of each action.
    pub(super) fn split(actions: Vec<&'a Action>) -> Vec<Self> {
        let mut fresh = Vec::new();
        let mut open = Vec::new();
        for action in actions {
            match action.intent.clone() {
                None => fresh.push(action),
                Some(intent) => open.push(Unconfirmed { action, intent }),
            }
        }
        let reconcile = (!open.is_empty()).then_some(Self::Reconcile(open));
        Self::submit(fresh).into_iter().chain(reconcile).collect()
    }

    /// Submits the actions, if there are any.
    pub(super) fn submit(actions: Vec<&'a Action>) -> Option<Self> {
        (!actions.is_empty()).then_some(Self::Submit {
            actions,
            if_refused: IfRefused::FindCauses,
        })
    }
}

impl<'a> StepResult<'a> {
    /// A step after which nothing remains.
    pub(super) fn ended(outcomes: impl IntoIterator<Item = (&'a Action, AttemptOutcome)>) -> Self {
        Self {
            ended: outcomes.into_iter().collect(),
            remaining: Vec::new(),
        }
    }
}
