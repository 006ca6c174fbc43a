//! The steps of the set-up, in order.

use super::job::Job;
use super::proposal::Proposal;

/// A step, which has one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Portal,
    Receiver,
    Jobs,
    Notifications,
    Summary,
    FirstUpload,
}

/// A step in the list above each page.
pub(super) struct StepItem {
    pub(super) title: &'static str,
    pub(super) path: &'static str,
    pub(super) is_current: bool,
    /// Whether everything that it needs was entered.
    pub(super) is_complete: bool,
}

impl Step {
    const ALL: [Self; 6] = [
        Self::Portal,
        Self::Receiver,
        Self::Jobs,
        Self::Notifications,
        Self::Summary,
        Self::FirstUpload,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Portal => "Portal",
            Self::Receiver => "Receiver",
            Self::Jobs => "Jobs",
            Self::Notifications => "Notifications",
            Self::Summary => "Review",
            Self::FirstUpload => "First upload",
        }
    }

    /// The path of its page.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Portal => "/setup/portal",
            Self::Receiver => "/setup/receiver",
            Self::Jobs => "/setup/jobs",
            Self::Notifications => "/setup/notifications",
            Self::Summary => "/setup/summary",
            Self::FirstUpload => "/setup/first-upload",
        }
    }

    /// Whether everything that it needs was entered. The steps without a need are never marked.
    pub(super) fn is_complete(self, proposal: &Proposal) -> bool {
        match self {
            Self::Portal => proposal.is_connected(),
            Self::Receiver => !proposal.url().is_empty() && proposal.has("DOCSPACE_WEBHOOK_SECRET"),
            Self::Jobs => {
                let chosen = [Job::Copy, Job::Invoice].map(|job| proposal.does(job).then_some(job));
                let mut places = chosen.into_iter().flatten().flat_map(Job::places);
                let is_any = chosen.iter().any(Option::is_some) || proposal.rules_file().is_some();
                is_any && places.all(|place| proposal.has(place.variable()))
            }
            Self::Notifications => proposal.has("SMTP_URL") || proposal.has("NOTIFY_WEBHOOK_URL"),
            Self::Summary => proposal.content.exists() && proposal.changes.is_empty(),
            Self::FirstUpload => false,
        }
    }

    /// The first step that is not complete, with which a person continues.
    pub(super) fn next_for(proposal: &Proposal) -> Self {
        let required = [Self::Portal, Self::Receiver, Self::Jobs];
        let mut open = required
            .into_iter()
            .filter(|step| !step.is_complete(proposal));
        open.next().unwrap_or(Self::Summary)
    }

    /// The list of steps on the page of this one.
    pub(super) fn list(self, proposal: &Proposal) -> Vec<StepItem> {
        let item = |step: Self| StepItem {
            title: step.title(),
            path: step.path(),
            is_current: step == self,
            is_complete: step.is_complete(proposal),
        };
        Self::ALL.into_iter().map(item).collect()
    }
}
