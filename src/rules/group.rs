//! Groups: alternatives, of which only the first rule that matches an event acts.

use std::collections::HashMap;

use super::mismatch::Mismatch;
use super::rule::{Evaluation, Rule};

/// The rule of each group that matches an event, as far as the rules were evaluated.
#[derive(Default)]
pub(super) struct GroupMatches<'a>(HashMap<&'a str, &'a Rule>);

impl<'a> GroupMatches<'a> {
    /// The rule that matches, of the group to which this one belongs.
    pub(super) fn in_group_of(&self, rule: &Rule) -> Option<&'a Rule> {
        self.0.get(rule.group.as_deref()?).copied()
    }

    /// Remembers a rule if it is the one of its group. A rule whose own action caused the event matches, too: that
    /// it does nothing more is no reason for an alternative to act.
    pub(super) fn add(&mut self, rule: &'a Rule, evaluation: &Evaluation<'_>) {
        if let Some(group) = &rule.group
            && let Evaluation::Matched(_) | Evaluation::Ignored(Mismatch::OwnAction) = evaluation
        {
            self.0.insert(group, rule);
        }
    }
}
