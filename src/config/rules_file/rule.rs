//! One `[[rule]]`: its name, its triggers, its conditions.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::event::Trigger;
use crate::pipeline;
use crate::rules::{Account, ActionPlan, Condition, Pattern, PatternError, Rule};

use super::fields::{Fields, Sheet, alike};
use super::{RESERVED, Surroundings, action, tables};

/// The longest name, in characters: it stands in tables and log lines.
const LONGEST_NAME: usize = 60;

/// Triggers that are about neither file nor folder nor room, by what stands before their dot.
const ABOUT_OTHERS: [&str; 3] = ["user.", "group.", "agent."];

/// What a rule may refer to.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) triggers: &'a [String],
    /// The names of the rules before it.
    pub(super) names: &'a [String],
    pub(super) surroundings: Surroundings<'a>,
}

/// What was made of a table.
#[derive(Default)]
pub(super) struct Read {
    pub(super) name: Option<String>,
    /// Nothing when too much is wrong with it.
    pub(super) rule: Option<Rule>,
    pub(super) pipelines: Vec<(String, pipeline::PipelineSettings)>,
}

/// Reads the rule at this place in the order of the file, from 1.
pub(super) fn read(
    table: &DeTable<'_>,
    at: &Range<usize>,
    position: usize,
    known: Known<'_>,
    sheet: &mut Sheet<'_>,
) -> Read {
    let given = table
        .iter()
        .find(|(key, _)| key.get_ref() == "name")
        .and_then(|(_, value)| value.get_ref().as_str());
    let shown = match given.map(str::trim).filter(|name| !name.is_empty()) {
        Some(name) => format!("“{name}”"),
        None => format!("number {position}"),
    };
    let mut fields = Fields::new(table, Some(&shown), "");
    let name = name(&mut fields, at, &shown, known, sheet);
    let triggers = triggers(&mut fields, at, &shown, known.triggers, sheet);
    let conditions = conditions(&mut fields, &shown, sheet);
    let (actions, pipelines) = actions(&mut fields, at, &shown, known.surroundings, sheet);
    fields.refuse_others(sheet);
    check_file_work(&triggers, &actions, at, &shown, sheet);
    let rule = name.clone().map(|name| Rule {
        name,
        triggers,
        conditions,
        actions,
    });
    Read {
        name,
        rule,
        pipelines,
    }
}

fn name(
    fields: &mut Fields<'_>,
    at: &Range<usize>,
    rule: &str,
    known: Known<'_>,
    sheet: &mut Sheet<'_>,
) -> Option<String> {
    let Some(value) = fields.take("name") else {
        sheet.add(
            at,
            Some(rule),
            "name",
            "is missing: a word or two that name the rule everywhere",
        );
        return None;
    };
    let name = sheet.text(Some(rule), "name", value)?.trim().to_owned();
    let wrong = if name.is_empty() {
        Some("is empty".to_owned())
    } else if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        Some(format!(
            "must be one line of at most {LONGEST_NAME} characters"
        ))
    } else if RESERVED.contains(&name.as_str()) {
        Some("is the name of a rule of the environment; choose another".to_owned())
    } else if known.names.contains(&name) {
        Some("is the name of a rule above; each rule needs its own".to_owned())
    } else {
        None
    };
    if let Some(what) = wrong {
        sheet.add(&value.span(), Some(rule), "name", what);
        return None;
    }
    Some(name)
}

fn triggers(
    fields: &mut Fields<'_>,
    at: &Range<usize>,
    rule: &str,
    known: &[String],
    sheet: &mut Sheet<'_>,
) -> Vec<Trigger> {
    let Some(value) = fields.take("triggers") else {
        sheet.add(
            at,
            Some(rule),
            "triggers",
            "is missing: what the rule listens to, such as [\"file.uploaded\"]",
        );
        return Vec::new();
    };
    let mut triggers: Vec<Trigger> = Vec::new();
    for (name, at) in sheet.texts(Some(rule), "triggers", value) {
        let trigger = Trigger::new(&name);
        let about_others = ABOUT_OTHERS
            .iter()
            .any(|other| trigger.as_str().starts_with(other));
        if about_others {
            let what = format!("{name} is about no file, folder or room, and no rule can use it");
            sheet.add(&at, Some(rule), "triggers", what);
        } else if !known.iter().any(|known| known == trigger.as_str()) {
            let suggestion = alike(trigger.as_str(), known.iter().map(String::as_str));
            let suggestion = suggestion.map_or_else(
                || "name it in other_triggers if your portal is newer".to_owned(),
                |known| format!("did you mean {known}?"),
            );
            let what = format!("{name} is no trigger of DocSpace 3.7; {suggestion}");
            sheet.add(&at, Some(rule), "triggers", what);
        } else if !triggers.contains(&trigger) {
            triggers.push(trigger);
        }
    }
    triggers
}

