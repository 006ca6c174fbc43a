//! The variables of the two rules, and all rules together: those of the environment first, then those of
//! the rules file.

use std::fmt;
use std::path::PathBuf;

use crate::event::Trigger;
use crate::file_watcher::FileWatcher;
use crate::ids::FolderId;
use crate::pipeline;
use crate::rules::{ActionPlan, CopyRule, InvoiceRule, Rule, find_cycles};
use crate::template::MessageTemplates;

use super::notify::addresses;
use super::problems::{ConfigError, Problems};
use super::raw::Raw;
use super::{rules_file, values};

/// `INVOICE_TITLE_PREFIX` when it is not set.
const INVOICE_TITLE_PREFIX: &str = "invoice";

/// `ALLOWED_TRIGGERS` when it is not set.
const ALLOWED_TRIGGERS: &str = "file.uploaded,file.created";

/// The variables that say what the rules are.
const VARIABLES: [&str; 9] = [
    "SHARED_WITH_CLIENT_ROOM_ID",
    "INTERNAL_PROCESSING_FOLDER_ID",
    "CLIENT_ROOT_ID",
    "INCOMING_FOLDER_ID",
    "MANAGER_EMAIL",
    "INVOICE_TITLE_PREFIX",
    "ALLOWED_TRIGGERS",
    "RULES_FILE",
    "RULES_RELOAD",
];

/// The rules that are on.
#[derive(Debug, Default)]
pub struct Rules {
    /// In the order in which they are asked.
    pub rules: Vec<Rule>,
    /// The pipelines that rules of the file call, by their keys.
    pub pipelines: Vec<(String, pipeline::PipelineSettings)>,
}

/// Where the rules come from, for reading them again while the service runs.
#[derive(Clone)]
pub struct RulesSource {
    pairs: Vec<(String, String)>,
    /// Watches `RULES_FILE`, with `RULES_RELOAD`.
    pub watcher: Option<FileWatcher>,
}

impl fmt::Debug for RulesSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            // Contains the secrets.
            pairs: _,
            watcher,
        } = self;
        formatter
            .debug_struct("RulesSource")
            .field("watcher", watcher)
            .finish_non_exhaustive()
    }
}

impl RulesSource {
    pub(super) fn new(pairs: &[(String, String)], raw: &Raw, problems: &mut Problems) -> Self {
        let is_watched = values::flag("RULES_RELOAD", raw.rules_reload.as_deref(), problems);
        let file = raw.rules_file.as_ref().filter(|_| is_watched);
        Self {
            pairs: pairs.to_vec(),
            watcher: file.map(|file| FileWatcher::new([PathBuf::from(file)])),
        }
    }

    /// Reads the rules as they are now.
    pub fn read(&self) -> Result<Rules, ConfigError> {
        let mut problems = Problems::default();
        let raw = Raw::from_pairs(&self.pairs, &mut problems);
        let rules = rules(&raw, &self.pairs, &mut problems);
        problems.keep_only(&VARIABLES);
        problems.or(rules)
    }
}

/// The rules of the environment and of the file. Rules that would feed themselves are a problem.
pub(super) fn rules(raw: &Raw, pairs: &[(String, String)], problems: &mut Problems) -> Rules {
    let mut rules = of_environment(raw, problems);
    let file = rules_file::read(raw, pairs, problems);
    rules.extend(file.rules);
    let variable = match raw.rules_file {
        Some(_) => "RULES_FILE",
        None => "ALLOWED_TRIGGERS",
    };
    for cycle in find_cycles(&rules) {
        problems.add(
            variable,
            format!("the rules would feed themselves: {cycle}"),
        );
    }
    Rules {
        rules,
        pipelines: file.pipelines,
    }
}

fn of_environment(raw: &Raw, problems: &mut Problems) -> Vec<Rule> {
    let triggers = triggers(raw, problems);
    let copy = copy_rule(raw, &triggers, problems);
    let invoice = invoice_rule(raw, &triggers, problems);
    copy.into_iter().chain(invoice).collect()
}

