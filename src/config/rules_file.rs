//! `RULES_FILE`: further rules, as a person writes them in TOML.
//!
//! The file is read leniently and everything wrong with it is said at once, each problem with its line,
//! its rule and its field: `rules_file/fields.rs` walks the tables, `rules_file/rule.rs` makes rules of
//! them, `rules_file/action.rs` their actions. `docs/RULES.md` is the reference.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::docspace::triggers::TRIGGERS;
use crate::pipeline;
use crate::rules::{OTHERS, Rule};

use super::problems::Problems;
use super::raw::Raw;

mod action;
mod fields;
mod rule;

use fields::{Fields, Sheet};

/// Names that rules of the file cannot have: those of the environment's, and one that means many.
const RESERVED: [&str; 3] = ["copy", "invoice", OTHERS];

/// What the file holds.
#[derive(Debug, Default)]
pub(super) struct RulesFile {
    pub(super) rules: Vec<Rule>,
    /// The pipelines its rules call, by their keys.
    pub(super) pipelines: Vec<(String, pipeline::PipelineSettings)>,
}

/// What the rules of the file may refer to besides the file.
#[derive(Clone, Copy)]
struct Surroundings<'a> {
    /// Relative paths in the file count from here.
    folder: &'a Path,
    pairs: &'a [(String, String)],
    has_chat: bool,
    has_pipeline: bool,
}

impl Surroundings<'_> {
    fn variable(&self, name: &str) -> Option<&str> {
        let pair = self.pairs.iter().rfind(|(pair, _)| pair == name)?;
        Some(pair.1.trim()).filter(|value| !value.is_empty())
    }

    fn read(&self, path: &str) -> std::io::Result<String> {
        let text = std::fs::read_to_string(self.folder.join(path))?;
        Ok(text.trim().to_owned())
    }
}

/// Reads the file that the environment names, if it names one.
pub(super) fn read(raw: &Raw, pairs: &[(String, String)], problems: &mut Problems) -> RulesFile {
    let Some(path) = raw.rules_file.as_deref().map(PathBuf::from) else {
        return RulesFile::default();
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            let what = format!("cannot read {}: {error}", path.display());
            problems.add("RULES_FILE", what);
            return RulesFile::default();
        }
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut sheet = Sheet::new(&name, &text);
    let surroundings = Surroundings {
        folder: path.parent().unwrap_or(Path::new("")),
        pairs,
        has_chat: raw.notify_webhook_url.is_some(),
        has_pipeline: raw.pipeline_url.is_some(),
    };
    let file = understand(&text, surroundings, &mut sheet);
    for problem in sheet.into_problems() {
        problems.add("RULES_FILE", problem);
    }
    file
}

fn understand(text: &str, surroundings: Surroundings<'_>, sheet: &mut Sheet<'_>) -> RulesFile {
    let (document, errors) = DeTable::parse_recoverable(text);
    let broken = !errors.is_empty();
    for error in errors {
        let at = error.span().unwrap_or_default();
        sheet.add(&at, None, "", error.message());
    }
    if broken {
        // What was recovered may be half of what was meant.
        return RulesFile::default();
    }
    let mut top = Fields::new(document.get_ref(), None, "");
    let mut triggers: Vec<String> = TRIGGERS
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    if let Some(value) = top.take("other_triggers") {
        let others = sheet.texts(None, "other_triggers", value);
        triggers.extend(others.into_iter().map(|(name, _)| name.to_lowercase()));
    }
    let mut file = RulesFile::default();
    let mut names: Vec<String> = Vec::new();
    for (position, value) in tables(&mut top, "rule", None, sheet)
        .into_iter()
        .enumerate()
    {
        let DeValue::Table(table) = value.get_ref() else {
            continue;
        };
        let known = rule::Known {
            triggers: &triggers,
            names: &names,
            surroundings,
        };
        let read = rule::read(table, &value.span(), position + 1, known, sheet);
        names.extend(read.name);
        file.rules.extend(read.rule);
        file.pipelines.extend(read.pipelines);
    }
    top.refuse_others(sheet);
    file
}

/// The tables of an array of tables.
fn tables<'t>(
    fields: &mut Fields<'t>,
    name: &'static str,
    rule: Option<&str>,
    sheet: &mut Sheet<'_>,
) -> Vec<&'t toml::Spanned<DeValue<'t>>> {
    let Some(value) = fields.take(name) else {
        return Vec::new();
    };
    let DeValue::Array(array) = value.get_ref() else {
        let what = format!("must be written as [[{}]]", fields.path(name));
        sheet.add(&value.span(), rule, name, what);
        return Vec::new();
    };
    let (tables, others): (Vec<_>, Vec<_>) =
        array.iter().partition(|item| item.get_ref().is_table());
    for other in others {
        sheet.add(&other.span(), rule, name, "must be a table");
    }
    tables
}

#[cfg(test)]
mod tests;
