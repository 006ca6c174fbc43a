//! The list of active rules.

use serde::Serialize;

use crate::cli::output::{DIM, STRONG, WARNING, count, styled};
use crate::config::Rules;
use crate::outbox::PausedRule;
use crate::text::{clean, time};

/// Printed instead of an empty list.
pub(super) const NO_RULES: &str =
    "There are no rules. Define them in the environment or in RULES_FILE.";

/// A rule in a list.
#[derive(Debug, Serialize)]
pub(super) struct RuleView {
    name: String,
    /// Whether it is evaluated.
    enabled: bool,
    /// Its group, of which only the first rule that matches acts; `null` if it has none.
    group: Option<String>,
    triggers: Vec<String>,
    conditions: Vec<String>,
    actions: Vec<String>,
    /// Since when it is paused, and how many actions it holds; `null` if it is not paused.
    paused: Option<PausedRule>,
}

/// The rules, in the order in which they are evaluated, and then those that are not.
pub(super) fn views(rules: &Rules, paused: &[PausedRule]) -> Vec<RuleView> {
    let enabled = rules.rules.iter().map(|rule| (rule, true));
    let disabled = rules.disabled.iter().map(|rule| (rule, false));
    let views = enabled.chain(disabled).map(|(rule, enabled)| RuleView {
        name: rule.name.clone(),
        enabled,
        group: rule.group.clone(),
        triggers: rule.triggers.iter().map(ToString::to_string).collect(),
        conditions: rule.conditions.iter().map(ToString::to_string).collect(),
        actions: rule.actions.iter().map(ToString::to_string).collect(),
        paused: paused.iter().find(|it| it.rule == rule.name).cloned(),
    });
    views.collect()
}

/// The lines of the list.
pub(super) fn render(rules: &[RuleView]) -> Vec<String> {
    if rules.is_empty() {
        return vec![NO_RULES.to_owned()];
    }
    let mut lines = Vec::new();
    for rule in rules {
        let conditions = match &rule.conditions[..] {
            [] => "any file".to_owned(),
            conditions => conditions.join(" and "),
        };
        lines.push(styled(STRONG, &clean(&rule.name)));
        if let Some(paused) = &rule.paused {
            let since = time(paused.paused_at);
            let remark = format!("  paused since {since} UTC, actions held: {}", paused.held);
            lines.push(styled(WARNING, &remark));
        }
        if !rule.enabled {
            lines.push(styled(WARNING, "  not evaluated: enabled = false"));
        }
        if let Some(group) = &rule.group {
            let group = clean(group);
            lines.push(format!(
                "  group {group}: only the first rule that matches acts"
            ));
        }
        lines.push(format!("  on    {}", clean(&rule.triggers.join(", "))));
        lines.push(format!("  where {}", clean(&conditions)));
        lines.push(format!("  do    {}", clean(&rule.actions.join(", then "))));
        lines.push(String::new());
    }
    let evaluated = rules.iter().filter(|rule| rule.enabled).count();
    let rules = count(evaluated, "rule");
    lines.push(styled(DIM, &format!("{rules}, evaluated in this order")));
    lines
}
