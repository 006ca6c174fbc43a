//! One `[[rule]]`: its name, triggers and conditions.

use crate::event::Trigger;
use crate::rules::{Account, ActionPlan, Condition, OTHERS, Pattern, PatternError, Rule};
use crate::similar::did_you_mean;
use crate::table_reader::{FieldValue, RuleContext, TableReader};

use super::action::{self, ACTION};

/// Names that rules of the file cannot have: those of the environment rules, and one that represents many rules.
const RESERVED: [&str; 3] = ["copy", "invoice", OTHERS];

/// The longest name, in characters; names are shown in tables and log lines.
const MAX_NAME_LENGTH: usize = 60;

/// Prefixes of triggers that are not about a file, folder or room.
const OTHER_SUBJECTS: [&str; 3] = ["user.", "group.", "agent."];

/// The length of a user's id, which is a GUID.
const USER_ID_LENGTH: usize = 36;

/// The parts of a rule that are valid.
#[derive(Default)]
pub(super) struct ParsedRule {
    pub(super) name: Option<String>,
    /// `None` without a valid name.
    pub(super) rule: Option<Rule>,
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
    let conditions = conditions(&mut table);
    let actions = actions(&mut table, context);
    check_file_actions(&table, &triggers, &actions);
    table.finish();
    let rule = name.clone().map(|name| Rule {
        name,
        triggers,
        conditions,
        actions,
    });
    ParsedRule { name, rule }
}

fn name(table: &mut TableReader<'_>, taken: &[String]) -> Option<String> {
    let value = table.required("name", "a short name that identifies the rule")?;
    let name = value.text()?.trim().to_owned();
    if name.is_empty() {
        value.report("is empty");
    } else if name.chars().count() > MAX_NAME_LENGTH || name.chars().any(char::is_control) {
        value.report(&format!(
            "must be one line of at most {MAX_NAME_LENGTH} characters"
        ));
    } else if RESERVED.contains(&name.as_str()) {
        value.report("is a reserved name; choose another one");
    } else if taken.contains(&name) {
        value.report("is already the name of a rule above; choose another one");
    } else {
        return Some(name);
    }
    None
}

fn triggers(table: &mut TableReader<'_>, context: RuleContext<'_>) -> Vec<Trigger> {
    let hint = "the events that the rule is about, such as [\"file.uploaded\"]";
    let Some(value) = table.required("triggers", hint) else {
        return Vec::new();
    };
    let mut triggers: Vec<Trigger> = Vec::new();
    for item in value.items() {
        let Some(name) = item.text() else {
            continue;
        };
        let trigger = Trigger::new(&name);
        let prefixes = OTHER_SUBJECTS.iter();
        let known = context.triggers.iter().map(String::as_str);
        if prefixes
            .into_iter()
            .any(|prefix| trigger.as_str().starts_with(prefix))
        {
            item.report(&format!(
                "{name} is not about a file, folder or room, so rules cannot use it"
            ));
        } else if !known.clone().any(|known| known == trigger.as_str()) {
            let hint = did_you_mean(trigger.as_str(), known)
                .unwrap_or_else(|| "if your portal is newer, add it to other_triggers".to_owned());
            item.report(&format!("{name} is not a trigger of DocSpace 3.7; {hint}"));
        } else if !triggers.contains(&trigger) {
            triggers.push(trigger);
        }
    }
    triggers
}

fn conditions(table: &mut TableReader<'_>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    let places: [(&'static str, fn(_) -> _); 3] = [
        ("room", Condition::Room),
        ("folder", Condition::Folder),
        ("folder_tree", Condition::FolderTree),
    ];
    for (name, condition) in places {
        let value = table.field(name);
        conditions.extend(value.map(|value| condition(value.folder_ids())));
    }
    if let Some(value) = table.field("title")
        && let Some(title) = value.table("{ prefix = \"invoice\" }")
    {
        conditions.extend(title_conditions(title));
    }
    if let Some(value) = table.field("extension") {
        let extensions = value.texts().into_iter();
        let extensions =
            extensions.map(|text| text.to_lowercase().trim_start_matches('.').to_owned());
        conditions.push(Condition::Extension(extensions.collect()));
    }
    let actors: [(&'static str, fn(_) -> _); 2] =
        [("by", Condition::By), ("by_not", Condition::NotBy)];
    for (name, condition) in actors {
        if let Some(value) = table.field(name) {
            let accounts = value.items().into_iter();
            conditions.push(condition(
                accounts.filter_map(|item| account(&item)).collect(),
            ));
        }
    }
    conditions
}

fn account(value: &FieldValue<'_>) -> Option<Account> {
    let text = value.text()?;
    match text.trim() {
        "self" => Some(Account::ApiKeyUser),
        id if id.len() == USER_ID_LENGTH
            && id
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || byte == b'-') =>
        {
            Some(Account::Id(id.to_owned()))
        }
        _ => {
            value.report("must be \"self\" (the user of the API key) or the id of a user");
            None
        }
    }
}

fn title_conditions(mut title: TableReader<'_>) -> Vec<Condition> {
    type Compile = fn(&str) -> Result<Pattern, PatternError>;
    type Make = fn(Pattern) -> Condition;
    const PATTERNS: [(&str, Compile, Make); 2] = [
        ("glob", Pattern::glob, Condition::TitleGlob),
        ("regex", Pattern::regex, Condition::TitleRegex),
    ];

    let mut conditions = Vec::new();
    if let Some(value) = title.field("prefix") {
        let texts = value.texts();
        match Condition::title_prefix(texts.iter().map(String::as_str)) {
            Ok(condition) => conditions.push(condition),
            Err(_) => value.report("is empty, which matches every title; remove it"),
        }
    }
    for (name, compile, condition) in PATTERNS {
        if let Some(value) = title.field(name)
            && let Some(text) = value.text()
        {
            match compile(&text) {
                Ok(pattern) => conditions.push(condition(pattern)),
                Err(error) => value.report(&error.to_string()),
            }
        }
    }
    if !title.has_known_field() {
        title.report("needs prefix, glob or regex");
    }
    title.finish();
    conditions
}

fn actions(table: &mut TableReader<'_>, context: RuleContext<'_>) -> Vec<ActionPlan> {
    let actions = table.tables("action", ACTION);
    if actions.is_empty() {
        let what = format!("is missing: add one {ACTION} for each thing that the rule does");
        table.report_field("action", &what);
    }
    let plans = actions
        .into_iter()
        .map(|table| action::parse(table, context));
    plans.flatten().collect()
}

/// Actions on files need triggers about a file that still exists.
fn check_file_actions(table: &TableReader<'_>, triggers: &[Trigger], actions: &[ActionPlan]) {
    let Some(action) = actions.iter().find(|action| action.properties.is_file_work) else {
        return;
    };
    for trigger in triggers {
        let name = trigger.as_str();
        let subject = if name == "file.deleted" {
            "a deleted file"
        } else if name.starts_with("folder.") || name.starts_with("room.") {
            "a folder or room"
        } else {
            continue;
        };
        let what = format!(
            "{name} is about {subject}, so the rule cannot {}; only notify and call are possible",
            action.kind
        );
        table.report_field("triggers", &what);
    }
}
