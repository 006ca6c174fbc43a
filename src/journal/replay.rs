//! What a replay changed or would change, in words.

use crate::actions;
use crate::outbox::{PlanChange, ReplanChange};

/// What a replay changes about an action, as a sentence without a full stop.
pub fn change_text(change: &ReplanChange) -> String {
    let ReplanChange {
        rule,
        kind,
        plan,
        change,
    } = change;
    let what = what(kind, plan);
    match change {
        PlanChange::Kept => format!("{rule}: {what} is kept: already done, or possibly done"),
        PlanChange::Retried => format!("{rule}: {what} is tried again"),
        PlanChange::Replaced { old_kind, old_plan } => {
            format!(
                "{rule}: {what} instead of {}",
                self::what(old_kind, old_plan)
            )
        }
        PlanChange::Added => format!("{rule}: {what} is new"),
        PlanChange::Dropped { reason } => format!("{rule}: {what} is dropped, because {reason}"),
    }
}

/// The stored changes of the last replay in words; none if it has not been decided yet.
pub(super) fn stored_changes(stored: Option<&str>) -> Vec<String> {
    let changes = stored.and_then(|stored| serde_json::from_str::<Vec<ReplanChange>>(stored).ok());
    changes.iter().flatten().map(change_text).collect()
}

fn what(kind: &str, plan: &str) -> String {
    // Only another version supports an action whose properties are unknown.
    let properties = actions::properties(kind, plan);
    properties.map_or_else(|| kind.to_owned(), |known| known.describe(kind))
}
