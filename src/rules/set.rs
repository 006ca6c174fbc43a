//! All rules together, in order of definition, indexed by trigger.

use std::collections::HashMap;

use crate::event::{Event, Trigger};

use super::condition::Condition;
use super::decision::Decision;
use super::entry_view::EntryView;
use super::explain::{self, Explanation};
use super::facts::{Facts, MissingFact};
use super::group::GroupMatches;
use super::rule::{Evaluation, Rule};

/// How many rules that ignore an event get a decision of their own. With more rules than this, those that
/// do not listen to the trigger are not evaluated, so that an event does not store a thousand decisions.
const IGNORED_DECISIONS: usize = 20;

/// The rule name of the decision that represents all rules without one of their own.
pub const OTHERS: &str = "(others)";

/// A set of rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSet {
    rules: Vec<Rule>,
    /// The positions of the rules that listen to a trigger.
    by_trigger: HashMap<Trigger, Vec<usize>>,
}

impl RuleSet {
    /// A set of these rules, in this order.
    pub fn new(mut rules: Vec<Rule>) -> Self {
        let mut by_trigger: HashMap<Trigger, Vec<usize>> = HashMap::new();
        for (position, rule) in rules.iter_mut().enumerate() {
            rule.conditions.sort_by_key(Condition::cost);
            for trigger in &rule.triggers {
                let positions = by_trigger.entry(trigger.clone()).or_default();
                if positions.last() != Some(&position) {
                    positions.push(position);
                }
            }
        }
        Self { rules, by_trigger }
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether any rule listens to the event's trigger.
    pub fn listens_to(&self, event: &Event) -> bool {
        event
            .trigger
            .as_ref()
            .is_some_and(|trigger| self.by_trigger.contains_key(trigger))
    }

    /// Explains how each rule evaluates an event, including conditions behind one that fails.
    pub fn explain(&self, facts: &Facts<'_>) -> Vec<Explanation> {
        explain::explain(&self.rules, facts)
    }

    /// The next fact that a complete explanation lacks.
    pub fn explanation_needs(&self, facts: &Facts<'_>) -> Option<MissingFact> {
        explain::missing_fact(&self.rules, facts)
    }

    /// Decides what each rule does about an event, in order of definition.
    pub fn decide<'r>(&'r self, facts: &'r Facts<'r>) -> Result<Vec<Decision>, MissingFact> {
        let entry = facts.event.entry.as_ref();
        let view = entry.map(|entry| EntryView::new(entry, facts));
        let mut decisions = Vec::new();
        let (mut ignored, mut summarized) = (0, 0);
        let mut matched = GroupMatches::default();
        let mut decide = |rule: &'r Rule| -> Result<(), MissingFact> {
            let evaluation = rule.evaluate(facts, view.as_ref(), &matched);
            rule.claim_group(&evaluation, &mut matched);
            match evaluation {
                Evaluation::Matched(entry) => decisions.push(rule.plan(entry, facts)?),
                Evaluation::Ignored(_) if ignored == IGNORED_DECISIONS => summarized += 1,
                Evaluation::Ignored(mismatch) => {
                    ignored += 1;
                    decisions.push(rule.ignored(mismatch.to_string()));
                }
                Evaluation::Unknown(missing) => return Err(missing),
            }
            Ok(())
        };
        if self.rules.len() <= IGNORED_DECISIONS {
            self.rules.iter().try_for_each(&mut decide)?;
            return Ok(decisions);
        }
        let trigger = facts.event.trigger.as_ref();
        let listening = trigger.and_then(|trigger| self.by_trigger.get(trigger));
        let listening = listening.map_or(&[][..], Vec::as_slice);
        for position in listening {
            decide(&self.rules[*position])?;
        }
        summarized += self.rules.len() - listening.len();
        decisions.extend(summary(
            summarized,
            "`docspace-courier rules explain` shows why",
        ));
        Ok(decisions)
    }

    /// Ignores an event under every rule, for one reason.
    pub fn ignore(&self, reason: &str) -> Vec<Decision> {
        let rules = self.rules.iter().take(IGNORED_DECISIONS);
        let decisions = rules.map(|rule| rule.ignored(reason.to_owned()));
        let summarized = self.rules.len().saturating_sub(IGNORED_DECISIONS);
        decisions.chain(summary(summarized, reason)).collect()
    }
}

/// The decision that represents those of this many rules, if there are any.
fn summary(rules: usize, why: &str) -> Option<Decision> {
    (rules > 0).then(|| Decision {
        rule: OTHERS.to_owned(),
        reason: format!("{rules} more rules ignore the event; {why}"),
        planned: None,
    })
}

impl From<Vec<Rule>> for RuleSet {
    fn from(rules: Vec<Rule>) -> Self {
        Self::new(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::FolderId;
    use crate::rules::tests::{INVOICE, event};
    use crate::wire::FolderType;

    fn rule(name: String, trigger: &str, room: i64) -> Rule {
        Rule {
            name,
            triggers: vec![Trigger::new(trigger)],
            group: None,
            conditions: vec![Condition::Room(vec![FolderId::from(room)])],
            actions: Vec::new(),
        }
    }

    #[test]
    fn all_matches_and_a_few_mismatches_of_many_rules_are_decided() {
        let mut rules: Vec<Rule> = (0..500)
            .map(|number| rule(format!("other {number}"), "file.moved", 100))
            .collect();
        rules.push(rule("matches".to_owned(), "file.uploaded", 100));
        rules.extend((0..30).map(|number| rule(format!("own {number}"), "file.uploaded", 7)));
        rules.push(rule("matches too".to_owned(), "file.uploaded", 100));
        let mut upload = event("file.uploaded", INVOICE);
        // In personal documents, the room need not be looked up.
        upload.entry.as_mut().unwrap().root_kind = Some(FolderType::MyDocuments);
        let decisions = RuleSet::new(rules).decide(&Facts::of(&upload)).unwrap();
        let matching: Vec<&str> = decisions
            .iter()
            .filter(|decision| decision.planned.is_some())
            .map(|decision| decision.rule.as_str())
            .collect();
        assert_eq!(matching, ["matches", "matches too"]);
        assert_eq!(decisions.len(), 2 + IGNORED_DECISIONS + 1);
        let last = decisions.last().unwrap();
        assert_eq!(last.rule, OTHERS);
        assert!(last.reason.starts_with("510 more rules"), "{}", last.reason);
    }
}
