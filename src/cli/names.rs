//! How commands name events and rules.

use crate::rules::Rule;

/// Parses the number of an event.
pub(super) fn event_number(text: &str) -> Result<i64, &'static str> {
    text.parse()
        .map_err(|_| "an event is named by its number in `events list`, such as 23")
}

/// That there is no rule with this name, and which there are.
pub(super) fn no_such_rule(name: &str, rules: &[Rule]) -> String {
    let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    if names.is_empty() {
        return format!("there is no rule “{name}”; no rules are configured");
    }
    format!(
        "there is no rule “{name}”; the rules are: {}",
        names.join(", ")
    )
}
