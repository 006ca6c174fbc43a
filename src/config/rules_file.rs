//! `RULES_FILE`: further rules, written by a person in TOML. `docs/RULES.md` is the reference.
//!
//! All problems of the file are reported at once, each with its line, rule and field. We do not use serde for
//! this, because it stops at the first one. `table_reader.rs` reads tables and values, and each kind of action
//! (`actions/`) parses its own field.

use std::path::Path;

use toml::de::DeTable;

use crate::docspace::triggers::TRIGGERS;
use crate::finding::{Finding, Severity};
use crate::pipeline::PipelineSettings;
use crate::rules::Rule;
use crate::table_reader::{Diagnostics, FileUses, RuleContext, TableReader};
use crate::text_file;

use super::reader::Reader;
use super::variables::Variables;

mod action;
mod conditions;
mod rule;
mod size;

/// The content of the file.
#[derive(Debug, Default)]
pub(super) struct RulesFile {
    pub(super) rules: Vec<Rule>,
    /// Those that are not to be evaluated (`enabled = false`).
    pub(super) disabled: Vec<Rule>,
    /// The pipelines that its rules call, by their keys.
    pub(super) pipelines: Vec<(String, PipelineSettings)>,
    /// The names of the variables that it uses.
    pub(super) variables: Vec<String>,
}

/// Reads `RULES_FILE` if it is set: this text, if it is given, and the file otherwise.
pub(super) fn read(reader: &mut Reader<'_>, text: Option<&str>) -> RulesFile {
    let Some(path) = reader.get("RULES_FILE").map(Path::new) else {
        return RulesFile::default();
    };
    let read = match text {
        Some(text) => Ok(text.to_owned()),
        None => text_file::read(path),
    };
    let text = match read {
        Ok(text) => text,
        Err(error) => {
            let what = format!("cannot read {}: {error}", path.display());
            reader.problem("RULES_FILE", what);
            return RulesFile::default();
        }
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = path.parent().unwrap_or(Path::new(""));
    let (file, findings) = parse(&text, &name, folder, reader.variables);
    reader.extend(findings);
    file
}

/// The rules of a file that are valid, and the findings about it.
fn parse(
    text: &str,
    name: &str,
    folder: &Path,
    variables: &Variables,
) -> (RulesFile, Vec<Finding>) {
    let diagnostics = Diagnostics::new(name, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or_default();
        diagnostics.add(Severity::Error, &span, "", "", error.message());
    }
    // After a syntax error, the document may be only a part of what was meant.
    let file = if errors.is_empty() {
        let top = TableReader::new(&document, &diagnostics);
        parse_document(top, folder, variables)
    } else {
        RulesFile::default()
    };
    (file, diagnostics.into_findings())
}

fn parse_document(mut top: TableReader<'_>, folder: &Path, variables: &Variables) -> RulesFile {
    let mut triggers: Vec<String> = TRIGGERS
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    if let Some(others) = top.field("other_triggers") {
        let names = others.texts().into_iter();
        triggers.extend(names.map(|name| name.to_lowercase()));
    }
    let uses = FileUses::default();
    let context = RuleContext {
        folder,
        variables,
        triggers: &triggers,
        uses: &uses,
    };
    let (mut rules, mut disabled, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for (position, table) in top.tables("rule", "[[rule]]").into_iter().enumerate() {
        let parsed = rule::parse(table, position + 1, &names, context);
        names.extend(parsed.name);
        if parsed.is_enabled {
            rules.extend(parsed.rule);
        } else {
            disabled.extend(parsed.rule);
        }
    }
    top.finish();
    RulesFile {
        rules,
        disabled,
        pipelines: uses.pipelines.into_inner(),
        variables: uses.variables.into_inner(),
    }
}

#[cfg(test)]
mod tests;
