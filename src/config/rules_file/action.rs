//! One `[[rule.action]]`, whose field names the kind of action.

use crate::actions::KINDS;
use crate::rules::ActionPlan;
use crate::table_reader::{RuleContext, TableReader};

/// The header of an action's table.
pub(super) const ACTION: &str = "[[rule.action]]";

/// The plans of one table: several, for instance, for a notification with several addresses.
pub(super) fn parse(mut table: TableReader<'_>, context: RuleContext<'_>) -> Vec<ActionPlan> {
    let mut parsed = Vec::new();
    let mut found = Vec::new();
    for kind in KINDS {
        if let Some(value) = table.field(kind.name) {
            found.push(kind.name);
            parsed.push((kind.parse)(&value, context));
        }
    }
    if found.len() > 1 {
        table.report(&format!(
            "contains {}; write one {ACTION} for each, in the order in which they run",
            found.join(" and ")
        ));
    } else if table.is_empty() {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        table.report(&format!("is empty; expected one of {}", names.join(", ")));
    }
    table.finish();
    parsed.into_iter().flatten().next().unwrap_or_default()
}
