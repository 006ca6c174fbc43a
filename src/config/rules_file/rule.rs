//! One `[[rule]]`: its name, triggers and conditions.

use crate::event::Trigger;
use crate::rules::{ActionPlan, OTHERS, Rule, WorksOn};
use crate::similar::did_you_mean;
use crate::table_reader::{FieldValue, RuleContext, TableReader};

use super::action::{self, ACTION};
use super::conditions;

/// Names that rules of the file cannot have: those of the environment rules, and one that represents many rules.
const RESERVED: [&str; 3] = ["copy", "invoice", OTHERS];

/// The longest name, in characters; names are shown in tables and log lines.
const MAX_NAME_LENGTH: usize = 60;

/// The parts of a rule that are valid.
#[derive(Default)]
pub(super) struct ParsedRule {
    pub(super) name: Option<String>,
    /// `None` without a valid name.
    pub(super) rule: Option<Rule>,
    /// Whether it is to be evaluated.
    pub(super) is_enabled: bool,
}

/// Parses the rule at a position in the file, from 1. Its name must not be taken.
pub(super) fn parse(
    table: TableReader<'_>,
    position: usize,
    taken: &[String],
    context: RuleContext<'_>,
) -> ParsedRule {
    let given = table.peek("name").map(str::trim);
    let label = match given.filter(|name| !name.is_empty()) {
        Some(name) => format!("“{name}”"),
        None => format!("number {position}"),
    };
    let mut table = table.of_rule(&label);
    let name = name(&mut table, taken);
    let triggers = triggers(&mut table, context);
    let group = group(&mut table);
    let is_enabled = table.field("enabled").and_then(|value| value.flag());
    let conditions = conditions::parse(&mut table);
    let actions = actions(&mut table, context);
    check_file_actions(&table, &triggers, &actions);
    table.finish();
    let rule = name.clone().map(|name| Rule {
        name,
        triggers,
        group,
        conditions,
        actions,
    });
    ParsedRule {
        name,
        rule,
        is_enabled: is_enabled.unwrap_or(true),
    }
}

fn name(table: &mut TableReader<'_>, taken: &[String]) -> Option<String> {
    let value = table.required("name", "a short name that identifies the rule")?;
    let name = short_name(&value)?;
    if RESERVED.contains(&name.as_str()) {
        value.report("is a reserved name; choose another one");
    } else if taken.contains(&name) {
        value.report("is already the name of a rule above; choose another one");
    } else {
        return Some(name);
    }
    None
}

fn group(table: &mut TableReader<'_>) -> Option<String> {
    short_name(&table.field("group")?)
}

/// A name that is neither empty nor too long for tables and log lines.
fn short_name(value: &FieldValue<'_>) -> Option<String> {
    let name = value.text()?.trim().to_owned();
    if name.is_empty() {
        value.report("is empty");
    } else if name.chars().count() > MAX_NAME_LENGTH || name.chars().any(char::is_control) {
        value.report(&format!(
            "must be one line of at most {MAX_NAME_LENGTH} characters"
        ));
    } else {
        return Some(name);
    }
    None
}

/// The triggers by which a file comes to a place (docs/DOCSPACE.md 3).
const ARRIVALS: [&str; 5] = [
    "file.uploaded",
    "file.created",
    "file.copied",
    "file.moved",
    "file.restored",
];

/// Whether the rule is about arrivals.
fn is_about_arrivals(table: &mut TableReader<'_>) -> bool {
    let Some(value) = table.field("arrivals") else {
        return false;
    };
    let is_on = value.flag();
    if is_on == Some(false) {
        value.report("must be true; leave it out if the rule is not about arrivals");
    }
    is_on == Some(true)
}

fn triggers(table: &mut TableReader<'_>, context: RuleContext<'_>) -> Vec<Trigger> {
    let hint = "the events that the rule is about, such as [\"file.uploaded\"]";
    let (mut triggers, value): (Vec<Trigger>, _) = if is_about_arrivals(table) {
        (ARRIVALS.map(Trigger::new).into(), table.field("triggers"))
    } else {
        (Vec::new(), table.required("triggers", hint))
    };
    for item in value.iter().flat_map(FieldValue::items) {
        let Some(name) = item.text() else {
            continue;
        };
        let trigger = Trigger::new(&name);
        let known = context.triggers.iter().map(String::as_str);
        if !known.clone().any(|known| known == trigger.as_str()) {
            let hint = did_you_mean(trigger.as_str(), known)
                .unwrap_or_else(|| "if your portal is newer, add it to other_triggers".to_owned());
            item.report(&format!("{name} is not a trigger of DocSpace 3.7; {hint}"));
        } else if !triggers.contains(&trigger) {
            triggers.push(trigger);
        }
    }
    triggers
}

fn actions(table: &mut TableReader<'_>, context: RuleContext<'_>) -> Vec<ActionPlan> {
    let actions = table.tables("action", ACTION);
    if actions.is_empty() {
        let what = format!("is missing: add one {ACTION} for each thing that the rule does");
        table.report_field("action", &what);
    }
    let mut made = Vec::new();
    let plans = actions
        .into_iter()
        .map(|table| action::parse(table, &mut made, context));
    plans.flatten().collect()
}

/// What is possible with events about folders and rooms.
const FOR_ROOMS: &str = "only create_folder, create_room, share, tag, archive, write, api, notify and call are possible";

/// What is possible with all events.
const FOR_OTHERS: &str = "only create_folder with below, create_room, share with room, write, api, notify and call are possible";

/// What is possible with events about users.
const FOR_USERS: &str = "only add_to_group, create_folder with below, create_room, share with room, write, api, notify and call are possible";

/// What is possible with events about files.
const FOR_FILES: &str = "it is possible with events about users only";

/// Actions on files need triggers about a file that still exists, those on rooms triggers about something in a room, and
/// those on people triggers about a user.
fn check_file_actions(table: &TableReader<'_>, triggers: &[Trigger], actions: &[ActionPlan]) {
    let find = |what: WorksOn| {
        let mut actions = actions.iter();
        actions.find(|action| action.properties.works_on == what)
    };
    let on_file = find(WorksOn::File);
    let on_person = find(WorksOn::Person);
    let not_on_room = on_file.or(on_person);
    let not_on_user = on_file.or_else(|| find(WorksOn::Room));
    let on_any = not_on_user.or(on_person);
    for trigger in triggers {
        let name = trigger.as_str();
        let (subject, impossible, possible) = match name.split_once('.') {
            Some(("file", "deleted")) => ("a deleted file", not_on_room, FOR_ROOMS),
            Some(("folder" | "room", "deleted")) => {
                ("a deleted folder or room", on_any, FOR_OTHERS)
            }
            Some(("folder" | "room", _)) => ("a folder or room", not_on_room, FOR_ROOMS),
            Some(("agent", _)) => ("an agent", on_any, FOR_OTHERS),
            Some(("user", "deleted")) => ("a deleted user", on_any, FOR_OTHERS),
            Some(("user", _)) => ("a user", not_on_user, FOR_USERS),
            Some(("group", _)) => ("a group", on_any, FOR_OTHERS),
            _ => ("a file", on_person, FOR_FILES),
        };
        if let Some(action) = impossible {
            let kind = action.kind;
            let what = format!("{name} is about {subject}, so the rule cannot {kind}; {possible}");
            table.report_field("triggers", &what);
        }
    }
}
