//! Cycles: rules that would trigger themselves, found before they become active.
//!
//! Actions raise events: a copy raises `file.copied` and a move `file.moved` in the destination, a comment
//! raises `file.updated` where the file is (docs/DOCSPACE.md 3). If such an event matches another rule, that
//! rule acts next, and so on. A chain that returns to its first rule would never end.
//!
//! Only what is certain is refused. Whether a destination is inside a watched room is known to the portal
//! alone; [`unresolved_destinations`] names those destinations so that `check` can ask. At run time any
//! cycle ends after one round, because no rule acts on an event that it caused.

use std::collections::VecDeque;
use std::fmt;

use crate::ids::FolderId;

use super::action::{ActionPlan, FileRight};
use super::condition::{Account, Condition};
use super::rule::Rule;

/// A chain of rules that returns to its first rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCycle {
    /// Each rule with the action that triggers the next one; the last triggers the first.
    pub links: Vec<CycleLink>,
}

/// A rule in a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CycleLink {
    /// The rule's name.
    pub rule: String,
    /// Its action, such as "copy to folder 5".
    pub action: String,
    /// The trigger of the event that the action raises.
    pub raises: &'static str,
}

impl fmt::Display for RuleCycle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, link) in self.links.iter().enumerate() {
            let next = &self.links[(position + 1) % self.links.len()];
            let CycleLink {
                rule,
                action,
                raises,
            } = link;
            if position == 0 {
                write!(formatter, "rule “{rule}” ({action}) raises {raises} for ")?;
            } else {
                write!(formatter, " ({action}), which raises {raises} for ")?;
            }
            if next.rule == link.rule {
                formatter.write_str("itself")?;
            } else {
                write!(formatter, "rule “{}”", next.rule)?;
            }
        }
        Ok(())
    }
}

/// Which rules each rule triggers for certain, by position.
struct Graph(Vec<Vec<(usize, CycleLink)>>);

/// One shortest cycle for each group of rules that trigger each other (strongly connected component), in
/// the order of the rules.
///
/// A group may contain more cycles than the one named; those that remain after a fix are reported then.
pub fn find_cycles(rules: &[Rule]) -> Vec<RuleCycle> {
    let graph = Graph(rules.iter().map(|rule| links(rule, rules)).collect());
    let mut cycles = Vec::new();
    let mut reported = vec![false; rules.len()];
    for start in 0..rules.len() {
        if reported[start] {
            continue;
        }
        if let Some(cycle) = graph.shortest_cycle(start) {
            for (rule, reported) in reported.iter_mut().enumerate() {
                *reported |= graph.reaches(start, rule) && graph.reaches(rule, start);
            }
            cycles.push(cycle);
        }
    }
    cycles
}

impl Graph {
    /// The shortest chain from a rule back to itself.
    fn shortest_cycle(&self, start: usize) -> Option<RuleCycle> {
        let came_from = self.search(start);
        let (mut rule, link) = came_from[start]?;
        let mut links = vec![link.clone()];
        while rule != start {
            let (previous, link) = came_from[rule]?;
            links.push(link.clone());
            rule = previous;
        }
        links.reverse();
        Some(RuleCycle { links })
    }

    /// Whether a chain leads from one rule to the other.
    fn reaches(&self, from: usize, to: usize) -> bool {
        self.search(from)[to].is_some()
    }

    /// Breadth-first search: for each rule that a chain leads to, the previous rule and its link.
    fn search(&self, start: usize) -> Vec<Option<(usize, &CycleLink)>> {
        let mut came_from = vec![None; self.0.len()];
        let mut queue = VecDeque::from([start]);
        while let Some(rule) = queue.pop_front() {
            for (next, link) in &self.0[rule] {
                if came_from[*next].is_none() {
                    came_from[*next] = Some((rule, link));
                    queue.push_back(*next);
                }
            }
        }
        came_from
    }
}

/// The rules that one rule triggers for certain.
fn links(rule: &Rule, rules: &[Rule]) -> Vec<(usize, CycleLink)> {
    let raised = raised_events(rule);
    let mut links = Vec::new();
    for (position, next) in rules.iter().enumerate() {
        let triggering = raised.iter().find(|event| {
            listens_to(next, event.trigger)
                && may_match_same_files(rule, next)
                && match_same_titles(rule, next)
                && watches(next, event, rule)
        });
        links.extend(triggering.map(|event| {
            let link = CycleLink {
                rule: rule.name.clone(),
                action: event.action.to_string(),
                raises: event.trigger,
            };
            (position, link)
        }));
    }
    links
}

