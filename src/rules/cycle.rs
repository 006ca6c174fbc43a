//! Circles: rules that would feed themselves, found before they are put in force.
//!
//! What a rule does raises events: a copy `file.copied` and a move `file.moved` in the destination, a
//! comment `file.updated` where the file lies. Where such an event is another rule's business, that rule
//! acts next, and so on; a chain that comes back to its beginning has no end. Chains that end are fine.
//!
//! Only what is certain counts: whether a folder lies in a watched room is known to the portal alone.
//! Those destinations are named by [`unresolved_destinations`], so that `check` can ask. What both miss ends
//! while the service runs, because no rule acts on its own work.

use std::fmt;

use crate::ids::FolderId;

use super::condition::Account;
use super::{ActionPlan, Condition, Rule};

/// A chain of rules that comes back to its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCycle {
    /// Each rule, and what it does that feeds the next one; the last feeds the first.
    pub links: Vec<Link>,
}

/// A rule in a circle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub rule: String,
    /// What it does, such as `copies to 5`.
    pub does: String,
    /// The trigger of the event that comes of it.
    pub raises: &'static str,
}

impl fmt::Display for RuleCycle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, link) in self.links.iter().enumerate() {
            let next = &self.links[(position + 1) % self.links.len()];
            let rule = if position == 0 {
                format!("rule “{}”", link.rule)
            } else {
                ", which".to_owned()
            };
            let Link { does, raises, .. } = link;
            write!(formatter, "{rule} {does}, which raises {raises} for ")?;
            if next.rule == link.rule {
                formatter.write_str("itself")?;
            } else {
                write!(formatter, "rule “{}”", next.rule)?;
            }
        }
        Ok(())
    }
}

/// Where a rule's work leaves the file.
enum Left<'a> {
    /// Where the rule found it.
    Here,
    In(&'a FolderId),
}

/// One thing a rule does that raises an event.
struct Raised<'a> {
    action: &'a ActionPlan,
    trigger: &'static str,
    left: Left<'a>,
}

/// Every circle among these rules, each once.
pub fn find_cycles(rules: &[Rule]) -> Vec<RuleCycle> {
    let mut found = Vec::new();
    let mut closed = vec![false; rules.len()];
    let edges: Vec<Vec<(usize, Link)>> = rules.iter().map(|rule| edges(rule, rules)).collect();
    for start in 0..rules.len() {
        let mut path = Vec::new();
        walk(start, &edges, &mut path, &mut closed, &mut found);
    }
    found
}

/// Walks on from a rule; what is on the path and met again closes a circle.
fn walk(
    rule: usize,
    edges: &[Vec<(usize, Link)>],
    path: &mut Vec<(usize, Link)>,
    closed: &mut [bool],
    found: &mut Vec<RuleCycle>,
) {
    if closed[rule] {
        return;
    }
    for (next, link) in &edges[rule] {
        path.push((rule, link.clone()));
        match path.iter().position(|(earlier, _)| earlier == next) {
            Some(begin) => found.push(RuleCycle {
                links: path[begin..].iter().map(|(_, link)| link.clone()).collect(),
            }),
            None => walk(*next, edges, path, closed, found),
        }
        path.pop();
    }
    closed[rule] = true;
}

/// The rules that one feeds for certain.
fn edges(rule: &Rule, rules: &[Rule]) -> Vec<(usize, Link)> {
    let raised = raised(rule);
    let mut edges: Vec<(usize, Link)> = Vec::new();
    for (position, fed) in rules.iter().enumerate() {
        let feeding = raised.iter().find(|raised| {
            listens(fed, raised.trigger) && same_files(rule, fed) && reaches(rule, raised, fed)
        });
        edges.extend(feeding.map(|raised| {
            let link = Link {
                rule: rule.name.clone(),
                does: does(raised.action),
                raises: raised.trigger,
            };
            (position, link)
        }));
    }
    edges
}

fn raised(rule: &Rule) -> Vec<Raised<'_>> {
    let mut raised = Vec::new();
    let mut moved_to = None;
    for action in &rule.actions {
        let Some(trigger) = action.raises() else {
            continue;
        };
        let left = match action {
            ActionPlan::Comment { .. } => moved_to.map_or(Left::Here, Left::In),
            _ => action.destination().map_or(Left::Here, Left::In),
        };
        if let ActionPlan::Move { to, .. } = action {
            moved_to = Some(to);
        }
        raised.push(Raised {
            action,
            trigger,
            left,
        });
    }
    raised
}

fn does(action: &ActionPlan) -> String {
    match action {
        ActionPlan::Copy { to, .. } => format!("copies to {to}"),
        ActionPlan::Move { to, .. } => format!("moves to {to}"),
        _ => "sets the comment".to_owned(),
    }
}

/// Whether a rule hears of what our own account does.
fn listens(fed: &Rule, trigger: &str) -> bool {
    let hears_us = fed.conditions.iter().all(|condition| match condition {
        Condition::NotBy(accounts) => !accounts.contains(&Account::Myself),
        Condition::By(accounts) => accounts.contains(&Account::Myself),
        _ => true,
    });
    hears_us && fed.triggers.iter().any(|known| known.as_str() == trigger)
}

