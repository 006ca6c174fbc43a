//! All rules: those of the environment first, then those of the rules file.

use std::path::PathBuf;

use crate::actions::{Call, Notify};
use crate::docspace::triggers::TRIGGERS;
use crate::event::Trigger;
use crate::file_watcher::FileWatcher;
use crate::finding::Finding;
use crate::ids::FolderId;
use crate::pipeline::PipelineSettings;
use crate::registration::NeededTriggers;
use crate::rules::{ActionPlan, Condition, Rule, find_cycles};

use super::environment_rules;
use super::problems::ConfigError;
use super::reader::Reader;
use super::rules_file;
use super::variables::Variables;
use crate::similar::did_you_mean;

/// Default of `INVOICE_TITLE_PREFIX`.
const INVOICE_TITLE_PREFIX: &str = "invoice";

/// Default of `ALLOWED_TRIGGERS`.
const ALLOWED_TRIGGERS: &str = "file.uploaded,file.created";

/// The rules and the pipelines they call.
#[derive(Debug, Default)]
pub struct Rules {
    /// In the order in which they are evaluated.
    pub rules: Vec<Rule>,
    /// Rules of the file that are not evaluated (`enabled = false`).
    pub disabled: Vec<Rule>,
    /// The pipelines of the rules file, by their keys.
    pub pipelines: Vec<(String, PipelineSettings)>,
    /// The names of the variables from which the rules file takes addresses and secrets.
    pub(super) variables: Vec<String>,
}

/// Where the rules come from, to reload them while the service runs.
#[derive(Clone, Debug)]
pub struct RulesSource {
    variables: Variables,
    /// Watches `RULES_FILE`, with `RULES_RELOAD`.
    pub watcher: Option<FileWatcher>,
}

impl RulesSource {
    /// Reads the rules file again. Variables and `X_FILE` files are not read again.
    pub fn read(&self) -> Result<Rules, ConfigError> {
        rules(&self.variables)
    }

    /// The rules that are valid if the rules file has this text, and the findings about the others or all of them
    /// together.
    pub fn with_text(&self, text: &str) -> (Rules, Vec<Finding>) {
        valid_rules(&self.variables, Some(text))
    }

    /// `RULES_FILE`.
    pub fn file(&self) -> Option<PathBuf> {
        let file = self.variables.value("RULES_FILE").ok()??;
        Some(PathBuf::from(file))
    }
}

/// Where the rules come from.
pub(super) fn rules_source(reader: &mut Reader<'_>) -> RulesSource {
    let is_watched = reader.flag("RULES_RELOAD");
    let file = reader.get("RULES_FILE").filter(|_| is_watched);
    RulesSource {
        variables: reader.variables.clone(),
        watcher: file.map(|file| FileWatcher::new([PathBuf::from(file)])),
    }
}

/// The rules, with `RULES_FILE` as it is now.
pub(super) fn rules(variables: &Variables) -> Result<Rules, ConfigError> {
    let (rules, findings) = valid_rules(variables, None);
    ConfigError::of(&findings)?;
    Ok(rules)
}

/// The rules that are valid, and the findings about the others or all of them together. The text takes the place of that
/// of the rules file.
pub(super) fn valid_rules(variables: &Variables, text: Option<&str>) -> (Rules, Vec<Finding>) {
    let mut reader = Reader::new(variables);
    let mut rules = environment_rules(&mut reader);
    let file = rules_file::read(&mut reader, text);
    for trigger in NeededTriggers::of(&file.rules).unknown {
        let what = format!(
            "{trigger} is not a trigger of DocSpace 3.7: `register` cannot subscribe to it, so only a webhook that sends \
             all triggers delivers it"
        );
        reader.warning("RULES_FILE", what);
    }
    rules.extend(file.rules);
    report_cycles(&rules, &mut reader);
    let rules = Rules {
        rules,
        disabled: file.disabled,
        pipelines: file.pipelines,
        variables: file.variables,
    };
    (rules, reader.into_findings())
}

/// Reports rules that would trigger themselves.
fn report_cycles(rules: &[Rule], reader: &mut Reader<'_>) {
    let variable = if reader.variables.is_set("RULES_FILE") {
        "RULES_FILE"
    } else {
        "ALLOWED_TRIGGERS"
    };
    for cycle in find_cycles(rules) {
        reader.problem(
            variable,
            format!("the rules would trigger themselves: {cycle}"),
        );
    }
}

