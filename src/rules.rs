//! Rules: decide what to do about an event.
//!
//! A rule is data: triggers, conditions and an ordered list of actions. The two rules configured by
//! environment variables are values of the same type as those of the rules file. [`RuleSet::decide`] is a
//! pure function: what the delivery does not say, it reports as a [`MissingFact`], and the caller asks the
//! portal. There is no input or output here.

// One rule and its parts.
mod action;
mod condition;
mod decision;
mod entry_view;
mod facts;
mod group;
mod mismatch;
mod normalization;
mod rule;

// All rules together.
mod active;
mod cycle;
mod explain;
mod set;

pub use action::{
    ActionPlan, ActionProperties, ChannelId, FileRight, KeyScope, NewFolder, OtherEvents, PlacedIn,
    Placement, Puts, WorksOn,
};
pub use active::ActiveRules;
pub use condition::{
    Account, Condition, EmptyText, FieldTest, Pattern, PatternError, SizeRange, TextTest,
};
pub use cycle::{RuleCycle, alias_watched_folder, find_cycles, unresolved_destinations};
pub use decision::{Decision, EventDecisions, FileState, PlannedActions};
pub use explain::{ConditionReport, Explanation, Verdict};
pub use facts::{Facts, Lookup, MissingFact};
pub use rule::Rule;
pub use set::{OTHERS, RuleSet};

#[cfg(test)]
mod tests;