fn triggers(raw: &Raw, problems: &mut Problems) -> Vec<Trigger> {
    let names = raw.allowed_triggers.as_deref().unwrap_or(ALLOWED_TRIGGERS);
    let triggers: Vec<Trigger> = names
        .split([',', ' '])
        .filter(|name| !name.is_empty())
        .map(Trigger::new)
        .collect();
    for trigger in &triggers {
        if !trigger.as_str().contains('.') {
            problems.add(
                "ALLOWED_TRIGGERS",
                format!("must list triggers such as file.uploaded, separated by commas; found: {trigger}"),
            );
        }
    }
    triggers
}

/// Two variables that mean something only together.
fn both(
    (one, one_value): (&'static str, Option<&str>),
    (other, other_value): (&'static str, Option<&str>),
    problems: &mut Problems,
) -> Option<(FolderId, FolderId)> {
    match (one_value, other_value) {
        (None, None) => None,
        (Some(_), None) => {
            problems.add(
                other,
                format!("is not set, but {one} is: the rule needs both"),
            );
            None
        }
        (None, Some(_)) => {
            problems.add(
                one,
                format!("is not set, but {other} is: the rule needs both"),
            );
            None
        }
        (Some(one), Some(other)) => Some((FolderId::new(one)?, FolderId::new(other)?)),
    }
}

fn copy_rule(raw: &Raw, triggers: &[Trigger], problems: &mut Problems) -> Option<Rule> {
    let (room, to) = both(
        (
            "SHARED_WITH_CLIENT_ROOM_ID",
            raw.shared_with_client_room_id.as_deref(),
        ),
        (
            "INTERNAL_PROCESSING_FOLDER_ID",
            raw.internal_processing_folder_id.as_deref(),
        ),
        problems,
    )?;
    if room == to {
        problems.add(
            "INTERNAL_PROCESSING_FOLDER_ID",
            "is the client room itself; uploads must go somewhere else",
        );
    }
    Some(
        CopyRule {
            room,
            to,
            triggers: triggers.to_vec(),
        }
        .into(),
    )
}

fn invoice_rule(raw: &Raw, triggers: &[Trigger], problems: &mut Problems) -> Option<Rule> {
    let rooms = both(
        ("CLIENT_ROOT_ID", raw.client_root_id.as_deref()),
        ("INCOMING_FOLDER_ID", raw.incoming_folder_id.as_deref()),
        problems,
    );
    let managers = addresses("MANAGER_EMAIL", raw.manager_email.as_deref(), problems);
    let (room, to) = rooms?;
    if room == to {
        problems.add(
            "INCOMING_FOLDER_ID",
            "is the client room itself; invoices must go somewhere else",
        );
    }
    Some(
        InvoiceRule {
            room,
            to,
            title_prefix: raw
                .invoice_title_prefix
                .clone()
                .unwrap_or_else(|| INVOICE_TITLE_PREFIX.to_owned()),
            then: after_the_move(raw, managers),
            triggers: triggers.to_vec(),
        }
        .into(),
    )
}

/// One notification per address, so that each succeeds or fails on its own; the call comes last, and
/// waits for none of them.
fn after_the_move(raw: &Raw, managers: Vec<String>) -> Vec<ActionPlan> {
    let mut then: Vec<ActionPlan> = managers
        .into_iter()
        .map(|manager| ActionPlan::Notify {
            to: Some(manager),
            words: MessageTemplates::default(),
        })
        .collect();
    if raw.notify_webhook_url.is_some() {
        then.push(ActionPlan::Chat);
    }
    if then.is_empty() {
        then.push(ActionPlan::Notify {
            to: None,
            words: MessageTemplates::default(),
        });
    }
    if raw.pipeline_url.is_some() {
        then.push(ActionPlan::Call);
    }
    then
}