/// Whether there are files that both rules may be about, as far as extensions tell: work changes none.
fn same_files(rule: &Rule, fed: &Rule) -> bool {
    let extensions = |rule: &Rule| {
        rule.conditions
            .iter()
            .find_map(|condition| match condition {
                Condition::Extension(extensions) => Some(extensions.clone()),
                _ => None,
            })
    };
    match (extensions(rule), extensions(fed)) {
        (Some(one), Some(other)) => one.iter().any(|extension| other.contains(extension)),
        _ => true,
    }
}

/// Whether the file is left where the other rule looks, for certain.
fn reaches(rule: &Rule, raised: &Raised<'_>, fed: &Rule) -> bool {
    let watched: Vec<&FolderId> = fed.places().collect();
    if watched.is_empty() {
        return true;
    }
    match raised.left {
        Left::In(folder) => watched.contains(&folder),
        Left::Here => {
            let mut here = rule.places().peekable();
            here.peek().is_none() || here.any(|place| watched.contains(&place))
        }
    }
}

/// The destinations that may lie in a room or folder that a rule watches, and would then feed it: each with
/// the places to look for among the folders above it.
pub fn unresolved_destinations(rules: &[Rule]) -> Vec<(FolderId, Vec<FolderId>)> {
    let mut doubtful: Vec<(FolderId, Vec<FolderId>)> = Vec::new();
    for rule in rules {
        for raised in raised(rule) {
            let Left::In(to) = raised.left else { continue };
            let fed = rules
                .iter()
                .filter(|fed| listens(fed, raised.trigger) && same_files(rule, fed));
            for place in fed.flat_map(|fed| fed.conditions.iter()).flat_map(below) {
                if place == to {
                    continue;
                }
                match doubtful.iter_mut().find(|(known, _)| known == to) {
                    Some((_, places)) if places.contains(place) => {}
                    Some((_, places)) => places.push(place.clone()),
                    None => doubtful.push((to.clone(), vec![place.clone()])),
                }
            }
        }
    }
    doubtful
}

/// Lets the rules that watch a place watch this folder by its own id, too: it lies there.
pub fn alias_watched_folder(rules: &mut [Rule], place: &FolderId, folder: &FolderId) {
    for condition in rules.iter_mut().flat_map(|rule| &mut rule.conditions) {
        if let Condition::Room(places) | Condition::FolderTree(places) = condition
            && places.contains(place)
            && !places.contains(folder)
        {
            places.push(folder.clone());
        }
    }
}

/// The places a condition watches with all that lies below them.
fn below(condition: &Condition) -> &[FolderId] {
    match condition {
        Condition::Room(places) | Condition::FolderTree(places) => places,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
                "copy" => ActionPlan::Copy { to, conflict },
                "move" => ActionPlan::Move { to, conflict },
                _ => ActionPlan::Comment {
                    text: "seen".to_owned(),
                },
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
    fn a_circle_is_named_from_its_beginning() {
        let rules = [
            rule("b", "file.copied", room(5), &[("move", 6)]),
            rule("a", "file.moved", room(6), &[("copy", 5)]),
            rule("c", "file.copied", room(5), &[("copy", 9)]),
        ];
        assert_eq!(
            found(&rules),
            [
                "rule “b” moves to 6, which raises file.moved for rule “a”, which copies to 5, \
              which raises file.copied for rule “b”"
            ]
        );
        let itself = [rule("a", "file.updated", vec![], &[("comment", 0)])];
        assert_eq!(
            found(&itself),
            ["rule “a” sets the comment, which raises file.updated for itself"]
        );
    }

    #[test]
    fn what_feeds_and_what_does_not() {
        let check = |rules: &[Rule], circles: usize| {
            assert_eq!(found(rules).len(), circles, "{rules:?}");
        };
        let with = |mut conditions: Vec<Condition>, more: Condition| {
            conditions.push(more);
            conditions
        };
        let us = || vec![Account::Myself];
        let pdf = || Condition::Extension(vec!["pdf".to_owned()]);
        // Copies raise file.copied and nothing else.
        check(&[rule("a", "file.uploaded", room(5), &[("copy", 5)])], 0);
        check(&[rule("a", "file.copied", room(5), &[("copy", 5)])], 1);
        check(&[rule("a", "file.copied", vec![], &[("copy", 5)])], 1);
        check(&[rule("a", "file.copied", room(5), &[("move", 5)])], 0);
        check(&[rule("a", "file.moved", room(5), &[("move", 5)])], 1);
        // Whether folder 6 lies in room 5 is known to the portal alone.
        check(&[rule("a", "file.copied", room(5), &[("copy", 6)])], 0);
        let below = with(vec![], Condition::FolderTree(vec![FolderId::from(6)]));
        check(&[rule("a", "file.copied", below, &[("copy", 6)])], 1);
        // A rule that leaves out our own account is not fed by us.
        let others = with(room(5), Condition::NotBy(us()));
        check(&[rule("a", "file.updated", others, &[("comment", 0)])], 0);
        let ours = with(room(5), Condition::By(us()));
        check(&[rule("a", "file.updated", ours, &[("comment", 0)])], 1);
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
        // No work makes a PDF of a document.
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
        // A chain that ends is fine.
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
    fn destinations_that_may_lie_in_a_watched_room_are_in_doubt() {
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
            ["rule “a” copies to 6, which raises file.copied for itself"]
        );
    }
}