/// An event that an action of a rule raises.
struct RaisedEvent<'a> {
    action: &'a ActionPlan,
    trigger: &'static str,
    /// The folder of the file; `None` if it stays where the rule found it.
    folder: Option<&'a FolderId>,
}

fn raised_events(rule: &Rule) -> Vec<RaisedEvent<'_>> {
    let mut raised = Vec::new();
    let mut moved_to = None;
    for action in &rule.actions {
        let properties = &action.properties;
        let Some(trigger) = properties.raises else {
            continue;
        };
        let destination = properties.destination.as_ref();
        if properties.needs == Some(FileRight::Move) {
            moved_to = destination;
        }
        raised.push(RaisedEvent {
            action,
            trigger,
            folder: destination.or(moved_to),
        });
    }
    raised
}

/// Whether a rule listens to events that the API key's user causes.
fn listens_to(rule: &Rule, trigger: &str) -> bool {
    let accepts_own_actions = rule.conditions.iter().all(|condition| match condition {
        Condition::NotBy(accounts) => !accounts.contains(&Account::ApiKeyUser),
        Condition::By(accounts) => accounts.contains(&Account::ApiKeyUser),
        _ => true,
    });
    accepts_own_actions && rule.triggers.iter().any(|known| known.as_str() == trigger)
}

/// Whether both rules may match the same file, judged by extension and by how the title begins, which no action
/// changes.
fn may_match_same_files(one: &Rule, other: &Rule) -> bool {
    let excluded = |one: &Condition, other: &Condition| match (one, other) {
        (Condition::Extension(one), Condition::Extension(other)) => {
            !one.iter().any(|extension| other.contains(extension))
        }
        (Condition::TitlePrefix(one), Condition::TitlePrefix(other)) => {
            let agree = |(one, other): (&String, &String)| {
                one.starts_with(other.as_str()) || other.starts_with(one.as_str())
            };
            !one.iter()
                .flat_map(|one| other.iter().map(move |other| (one, other)))
                .any(agree)
        }
        _ => false,
    };
    !one.conditions
        .iter()
        .any(|condition| other.conditions.iter().any(|it| excluded(condition, it)))
}

/// Whether there are titles that both rules match: not known if one matches a pattern and the other has a
/// different condition.
fn match_same_titles(one: &Rule, other: &Rule) -> bool {
    let of = |rule: &Rule| -> Vec<Condition> {
        let conditions = rule.conditions.iter();
        conditions
            .filter(|it| is_about_title(it))
            .cloned()
            .collect()
    };
    let (one, other) = (of(one), of(other));
    let contains = |all: &[Condition], some: &[Condition]| some.iter().all(|it| all.contains(it));
    let has_pattern = |conditions: &[Condition]| {
        let is_prefix = |condition: &Condition| matches!(condition, Condition::TitlePrefix(_));
        !conditions.iter().all(is_prefix)
    };
    contains(&one, &other) || contains(&other, &one) || !(has_pattern(&one) || has_pattern(&other))
}

fn is_about_title(condition: &Condition) -> bool {
    matches!(
        condition,
        Condition::TitlePrefix(_) | Condition::TitleGlob(_) | Condition::TitleRegex(_)
    )
}

/// Whether a rule certainly watches the place of an event that an action of `cause` raises. All its conditions on
/// the place must hold; a file in a folder that each of them names is certain to be in such a place.
fn watches(rule: &Rule, event: &RaisedEvent<'_>, cause: &Rule) -> bool {
    let places = |rule: &'_ Rule| -> Vec<Condition> {
        let conditions = rule.conditions.iter();
        conditions
            .filter(|it| !it.folders().is_empty())
            .cloned()
            .collect()
    };
    let mut watched = places(rule);
    if let Some(folder) = event.folder {
        return watched.iter().all(|place| place.folders().contains(folder));
    }
    // The file stays where `cause` found it.
    let found_in = places(cause);
    watched.retain(|place| !found_in.contains(place));
    let Some(first) = watched.first() else {
        return true;
    };
    let is_named_by_all = |folder: &FolderId| {
        let mut all = watched.iter().chain(&found_in);
        all.all(|place| place.folders().contains(folder))
    };
    first.folders().iter().any(is_named_by_all)
}

/// Destinations that may be inside a room or folder watched by a rule that they would then trigger, each
/// with the folders to look for above it.
pub fn unresolved_destinations(rules: &[Rule]) -> Vec<(FolderId, Vec<FolderId>)> {
    let mut unresolved: Vec<(FolderId, Vec<FolderId>)> = Vec::new();
    for rule in rules {
        for event in raised_events(rule) {
            let Some(to) = event.folder else { continue };
            let listening = rules
                .iter()
                .filter(|next| listens_to(next, event.trigger) && may_match_same_files(rule, next));
            for folder in listening
                .flat_map(|next| next.conditions.iter())
                .flat_map(trees)
            {
                if folder == to {
                    continue;
                }
                match unresolved.iter_mut().find(|(known, _)| known == to) {
                    Some((_, folders)) if folders.contains(folder) => {}
                    Some((_, folders)) => folders.push(folder.clone()),
                    None => unresolved.push((to.clone(), vec![folder.clone()])),
                }
            }
        }
    }
    unresolved
}

