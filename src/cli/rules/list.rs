//! The rules as a person reads them.

use serde::Serialize;

use crate::rules::Rule;
use crate::text::clean;

use super::Paint;

/// A rule in a list.
#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    triggers: Vec<String>,
    conditions: Vec<String>,
    actions: Vec<String>,
}

impl Shown {
    fn of(rule: &Rule) -> Self {
        Self {
            name: rule.name.clone(),
            triggers: rule.triggers.iter().map(ToString::to_string).collect(),
            conditions: rule.conditions.iter().map(ToString::to_string).collect(),
            actions: rule.actions.iter().map(ToString::to_string).collect(),
        }
    }
}

/// The rules in the order in which they are asked.
pub(super) fn render(rules: &[Rule], json: bool, paint: Paint) -> anyhow::Result<String> {
    let shown: Vec<Shown> = rules.iter().map(Shown::of).collect();
    if json {
        return Ok(serde_json::to_string_pretty(&shown)? + "\n");
    }
    if shown.is_empty() {
        return Ok(
            "There are no rules: set them up in the environment or in RULES_FILE.\n".to_owned(),
        );
    }
    let mut lines = Vec::new();
    for rule in shown {
        let everywhere = vec!["whatever file it is about".to_owned()];
        let conditions = if rule.conditions.is_empty() {
            everywhere
        } else {
            rule.conditions
        };
        lines.push(paint.strong(&clean(&rule.name)));
        lines.push(format!("  on    {}", clean(&rule.triggers.join(", "))));
        lines.push(format!("  where {}", clean(&conditions.join(" and "))));
        lines.push(format!("  do    {}", clean(&rule.actions.join(", then "))));
        lines.push(String::new());
    }
    let count = rules.len();
    let plural = if count == 1 { "rule" } else { "rules" };
    lines.push(paint.dim(&format!("{count} {plural}, asked in this order")));
    Ok(lines.join("\n") + "\n")
}
