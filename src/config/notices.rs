//! Warnings: settings that are valid and have no effect.

use super::settings::Settings;

/// Variables that have no effect without another one.
const NO_EFFECT_WITHOUT: [(&str, &str); 4] = [
    ("OPERATOR_EMAIL", "SMTP_URL"),
    ("MAIL_FROM", "SMTP_URL"),
    ("PIPELINE_SECRET", "PIPELINE_URL"),
    ("PIPELINE_URL", "CLIENT_ROOT_ID"),
];

impl Settings {
    /// Warnings, in whole sentences without a full stop.
    pub(super) fn notices(&self) -> Vec<String> {
        let mut notices: Vec<String> = NO_EFFECT_WITHOUT
            .iter()
            .filter(|(name, needed)| self.is_set(name) && !self.is_set(needed))
            .map(|(name, needed)| format!("{name} has no effect without {needed}"))
            .collect();
        let rules = ["SHARED_WITH_CLIENT_ROOM_ID", "CLIENT_ROOT_ID", "RULES_FILE"];
        if !rules.iter().any(|name| self.is_set(name)) {
            notices.push(
                "no rule is configured: events are stored, and no action is taken".to_owned(),
            );
        }
        notices
    }
}
