//! Groups: alternatives, of which only the first rule that matches an event acts.

use std::collections::HashMap;

/// The name of the rule of each group that matches an event, as far as the rules were evaluated.
#[derive(Default)]
pub(super) struct GroupMatches<'a>(HashMap<&'a str, &'a str>);

impl<'a> GroupMatches<'a> {
    /// The rule of this group that matches.
    pub(super) fn first_of(&self, group: &str) -> Option<&'a str> {
        self.0.get(group).copied()
    }

    /// Remembers that a rule is the first of its group that matches.
    pub(super) fn add(&mut self, group: &'a str, rule: &'a str) {
        self.0.insert(group, rule);
    }
}
