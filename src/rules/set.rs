//! All rules together, in the order of definition, with what makes asking a thousand of them cheap.

use std::collections::HashMap;

use crate::event::{Event, Trigger};

use super::entry_view::EntryView;
use super::{Condition, Decision, Facts, MissingFact, Rule, RuleOutcome};

/// Rules whose refusals are told one by one; with more, those that do not even listen to the trigger are
/// passed over, and so are refusals beyond this number, so that a journal row is not a thousand rows.
const TOLD: usize = 20;

/// Under which name the rules that are not told one by one stand in a decision.
pub const OTHERS: &str = "(others)";

/// The rules in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSet {
    rules: Vec<Rule>,
    /// The positions of the rules that listen to a trigger.
    by_trigger: HashMap<Trigger, Vec<usize>>,
}

impl RuleSet {
    /// These rules, in this order.
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

    /// Asks every rule, in the order of definition, what to do about an event.
    pub fn decide(&self, facts: Facts<'_>) -> Result<Vec<Decision>, MissingFact> {
        let entry = facts.event.entry.as_ref();
        let seen = entry.map(|entry| EntryView::new(entry, facts));
        let mut decisions = Vec::new();
        let (mut told, mut silent) = (0, 0);
        let mut ask = |rule: &Rule| -> Result<(), MissingFact> {
            match rule.outcome(facts, seen.as_ref()) {
                RuleOutcome::Matched(entry) => decisions.push(rule.plan(entry, facts)?),
                RuleOutcome::Ignored(_) if told == TOLD => silent += 1,
                RuleOutcome::Ignored(reason) => {
                    told += 1;
                    decisions.push(rule.ignored(reason.to_string()));
                }
                RuleOutcome::Unknown(need) => return Err(need),
            }
            Ok(())
        };
        if self.rules.len() <= TOLD {
            self.rules.iter().try_for_each(&mut ask)?;
            return Ok(decisions);
        }
        let trigger = facts.event.trigger.as_ref();
        let listening = trigger.and_then(|trigger| self.by_trigger.get(trigger));
        let listening = listening.map_or(&[][..], Vec::as_slice);
        for position in listening {
            ask(&self.rules[*position])?;
        }
        silent += self.rules.len() - listening.len();
        if silent > 0 {
            decisions.push(Decision {
                rule: OTHERS.to_owned(),
                reason: format!(
                    "{silent} more rules do not want it; `docspace-courier rules explain` tells why"
                ),
                planned: None,
            });
        }
        Ok(decisions)
    }
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
            conditions: vec![Condition::Room(vec![FolderId::from(room)])],
            actions: Vec::new(),
        }
    }

    #[test]
    fn of_many_rules_a_few_refusals_are_told_and_every_wish() {
        let mut rules: Vec<Rule> = (0..500)
            .map(|number| rule(format!("other {number}"), "file.moved", 100))
            .collect();
        rules.push(rule("wants".to_owned(), "file.uploaded", 100));
        rules.extend((0..30).map(|number| rule(format!("own {number}"), "file.uploaded", 7)));
        rules.push(rule("wants too".to_owned(), "file.uploaded", 100));
        let mut upload = event("file.uploaded", INVOICE);
        // Without somebody's own documents, a room that is not named would be asked for.
        upload.entry.as_mut().unwrap().root_kind = Some(FolderType::MyDocuments);
        let decisions = RuleSet::new(rules).decide(Facts::of(&upload)).unwrap();
        let wanting: Vec<&str> = decisions
            .iter()
            .filter(|decision| decision.planned.is_some())
            .map(|decision| decision.rule.as_str())
            .collect();
        assert_eq!(wanting, ["wants", "wants too"]);
        assert_eq!(decisions.len(), 2 + TOLD + 1);
        let last = decisions.last().unwrap();
        assert_eq!(last.rule, OTHERS);
        assert!(last.reason.starts_with("510 more rules"), "{}", last.reason);
    }
}
