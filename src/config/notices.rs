//! Warnings: settings that are valid and have no effect.

use super::variables::Variables;

/// Variables that have no effect without another one.
const NO_EFFECT_WITHOUT: [(&str, &str); 4] = [
    ("OPERATOR_EMAIL", "SMTP_URL"),
    ("MAIL_FROM", "SMTP_URL"),
    ("PIPELINE_SECRET", "PIPELINE_URL"),
    ("PIPELINE_URL", "CLIENT_ROOT_ID"),
];

/// Variables of which one is set if there are any rules.
const RULE_VARIABLES: [&str; 3] = ["SHARED_WITH_CLIENT_ROOM_ID", "CLIENT_ROOT_ID", "RULES_FILE"];

/// The warnings, without full stops.
pub(super) fn notices(variables: &Variables) -> Vec<String> {
    let mut notices: Vec<String> = NO_EFFECT_WITHOUT
        .iter()
        .filter(|(name, needed)| variables.is_set(name) && !variables.is_set(needed))
        .map(|(name, needed)| format!("{name} has no effect without {needed}"))
        .collect();
    if !RULE_VARIABLES.iter().any(|name| variables.is_set(name)) {
        notices.push("no rule is configured: events are stored, and no action is taken".to_owned());
    }
    notices
}
