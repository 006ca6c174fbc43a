//! Explanations: why a rule matches an event or not, with every condition and the value it checked.

use std::borrow::Cow;

use serde::Serialize;

use super::condition::Check;
use super::entry_view::EntryView;
use super::facts::{Facts, MissingFact};
use super::group::GroupMatches;
use super::mismatch::CommaSeparated;
use super::rule::{Evaluation, Rule};

/// The result for a rule or a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It matches.
    #[serde(rename = "held")]
    Match,
    /// It does not match.
    #[serde(rename = "failed")]
    Mismatch,
    /// It cannot be decided without a lookup in the portal.
    Unknown,
}

/// How one rule evaluates an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The rule's name.
    pub rule: String,
    /// Whether the rule matches the event.
    pub verdict: Verdict,
    /// What the rule would do, or why it ignores the event.
    #[serde(rename = "says")]
    pub summary: String,
    /// The trigger and each condition.
    pub lines: Vec<ConditionReport>,
}

/// The result of one condition, or of the trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConditionReport {
    /// Its name in the rules file.
    pub field: Cow<'static, str>,
    /// The result.
    pub verdict: Verdict,
    /// The reason.
    pub reason: String,
    /// The value it checked, for people; may contain a title.
    pub value: String,
}

/// The next fact that a complete explanation of these rules lacks.
pub(super) fn missing_fact(rules: &[Rule], facts: &Facts<'_>) -> Option<MissingFact> {
    let entry = facts.event.entry.as_ref()?;
    let view = EntryView::new(entry, facts);
    let mut listening = rules.iter().filter(|rule| {
        rule.mismatch_before_conditions(facts, Some(&view))
            .is_none()
    });
    listening.find_map(|rule| {
        let checks = || {
            rule.conditions
                .iter()
                .map(|condition| condition.check(&view))
        };
        let missing = checks().find_map(|check| match check {
            Check::Needs(missing) => Some(view.missing_fact(missing)),
            _ => None,
        });
        missing.or_else(|| {
            checks()
                .all(|check| matches!(check, Check::Match(_)))
                .then(|| rule.plan(entry, facts).err())
                .flatten()
        })
    })
}

/// Explains how each rule evaluates an event.
pub(super) fn explain<'r>(rules: &'r [Rule], facts: &'r Facts<'r>) -> Vec<Explanation> {
    let entry = facts.event.entry.as_ref();
    let view = entry.map(|entry| EntryView::new(entry, facts));
    let (mut matched, mut undecided) = (GroupMatches::default(), Vec::new());
    let explain = |rule: &'r Rule| {
        let evaluation = rule.evaluate(facts, view.as_ref(), &matched);
        rule.claim_group(&evaluation, &mut matched);
        let is_unknown = matches!(evaluation, Evaluation::Unknown(_));
        let (verdict, summary) = match first_undecided(rule, &undecided) {
            Some(first) if !matches!(evaluation, Evaluation::Ignored(_)) => {
                (Verdict::Unknown, needs_rule(first))
            }
            _ => summary(rule, facts, evaluation),
        };
        if is_unknown {
            undecided.push(rule);
        }
        explain_rule(rule, facts, view.as_ref(), verdict, summary)
    };
    rules.iter().map(explain).collect()
}

/// The first rule of the same group that cannot be decided.
fn first_undecided<'r>(rule: &Rule, undecided: &[&'r Rule]) -> Option<&'r Rule> {
    let group = rule.group.as_ref()?;
    let mut undecided = undecided.iter().copied();
    undecided.find(|other| other.group.as_ref() == Some(group))
}

fn explain_rule(
    rule: &Rule,
    facts: &Facts<'_>,
    view: Option<&EntryView<'_>>,
    verdict: Verdict,
    summary: String,
) -> Explanation {
    let mut lines = vec![trigger_report(rule, facts)];
    if let Some(view) = view {
        let reports = rule.conditions.iter().map(|condition| {
            let (verdict, reason) = match condition.check(view) {
                Check::Match(why) => (Verdict::Match, why.to_string()),
                Check::Mismatch(why) => (Verdict::Mismatch, why.to_string()),
                Check::Needs(_) if verdict == Verdict::Mismatch => (
                    Verdict::Unknown,
                    "not checked, because the rule does not match anyway".to_owned(),
                ),
                Check::Needs(missing) => {
                    (Verdict::Unknown, needs_lookup(&view.missing_fact(missing)))
                }
            };
            ConditionReport {
                field: condition.name(),
                verdict,
                reason,
                value: condition.value(view),
            }
        });
        lines.extend(reports);
    }
    Explanation {
        rule: rule.name.clone(),
        verdict,
        summary,
        lines,
    }
}

fn trigger_report(rule: &Rule, facts: &Facts<'_>) -> ConditionReport {
    let trigger = facts.event.trigger.as_ref();
    let listens = trigger.is_some_and(|trigger| rule.triggers.contains(trigger));
    ConditionReport {
        field: "triggers".into(),
        verdict: if listens {
            Verdict::Match
        } else {
            Verdict::Mismatch
        },
        reason: format!("listens to {}", CommaSeparated(&rule.triggers)),
        value: trigger.map_or_else(|| "none".to_owned(), ToString::to_string),
    }
}

/// Whether the rule matches, and what it would do or why not.
fn summary(rule: &Rule, facts: &Facts<'_>, evaluation: Evaluation<'_>) -> (Verdict, String) {
    let decision = match evaluation {
        Evaluation::Ignored(mismatch) => return (Verdict::Mismatch, mismatch.to_string()),
        Evaluation::Unknown(missing) => return (Verdict::Unknown, needs_lookup(&missing)),
        Evaluation::Matched(entry) => rule.plan(entry, facts),
    };
    match decision.map(|decision| (decision.planned, decision.reason)) {
        Err(missing) => (Verdict::Unknown, needs_lookup(&missing)),
        Ok((None, reason)) => (Verdict::Mismatch, reason),
        Ok((Some(planned), _)) => {
            let actions: Vec<String> = planned.actions.iter().map(ToString::to_string).collect();
            (Verdict::Match, actions.join(", then "))
        }
    }
}

/// What it means that an earlier rule of the group is undecided.
fn needs_rule(first: &Rule) -> String {
    format!(
        "it depends on whether the rule “{}” matches, which comes first in the group",
        first.name
    )
}

/// What a missing fact means while the service runs.
fn needs_lookup(missing: &MissingFact) -> String {
    format!("the portal must be asked for {missing}; the event waits until it responds")
}
