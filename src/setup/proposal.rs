//! The proposal: the env file as it will be with what was entered.

use std::path::Path;

use crate::check::Deployment;
use crate::clock::Clock;
use crate::config::{EnvFileError, Settings, UnwritableValue, VariableChange, change_variables};
use crate::edited_file::FileContent;

use super::draft::Draft;
use super::job::Job;

/// What a person signs in with in the console.
pub(super) const ADMIN_TOKEN: &str = "ADMIN_TOKEN";

/// The variables that the pages set, beside those of the jobs.
const VARIABLES: [&str; 8] = [
    "DOCSPACE_API_HOST",
    "DOCSPACE_API_KEY",
    "DOCSPACE_WEBHOOK_SECRET",
    ADMIN_TOKEN,
    "SMTP_URL",
    "MAIL_FROM",
    "NOTIFY_WEBHOOK_URL",
    "OPERATOR_EMAIL",
];

/// Why there is no proposal.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProposalError {
    #[error(transparent)]
    EnvFile(#[from] EnvFileError),
    #[error(transparent)]
    Value(#[from] UnwritableValue),
}

/// The env file as it is and as it will be.
pub(super) struct Proposal {
    /// The file as it is.
    pub(super) content: FileContent,
    /// The settings of the file as it is.
    current: Settings,
    draft: Draft,
    /// The text of the file as it will be.
    pub(super) text: String,
    /// The settings of the file as it will be.
    pub(super) settings: Settings,
    /// What changes.
    pub(super) changes: Vec<VariableChange>,
}

impl Proposal {
    pub(super) fn new(
        path: &Path,
        content: FileContent,
        draft: Draft,
    ) -> Result<Self, ProposalError> {
        let current = Settings::from_process_and_text(path, content.text())?;
        let changes = changes(&current, &draft);
        let text = change_variables(content.text(), &changes)?;
        let settings = Settings::from_process_and_text(path, &text)?;
        Ok(Self {
            content,
            current,
            draft,
            text,
            settings,
            changes,
        })
    }

    /// What was entered for a variable, or else its value now; empty if there is none.
    pub(super) fn value(&self, variable: &str) -> &str {
        let entered = self.draft.value(variable);
        entered
            .or_else(|| self.current.variable(variable))
            .unwrap_or_default()
    }

    /// Whether a variable has a value.
    pub(super) fn has(&self, variable: &str) -> bool {
        !self.value(variable).is_empty()
    }

    /// Whether the service is to do a job.
    pub(super) fn does(&self, job: Job) -> bool {
        does(&self.current, &self.draft, job)
    }

    /// Whether the rules file has rules of its own.
    pub(super) fn rules_file(&self) -> Option<&str> {
        self.current.variable("RULES_FILE")
    }

    /// Whether the portal accepted the key when it was last checked.
    pub(super) fn is_connected(&self) -> bool {
        self.draft.is_connected
    }

    /// The public address of the service.
    pub(super) fn url(&self) -> &str {
        &self.draft.url
    }

    /// The name of a room or folder, if it is known.
    pub(super) fn name_of(&self, id: &str) -> Option<&str> {
        self.draft.name_of(id)
    }

    /// The deployment that the file will describe.
    pub(super) fn deployment(&self, clock: &Clock) -> Deployment {
        let url = Some(self.draft.url.clone()).filter(|url| !url.is_empty());
        Deployment::new(&self.settings, url, clock.clone())
    }

    /// The variables that the process sets to other values, which take precedence over the file.
    pub(super) fn overridden(&self) -> Vec<&'static str> {
        let changes = self.changes.iter();
        changes
            .filter(|(name, value)| self.settings.variable(name) != value.as_deref())
            .map(|(name, _)| *name)
            .collect()
    }
}

/// Whether the service is to do a job: as a person chose, or else as the file has it. Without any file the copy is
/// proposed.
fn does(current: &Settings, draft: &Draft, job: Job) -> bool {
    let is_configured = |job: Job| {
        let mut places = job.places().into_iter();
        places.any(|place| current.variable(place.variable()).is_some())
    };
    let is_first = || {
        let has_rules = current.variable("RULES_FILE").is_some();
        !has_rules && !is_configured(Job::Copy) && !is_configured(Job::Invoice)
    };
    let is_default = || is_configured(job) || (job == Job::Copy && is_first());
    draft.wants(job).unwrap_or_else(is_default)
}

fn changes(current: &Settings, draft: &Draft) -> Vec<VariableChange> {
    let entered = |name: &'static str| Some((name, draft.value(name)?));
    let mut wanted: Vec<(&'static str, &str)> = VARIABLES.into_iter().filter_map(entered).collect();
    for job in [Job::Copy, Job::Invoice] {
        let variables = job.variables().iter().copied();
        if does(current, draft, job) {
            wanted.extend(variables.filter_map(entered));
        } else {
            wanted.extend(variables.map(|name| (name, "")));
        }
    }
    let changed = wanted
        .into_iter()
        .filter(|(name, value)| current.variable(name).unwrap_or_default() != *value);
    changed
        .map(|(name, value)| {
            (
                name,
                Some(value.to_owned()).filter(|value| !value.is_empty()),
            )
        })
        .collect()
}
