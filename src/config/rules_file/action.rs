//! One `[[rule.action]]`, whose field names the kind of action.

use std::collections::BTreeSet;

use crate::actions::KINDS;
use crate::results::ResultName;
use crate::rules::ActionPlan;
use crate::table_reader::{FieldValue, RuleContext, TableReader};

/// The header of an action's table.
pub(super) const ACTION: &str = "[[rule.action]]";

/// The plans of one table: several, for instance, for a notification with several addresses. `made` are the results that
/// the tables before it in the rule leave; those of this one are added.
pub(super) fn parse(
    mut table: TableReader<'_>,
    made: &mut Vec<ResultName>,
    context: RuleContext<'_>,
) -> Vec<ActionPlan> {
    let mut parsed = Vec::new();
    let mut found = Vec::new();
    for kind in KINDS {
        if let Some(value) = table.field(kind.name) {
            found.push(kind.name);
            let plans = (kind.parse)(&value, context).unwrap_or_default();
            check_results(&value, &plans, made);
            made.extend(kind.makes);
            parsed.push(plans);
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
    parsed.into_iter().next().unwrap_or_default()
}

/// Reports the results that plans name and no action before them leaves.
fn check_results(value: &FieldValue<'_>, plans: &[ActionPlan], made: &[ResultName]) {
    let used = plans.iter().flat_map(|plan| &plan.properties.uses);
    let missing: BTreeSet<ResultName> = used.filter(|name| !made.contains(name)).copied().collect();
    for name in missing {
        let makers = KINDS.iter().filter(|kind| kind.makes.contains(&name));
        let makers: Vec<&str> = makers.map(|kind| kind.name).collect();
        value.report(&format!(
            "uses {name}, but no action before it in the rule leaves a {}; these do: {}",
            name.noun(),
            makers.join(", ")
        ));
    }
}
