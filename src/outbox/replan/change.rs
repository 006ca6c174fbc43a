//! What a replay changes about an action, for people.

use serde::{Deserialize, Serialize};

/// What a replay changes about one action of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReplanChange {
    /// The rule that plans the action now, or planned it.
    pub rule: String,
    /// The name of its kind.
    pub kind: String,
    /// The plan, as its kind stores it.
    pub plan: String,
    /// What becomes of it.
    #[serde(flatten)]
    pub change: PlanChange,
}

/// What becomes of an action.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum PlanChange {
    /// It is done, runs, or may have taken effect; it is not planned again.
    Kept,
    /// It is tried again as it was planned.
    Retried,
    /// It replaces another action.
    Replaced {
        /// The kind of the other one.
        old_kind: String,
        /// The plan of the other one.
        old_plan: String,
    },
    /// It is new.
    Added,
    /// It is not carried out.
    Dropped {
        /// Why.
        reason: String,
    },
}