/// The variables that name a room or folder, with their values.
pub(super) fn folder_variables(variables: &Variables) -> Vec<(&'static str, FolderId)> {
    const NAMES: [&str; 4] = [
        "SHARED_WITH_CLIENT_ROOM_ID",
        "INTERNAL_PROCESSING_FOLDER_ID",
        "CLIENT_ROOT_ID",
        "INCOMING_FOLDER_ID",
    ];
    let folder = |name| variables.value(name).ok()??.parse().ok();
    let named = NAMES.into_iter();
    named
        .filter_map(|name| Some((name, folder(name)?)))
        .collect()
}

fn environment_rules(reader: &mut Reader<'_>) -> Vec<Rule> {
    let triggers = triggers(reader);
    let copy = copy_rule(reader, &triggers);
    let invoice = invoice_rule(reader, &triggers);
    copy.into_iter().chain(invoice).collect()
}

fn triggers(reader: &mut Reader<'_>) -> Vec<Trigger> {
    let names = reader.get("ALLOWED_TRIGGERS").unwrap_or(ALLOWED_TRIGGERS);
    let triggers: Vec<Trigger> = names
        .split([',', ' '])
        .filter(|name| !name.is_empty())
        .map(Trigger::new)
        .collect();
    let known = || TRIGGERS.iter().map(|(name, _)| *name);
    for trigger in &triggers {
        if !known().any(|known| known == trigger.as_str()) {
            let hint = did_you_mean(trigger.as_str(), known()).unwrap_or_else(|| {
                "list triggers such as file.uploaded, separated by commas".to_owned()
            });
            let what =
                format!("contains {trigger}, which is not a trigger of DocSpace 3.7; {hint}");
            reader.problem("ALLOWED_TRIGGERS", what);
        }
    }
    triggers
}

/// Two ids that a rule needs both.
fn pair(
    reader: &mut Reader<'_>,
    one: &'static str,
    other: &'static str,
) -> Option<(FolderId, FolderId)> {
    let is_set = |name| reader.variables.is_set(name);
    let missing = match (is_set(one), is_set(other)) {
        (true, false) => Some((one, other)),
        (false, true) => Some((other, one)),
        _ => None,
    };
    if let Some((set, missing)) = missing {
        let what = format!("is not set, but {set} is: the rule needs both");
        reader.problem(missing, what);
    }
    let (one, other) = (reader.folder_id(one), reader.folder_id(other));
    Some((one?, other?))
}

fn copy_rule(reader: &mut Reader<'_>, triggers: &[Trigger]) -> Option<Rule> {
    const DESTINATION: &str = "INTERNAL_PROCESSING_FOLDER_ID";

    let (room, to) = pair(reader, "SHARED_WITH_CLIENT_ROOM_ID", DESTINATION)?;
    if room == to {
        let what = "is the client room itself; uploads must be copied to another folder";
        reader.problem(DESTINATION, what);
    }
    Some(environment_rules::copy_rule(room, to, triggers.to_vec()))
}

fn invoice_rule(reader: &mut Reader<'_>, triggers: &[Trigger]) -> Option<Rule> {
    const DESTINATION: &str = "INCOMING_FOLDER_ID";

    let ids = pair(reader, "CLIENT_ROOT_ID", DESTINATION);
    let managers = reader.email_addresses("MANAGER_EMAIL");
    let title = title_prefix(reader);
    let (room, to) = ids?;
    if room == to {
        let what = "is the client room itself; invoices must be moved to another folder";
        reader.problem(DESTINATION, what);
    }
    let then = after_move(managers, reader.variables);
    let triggers = triggers.to_vec();
    Some(environment_rules::invoice_rule(
        room, to, title?, then, triggers,
    ))
}

fn title_prefix(reader: &mut Reader<'_>) -> Option<Condition> {
    let prefix = reader.get("INVOICE_TITLE_PREFIX");
    match Condition::title_prefix([prefix.unwrap_or(INVOICE_TITLE_PREFIX)]) {
        Ok(condition) => Some(condition),
        Err(error) => {
            reader.problem("INVOICE_TITLE_PREFIX", format!("cannot be used: {error}"));
            None
        }
    }
}

/// One notification per address, so that each succeeds or fails on its own. The pipeline call comes last and
/// does not wait for notifications.
fn after_move(managers: Vec<String>, variables: &Variables) -> Vec<ActionPlan> {
    let emails = managers
        .into_iter()
        .map(|to| Notify::email(Some(to)).into());
    let mut actions: Vec<ActionPlan> = emails.collect();
    if variables.is_set("NOTIFY_WEBHOOK_URL") {
        actions.push(Notify::Chat.into());
    }
    if actions.is_empty() {
        actions.push(Notify::email(None).into());
    }
    if variables.is_set("PIPELINE_URL") {
        actions.push(Call::Call.into());
    }
    actions
}
