//! Why a rule wants an event or not: every condition, with the value it looked at.

use serde::Serialize;

use super::condition::Check;
use super::entry_view::EntryView;
use super::{Facts, MissingFact, Rule, RuleOutcome, RuleSet};

/// How something came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It held.
    Held,
    /// It failed.
    Failed,
    /// It cannot be said without an answer of the portal.
    Unknown,
}

/// What one rule looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The rule's name.
    pub rule: String,
    /// Whether the rule wants the event.
    pub verdict: Verdict,
    /// Why not, where the rule does not, or what it would do.
    pub says: String,
    /// The trigger and each condition.
    pub lines: Vec<Line>,
}

/// One thing a rule looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its name in the rules file.
    pub field: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// The value it looked at; for people, titles and all.
    pub value: String,
}

impl RuleSet {
    /// What each rule looks at for an event; every condition, also behind one that fails.
    pub fn explain(&self, facts: Facts<'_>) -> Vec<Explanation> {
        let rules = self.rules().iter();
        rules.map(|rule| rule.explain(facts)).collect()
    }

    /// What the portal must be asked before everything can be explained.
    pub fn explanation_needs(&self, facts: Facts<'_>) -> Option<MissingFact> {
        let entry = facts.event.entry.as_ref()?;
        let seen = EntryView::new(entry, facts);
        let mut listening = self
            .rules()
            .iter()
            .filter(|rule| rule.not_its_business(facts, Some(&seen)).is_none());
        listening.find_map(|rule| {
            let needed =
                rule.conditions
                    .iter()
                    .find_map(|condition| match condition.check(&seen) {
                        Check::Needs(missing) => Some(seen.need(missing)),
                        _ => None,
                    });
            needed.or_else(|| {
                rule.conditions
                    .iter()
                    .all(|condition| matches!(condition.check(&seen), Check::Holds(_)))
                    .then(|| rule.plan(entry, facts).err())
                    .flatten()
            })
        })
    }
}

impl Rule {
    fn explain(&self, facts: Facts<'_>) -> Explanation {
        let seen = facts
            .event
            .entry
            .as_ref()
            .map(|entry| EntryView::new(entry, facts));
        let mut lines = vec![self.trigger_line(facts)];
        if let Some(seen) = &seen {
            let conditions = self.conditions.iter();
            lines.extend(conditions.map(|condition| {
                let (verdict, reason) = match condition.check(seen) {
                    Check::Holds(why) => (Verdict::Held, why.to_string()),
                    Check::Fails(why) => (Verdict::Failed, why.to_string()),
                    Check::Needs(missing) => (Verdict::Unknown, unanswered(&seen.need(missing))),
                };
                Line {
                    field: condition.name(),
                    verdict,
                    reason,
                    value: condition.value(seen),
                }
            }));
        }
        let (verdict, says) = self.comes_to(facts);
        if verdict == Verdict::Failed {
            for line in &mut lines {
                if line.verdict == Verdict::Unknown {
                    "need not be known, as the rule does not want it anyway"
                        .clone_into(&mut line.reason);
                }
            }
        }
        Explanation {
            rule: self.name.clone(),
            verdict,
            says,
            lines,
        }
    }

    fn trigger_line(&self, facts: Facts<'_>) -> Line {
        let trigger = facts.event.trigger.as_ref();
        let listens = trigger.is_some_and(|trigger| self.triggers.contains(trigger));
        let wanted = super::List(&self.triggers);
        Line {
            field: "triggers",
            verdict: if listens {
                Verdict::Held
            } else {
                Verdict::Failed
            },
            reason: format!("listens to {wanted}"),
            value: trigger.map_or_else(|| "none".to_owned(), ToString::to_string),
        }
    }

    /// Whether the rule wants the event, and what it would do or why not.
    fn comes_to(&self, facts: Facts<'_>) -> (Verdict, String) {
        let seen = facts
            .event
            .entry
            .as_ref()
            .map(|entry| EntryView::new(entry, facts));
        let decision = match self.outcome(facts, seen.as_ref()) {
            RuleOutcome::Ignored(reason) => return (Verdict::Failed, reason.to_string()),
            RuleOutcome::Unknown(need) => return (Verdict::Unknown, unanswered(&need)),
            RuleOutcome::Matched(entry) => self.plan(entry, facts),
        };
        match decision.map(|decision| (decision.planned, decision.reason)) {
            Err(need) => (Verdict::Unknown, unanswered(&need)),
            Ok((None, reason)) => (Verdict::Failed, reason),
            Ok((Some(planned), _)) => {
                let actions: Vec<String> =
                    planned.actions.iter().map(ToString::to_string).collect();
                (Verdict::Held, actions.join(", then "))
            }
        }
    }
}

/// What a missing fact means while the service runs.
fn unanswered(missing: &MissingFact) -> String {
    format!("the portal must be asked for {missing}; the event waits until it responds")
}