/// Makes the rules that watch a folder with everything below it watch this subfolder by its own id, too.
pub fn alias_watched_folder(rules: &mut [Rule], folder: &FolderId, subfolder: &FolderId) {
    for condition in rules.iter_mut().flat_map(|rule| &mut rule.conditions) {
        if let Condition::Room(folders) | Condition::FolderTree(folders) = condition
            && folders.contains(folder)
            && !folders.contains(subfolder)
        {
            folders.push(subfolder.clone());
        }
    }
}

/// The folders that a condition watches with everything below them.
fn trees(condition: &Condition) -> &[FolderId] {
    match condition {
        Condition::Room(folders) | Condition::FolderTree(folders) => folders,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::super::condition::Pattern;
    use super::*;
    use crate::actions::{Comment, CopyTo, MoveTo};
    use crate::docspace::Conflict;
    use crate::event::Trigger;

    fn rule(
        name: &str,
        trigger: &str,
        conditions: Vec<Condition>,
        actions: &[(&str, i64)],
    ) -> Rule {
        let plan = |(kind, to): &(&str, i64)| {
            let (to, conflict) = (FolderId::from(*to), Conflict::Duplicate);
            match *kind {
                "copy" => CopyTo { to, conflict }.into(),
                "move" => MoveTo { to, conflict }.into(),
                "comment" => Comment {
                    text: "seen".to_owned(),
                }
                .into(),
                other => panic!("{other}"),
            }
        };
        Rule {
            name: name.to_owned(),
            triggers: vec![Trigger::new(trigger)],
            conditions,
            actions: actions.iter().map(plan).collect(),
        }
    }

    fn room(id: i64) -> Vec<Condition> {
        vec![Condition::Room(vec![FolderId::from(id)])]
    }

    fn found(rules: &[Rule]) -> Vec<String> {
        find_cycles(rules).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_cycle_is_named_from_its_first_rule() {
        let rules = [
            rule("b", "file.copied", room(5), &[("move", 6)]),
            rule("a", "file.moved", room(6), &[("copy", 5)]),
            rule("c", "file.copied", room(5), &[("copy", 9)]),
        ];
        assert_eq!(
            found(&rules),
            [
                "rule “b” (move to folder 6) raises file.moved for rule “a” (copy to folder 5), \
                 which raises file.copied for rule “b”"
            ]
        );
        let itself = [rule("a", "file.updated", vec![], &[("comment", 0)])];
        assert_eq!(
            found(&itself),
            ["rule “a” (comment “seen”) raises file.updated for itself"]
        );
    }

    #[test]
    fn which_rules_trigger_each_other() {
        let check = |rules: &[Rule], cycles: usize| {
            assert_eq!(found(rules).len(), cycles, "{rules:?}");
        };
        let with = |mut conditions: Vec<Condition>, more: Condition| {
            conditions.push(more);
            conditions
        };
        let own = || vec![Account::ApiKeyUser];
        let pdf = || Condition::Extension(vec!["pdf".to_owned()]);
        // A copy raises file.copied and nothing else.
        check(&[rule("a", "file.uploaded", room(5), &[("copy", 5)])], 0);
        check(&[rule("a", "file.copied", room(5), &[("copy", 5)])], 1);
        check(&[rule("a", "file.copied", vec![], &[("copy", 5)])], 1);
        check(&[rule("a", "file.copied", room(5), &[("move", 5)])], 0);
        check(&[rule("a", "file.moved", room(5), &[("move", 5)])], 1);
        // Only the portal knows whether folder 6 is in room 5.
        check(&[rule("a", "file.copied", room(5), &[("copy", 6)])], 0);
        let below = with(vec![], Condition::FolderTree(vec![FolderId::from(6)]));
        check(&[rule("a", "file.copied", below, &[("copy", 6)])], 1);
        // A rule that excludes the API key's user is not triggered by own actions.
        let without_own = with(room(5), Condition::NotBy(own()));
        check(
            &[rule("a", "file.updated", without_own, &[("comment", 0)])],
            0,
        );
        let only_own = with(room(5), Condition::By(own()));
        check(&[rule("a", "file.updated", only_own, &[("comment", 0)])], 1);
        let anna = Account::Id("5f1d0c52".to_owned());
        let by_anna = with(room(5), Condition::By(vec![anna]));
        check(&[rule("a", "file.updated", by_anna, &[("comment", 0)])], 0);
        // A comment after a move is made where the file is then.
        check(
            &[rule(
                "a",
                "file.updated",
                room(5),
                &[("move", 6), ("comment", 0)],
            )],
            0,
        );
        check(
            &[
                rule("a", "file.updated", room(5), &[("move", 6), ("comment", 0)]),
                rule("b", "file.updated", room(6), &[("move", 5), ("comment", 0)]),
            ],
            1,
        );
        // No action turns a document into a PDF.
        check(
            &[
                rule("a", "file.copied", with(vec![], pdf()), &[("copy", 5)]),
                rule(
                    "b",
                    "file.copied",
                    vec![Condition::Extension(vec!["docx".to_owned()])],
                    &[("copy", 6)],
                ),
            ],
            2,
        );
        // A file must be in both places; only the portal knows whether folder 5 is in folder 20.
        let tree = Condition::FolderTree(vec![FolderId::from(20)]);
        let both = with(room(5), tree);
        check(&[rule("a", "file.moved", both.clone(), &[("move", 5)])], 0);
        check(&[rule("a", "file.moved", both.clone(), &[("move", 20)])], 0);
        // A file that is in both places stays there.
        check(&[rule("a", "file.updated", both, &[("comment", 0)])], 1);
        // No action changes the beginning of a title.
        let prefix = |prefix: &str| Condition::TitlePrefix(vec![prefix.to_owned()]);
        let glob = |glob: &str| Condition::TitleGlob(Pattern::glob(glob).unwrap());
        let pair = |one: Condition, other: Condition| {
            [
                rule("a", "file.copied", with(room(5), one), &[("copy", 6)]),
                rule("b", "file.copied", with(room(6), other), &[("copy", 5)]),
            ]
        };
        check(&pair(prefix("in"), prefix("out")), 0);
        check(&pair(prefix("in"), prefix("invoice")), 1);
        check(&pair(prefix("in"), pdf()), 1);
        // Whether a title matches both is not known.
        check(&pair(prefix("in"), glob("*.pdf")), 0);
        check(&pair(glob("*.pdf"), prefix("in")), 0);
        check(&pair(glob("*.pdf"), glob("*.pdf")), 1);
        check(&pair(glob("*.pdf"), pdf()), 1);
        // A chain that ends is not a cycle.
        check(
            &[
                rule("a", "file.uploaded", room(1), &[("copy", 5)]),
                rule("b", "file.copied", room(5), &[("move", 6)]),
                rule("c", "file.moved", room(6), &[("comment", 0)]),
            ],
            0,
        );
    }

    #[test]
    fn destinations_that_may_be_in_a_watched_room_are_unresolved() {
        let rules = [
            rule("a", "file.copied", room(5), &[("copy", 6)]),
            rule("b", "file.uploaded", room(7), &[("copy", 8)]),
        ];
        assert_eq!(
            unresolved_destinations(&rules),
            [
                (FolderId::from(6), vec![FolderId::from(5)]),
                (FolderId::from(8), vec![FolderId::from(5)]),
            ]
        );
        let mut nested = rules.to_vec();
        alias_watched_folder(&mut nested, &FolderId::from(5), &FolderId::from(6));
        assert_eq!(
            found(&nested),
            ["rule “a” (copy to folder 6) raises file.copied for itself"]
        );
    }

    #[test]
    fn each_group_of_rules_that_trigger_each_other_is_reported_once() {
        // a triggers b and c, both trigger d, and d triggers a.
        let diamond = [
            rule("a", "file.moved", room(1), &[("copy", 2)]),
            rule("b", "file.copied", room(2), &[("move", 3)]),
            rule("c", "file.copied", room(2), &[("comment", 0), ("move", 3)]),
            rule("d", "file.moved", room(3), &[("move", 1)]),
            rule("other", "file.updated", room(9), &[("comment", 0)]),
        ];
        let names = |rules: &[Rule]| -> Vec<Vec<String>> {
            let cycles = find_cycles(rules).into_iter();
            cycles
                .map(|cycle| cycle.links.into_iter().map(|link| link.rule).collect())
                .collect()
        };
        assert_eq!(names(&diamond), [vec!["a", "b", "d"], vec!["other"]]);
        // With b gone, the other cycle of the group is reported.
        let without_b = [&diamond[..1], &diamond[2..]].concat();
        assert_eq!(names(&without_b), [vec!["a", "c", "d"], vec!["other"]]);
    }
}