fn conditions(fields: &mut Fields<'_>, rule: &str, sheet: &mut Sheet<'_>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    let places: [(&'static str, fn(_) -> _); 3] = [
        ("room", Condition::Room),
        ("folder", Condition::Folder),
        ("folder_tree", Condition::FolderTree),
    ];
    for (name, condition) in places {
        if let Some(value) = fields.take(name) {
            conditions.push(condition(sheet.folders(Some(rule), name, value)));
        }
    }
    if let Some(value) = fields.take("title") {
        match value.get_ref() {
            DeValue::Table(table) => {
                let title = Fields::new(table, Some(rule), "title");
                conditions.extend(title_conditions(title, &value.span(), rule, sheet));
            }
            _ => sheet.add(
                &value.span(),
                Some(rule),
                "title",
                "must be a table such as { prefix = \"invoice\" }",
            ),
        }
    }
    if let Some(value) = fields.take("extension") {
        let extensions = sheet.texts(Some(rule), "extension", value).into_iter();
        let extensions = extensions.map(|(extension, _)| {
            let extension = extension.trim().to_lowercase();
            extension.trim_start_matches('.').to_owned()
        });
        conditions.push(Condition::Extension(extensions.collect()));
    }
    for (name, condition) in [
        ("by", Condition::By as fn(_) -> _),
        ("by_not", Condition::NotBy),
    ] {
        if let Some(value) = fields.take(name) {
            let accounts = sheet.texts(Some(rule), name, value).into_iter();
            let accounts =
                accounts.filter_map(|(account, at)| account_of(&account, &at, rule, name, sheet));
            conditions.push(condition(accounts.collect()));
        }
    }
    conditions
}

fn account_of(
    text: &str,
    at: &Range<usize>,
    rule: &str,
    field: &str,
    sheet: &mut Sheet<'_>,
) -> Option<Account> {
    match text.trim() {
        "self" => Some(Account::ApiKeyUser),
        id if id.len() == GUID
            && id
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || byte == b'-') =>
        {
            Some(Account::Id(id.to_owned()))
        }
        _ => {
            let what = "must be \"self\", which is the key's own user, or the id of an account";
            sheet.add(at, Some(rule), field, what);
            None
        }
    }
}

/// The length of an account's id.
const GUID: usize = 36;

fn title_conditions(
    mut title: Fields<'_>,
    at: &Range<usize>,
    rule: &str,
    sheet: &mut Sheet<'_>,
) -> Vec<Condition> {
    let mut conditions = Vec::new();
    if let Some(value) = title.take("prefix") {
        let prefixes = sheet.texts(Some(rule), "title.prefix", value).into_iter();
        let prefixes: Vec<String> = prefixes
            .map(|(prefix, _)| prefix.trim().to_lowercase())
            .collect();
        if prefixes.iter().any(String::is_empty) {
            let what = "is empty, and every title starts so; leave it out";
            sheet.add(&value.span(), Some(rule), "title.prefix", what);
        }
        conditions.push(Condition::TitlePrefix(prefixes));
    }
    let mut pattern = |name: &'static str,
                       compile: fn(&str) -> Result<Pattern, PatternError>,
                       condition: fn(Pattern) -> Condition| {
        let Some(value) = title.take(name) else {
            return;
        };
        let field = format!("title.{name}");
        let Some(text) = sheet.text(Some(rule), &field, value) else {
            return;
        };
        match compile(&text) {
            Ok(pattern) => conditions.push(condition(pattern)),
            Err(error) => sheet.add(&value.span(), Some(rule), &field, error.to_string()),
        }
    };
    pattern("glob", Pattern::glob, Condition::TitleGlob);
    pattern("regex", Pattern::regex, Condition::TitleRegex);
    if !title.has_any() {
        sheet.add(at, Some(rule), "title", "needs prefix, glob or regex");
    }
    title.refuse_others(sheet);
    conditions
}

fn actions(
    fields: &mut Fields<'_>,
    at: &Range<usize>,
    rule: &str,
    surroundings: Surroundings<'_>,
    sheet: &mut Sheet<'_>,
) -> (Vec<ActionPlan>, Vec<(String, pipeline::PipelineSettings)>) {
    let (mut actions, mut pipelines) = (Vec::new(), Vec::new());
    let found = tables(fields, "action", Some(rule), sheet);
    if found.is_empty() {
        sheet.add(
            at,
            Some(rule),
            "action",
            "is missing: what the rule does, one [[rule.action]] for each thing",
        );
    }
    for value in found {
        if let DeValue::Table(table) = value.get_ref() {
            let read = action::read(table, &value.span(), rule, surroundings, sheet);
            actions.extend(read.plans);
            pipelines.extend(read.pipeline);
        }
    }
    (actions, pipelines)
}

/// Work on files needs triggers that tell of a file which is still there.
fn check_file_work(
    triggers: &[Trigger],
    actions: &[ActionPlan],
    at: &Range<usize>,
    rule: &str,
    sheet: &mut Sheet<'_>,
) {
    let Some(work) = actions.iter().find(|action| action.is_file_work()) else {
        return;
    };
    for trigger in triggers {
        let name = trigger.as_str();
        let about = if name == "file.deleted" {
            "a file that is gone"
        } else if name.starts_with("folder.") || name.starts_with("room.") {
            "a folder or room"
        } else {
            continue;
        };
        let what = format!(
            "{name} tells of {about}, and the rule has a {} to do; only notify and call can follow it",
            work.kind()
        );
        sheet.add(at, Some(rule), "triggers", what);
    }
}
