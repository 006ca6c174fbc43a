//! Cycles: rules that would trigger themselves, found before they become active.
//!
//! Actions raise events: a copy raises `file.copied` and a move `file.moved` in the destination, a conversion
//! `file.created` and `file.uploaded` there, a new folder `folder.created`, a new room `room.created`, a comment or a new title `file.updated` where the file is (docs/DOCSPACE.md 3). If such an event
//! matches another rule, that rule acts next, and so on. A chain that returns to its first rule would never end.
//!
//! Only what is certain is refused, with one exception: an action of which only the rule knows what it does may raise any
//! event, and nothing at run time recognises its effect, so its rule must ignore what the key's user does. Whether a destination is inside a watched room is known to the portal
//! alone; [`unresolved_destinations`] names those destinations so that `check` can ask. At run time any
//! cycle ends after one round, because no rule acts on an event that it caused.

use std::collections::VecDeque;
use std::fmt;

use crate::ids::FolderId;

use super::action::{ActionPlan, NewFolder, OtherEvents, PlacedIn, Placement};
use super::condition::{Account, Condition, TextTest};
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
    let links = |(position, rule): (usize, &Rule)| {
        let mut links = links(rule, rules);
        links.extend(unknown_link(rule).map(|link| (position, link)));
        links
    };
    let graph = Graph(rules.iter().enumerate().map(links).collect());
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
                && !may_be_preempted(position, rules, event)
                && (event.new_extension.is_some() || may_match_same_files(rule, next))
                && match_same_titles(rule, next, event)
                && is_decided_by_place_and_title(next, event, rule)
                && watches(next, event, rule)
                && (!event.is_about_room() || is_about_matching_room(rule, next, event))
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

/// What every event would be for a rule that listens to what it may do itself.
const ANY_EVENT: &str = "any event";

/// The link of a rule to itself, if an action of it may raise any event, and the rule does not ignore what the key's user
/// does.
fn unknown_link(rule: &Rule) -> Option<CycleLink> {
    let mut actions = rule.actions.iter();
    let action = actions.find(|action| action.properties.other_events == OtherEvents::Any)?;
    (!ignores_own_actions(rule)).then(|| CycleLink {
        rule: rule.name.clone(),
        action: action.to_string(),
        raises: ANY_EVENT,
    })
}

/// An event that an action of a rule raises.
struct RaisedEvent<'a> {
    action: &'a ActionPlan,
    trigger: &'static str,
    /// Where the file or new folder is; `None` if the file stays where the rule found it.
    place: Option<Place<'a>>,
    /// Whether it is about a new folder.
    is_new_folder: bool,
    /// Whether the file may have another title than the one that the rule found.
    is_renamed: bool,
    /// The extension of a new file in another format than the one that the rule found.
    new_extension: Option<&'static str>,
}

/// Where an action puts or creates something.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// In this folder.
    In(&'a FolderId),
    /// In a folder below this one.
    Below(&'a FolderId),
    /// In the room of the event.
    Room,
}

impl<'a> Place<'a> {
    /// Where a placement puts a file, if that is known, after an action that has left a folder in this place as its result,
    /// for a file that was moved to that place.
    fn of_file(
        placement: &'a Placement,
        left: Option<Self>,
        moved_to: Option<Self>,
    ) -> Option<Self> {
        let root = match &placement.to {
            PlacedIn::Folder(folder) => Self::In(folder),
            PlacedIn::Result => left?,
            PlacedIn::NewRoom => return None,
            PlacedIn::Beside => moved_to?,
        };
        Some(if placement.is_below {
            root.below()
        } else {
            root
        })
    }

    /// Where a new folder is, if that is known. Which room a file was moved to is known to the portal alone.
    fn of_folder(new: &'a NewFolder, left: Option<Self>, moved_to: Option<Self>) -> Option<Self> {
        match new {
            NewFolder::InRoom => moved_to.is_none().then_some(Self::Room),
            NewFolder::InNewRoom => None,
            NewFolder::Below(Some(folder)) => Some(Self::Below(folder)),
            NewFolder::Below(None) => left.map(Self::below),
        }
    }

    fn below(self) -> Self {
        match self {
            Self::In(folder) | Self::Below(folder) => Self::Below(folder),
            Self::Room => Self::Room,
        }
    }
}

impl RaisedEvent<'_> {
    /// Whether it is about a room, not about the file that the rule found.
    fn is_about_room(&self) -> bool {
        self.trigger.starts_with(ROOM_TRIGGERS)
    }
}

/// How the triggers of events about rooms begin.
const ROOM_TRIGGERS: &str = "room.";

/// The trigger of a new room.
const ROOM_CREATED: &str = "room.created";

/// Whether an event about a room is certain to match another rule. A new room matches one that asks for nothing of the
/// room. The room of the event that the first rule acted on matches if that event was about the room, too, and the other
/// rule asks for nothing that the first does not.
fn is_about_matching_room(cause: &Rule, next: &Rule, event: &RaisedEvent<'_>) -> bool {
    let is_new = event.trigger == ROOM_CREATED;
    let mut triggers = cause.triggers.iter();
    let mut conditions = next.conditions.iter();
    (is_new || triggers.all(|trigger| trigger.as_str().starts_with(ROOM_TRIGGERS)))
        && conditions.all(|condition| match condition {
            // Those that exclude the key's user are known before.
            Condition::By(_) | Condition::NotBy(_) | Condition::ByGuest(_) => true,
            condition => !is_new && cause.conditions.contains(condition),
        })
}

fn raised_events(rule: &Rule) -> Vec<RaisedEvent<'_>> {
    let mut raised = Vec::new();
    let mut moved_to = None;
    let mut left = None;
    let mut is_renamed = false;
    for action in &rule.actions {
        let properties = &action.properties;
        let placement = properties.placement.as_ref();
        let of_file = placement.and_then(|placement| Place::of_file(placement, left, moved_to));
        let new_folder = properties.new_folder.as_ref();
        let of_folder = new_folder.and_then(|new| Place::of_folder(new, left, moved_to));
        let place = of_file.or(of_folder);
        let is_placed = placement.is_some() || new_folder.is_some();
        if is_placed {
            left = place;
        }
        if properties.moves_file() {
            // Where the file is after such a move is not known, so nothing is certain any more.
            if place.is_none() {
                break;
            }
            moved_to = place;
        }
        is_renamed |= properties.new_title.is_some();
        let Some(trigger) = properties.raises else {
            continue;
        };
        let is_beside = placement.is_some_and(|placement| placement.to == PlacedIn::Beside);
        if is_placed && place.is_none() && !is_beside {
            continue;
        }
        let new_extension = placement.and_then(Placement::new_extension);
        let events = with_upload(trigger).map(|trigger| RaisedEvent {
            action,
            trigger,
            place: place.or(moved_to),
            is_new_folder: new_folder.is_some(),
            is_renamed: is_renamed || new_folder.is_some() || new_extension.is_some(),
            new_extension,
        });
        raised.extend(events);
    }
    raised
}

/// The trigger, and the one that follows it for a new file (docs/DOCSPACE.md 3).
fn with_upload(trigger: &'static str) -> impl Iterator<Item = &'static str> {
    let upload = (trigger == "file.created").then_some("file.uploaded");
    [trigger].into_iter().chain(upload)
}

/// Whether a rule listens to such events if the API key's user causes them.
fn listens_to(rule: &Rule, trigger: &str) -> bool {
    accepts_own_actions(rule) && rule.triggers.iter().any(|known| known.as_str() == trigger)
}

/// Whether a rule certainly matches nothing that the API key's user causes.
fn ignores_own_actions(rule: &Rule) -> bool {
    rule.conditions.iter().any(|condition| match condition {
        Condition::NotBy(accounts) => accounts.contains(&Account::ApiKeyUser),
        // Guests cannot have keys (docs/DOCSPACE.md A12).
        Condition::ByGuest(wanted) => *wanted,
        // An account or group may be, or contain, the key's user.
        _ => false,
    })
}

/// Whether a rule may match what the API key's user causes, as far as that is known here.
fn accepts_own_actions(rule: &Rule) -> bool {
    rule.conditions.iter().all(|condition| match condition {
        Condition::NotBy(accounts) => !accounts.contains(&Account::ApiKeyUser),
        Condition::By(accounts) => accounts.contains(&Account::ApiKeyUser),
        // Guests cannot have keys (docs/DOCSPACE.md A12), and which groups the key's user is in is not known here.
        Condition::ByGuest(wanted) => !wanted,
        Condition::ByGroup(_) | Condition::NotByGroup(_) => false,
        _ => true,
    })
}

/// Whether a rule before this one in its group may act on the event in its place.
fn may_be_preempted(position: usize, rules: &[Rule], event: &RaisedEvent<'_>) -> bool {
    let rule = &rules[position];
    rule.group.is_some()
        && rules[..position].iter().any(|earlier| {
            earlier.group == rule.group
                && listens_to(earlier, event.trigger)
                && may_match_same_files(earlier, rule)
        })
}

/// Whether both rules may match the same file, judged by extension and size, which no action changes, and by how the
/// title begins.
fn may_match_same_files(one: &Rule, other: &Rule) -> bool {
    let excluded = |one: &Condition, other: &Condition| match (one, other) {
        (Condition::Extension(one), Condition::Extension(other)) => {
            !one.iter().any(|extension| other.contains(extension))
        }
        (Condition::Size(one), Condition::Size(other)) => one.excludes(*other),
        (Condition::Title(TextTest::Prefix(one)), Condition::Title(TextTest::Prefix(other))) => {
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

/// Whether there are titles that both rules match: not known if one requires more than a prefix and the other has a
/// different condition, or if the file has got another title.
fn match_same_titles(one: &Rule, other: &Rule, event: &RaisedEvent<'_>) -> bool {
    if event.is_renamed && other.conditions.iter().any(is_about_title) {
        return false;
    }
    let of = |rule: &Rule| -> Vec<Condition> {
        let conditions = rule.conditions.iter();
        conditions
            .filter(|it| is_about_title(it))
            .cloned()
            .collect()
    };
    let (one, other) = (of(one), of(other));
    let contains = |all: &[Condition], some: &[Condition]| some.iter().all(|it| all.contains(it));
    let requires_more = |conditions: &[Condition]| {
        let is_prefix =
            |condition: &Condition| matches!(condition, Condition::Title(TextTest::Prefix(_)));
        !conditions.iter().all(is_prefix)
    };
    contains(&one, &other)
        || contains(&other, &one)
        || !(requires_more(&one) || requires_more(&other))
}

/// Whether nothing else decides about an event that an action of `cause` raises than what the check compares.
fn is_decided_by_place_and_title(rule: &Rule, event: &RaisedEvent<'_>, cause: &Rule) -> bool {
    rule.conditions.iter().all(|condition| match condition {
        Condition::Field(_) => false,
        Condition::Extension(extensions) => match event.new_extension {
            Some(new) => extensions.iter().any(|extension| extension == new),
            None => !event.is_new_folder,
        },
        Condition::Size(_) => !event.is_new_folder && event.new_extension.is_none(),
        // A file that stays where it is stays in its room.
        Condition::RoomTitle(_) | Condition::RoomTag(_) | Condition::RoomType(_) => {
            matches!(event.place, None | Some(Place::Room)) && cause.conditions.contains(condition)
        }
        _ => true,
    })
}

fn is_about_title(condition: &Condition) -> bool {
    matches!(condition, Condition::Title(_))
}

/// Whether a rule certainly watches the place of an event that an action of `cause` raises. All its conditions on
/// the place must match; a file in a folder that each of them names is certain to be in such a place.
fn watches(rule: &Rule, event: &RaisedEvent<'_>, cause: &Rule) -> bool {
    let places = |rule: &'_ Rule| -> Vec<Condition> {
        let conditions = rule.conditions.iter();
        conditions
            .filter(|it| !it.folders().is_empty())
            .cloned()
            .collect()
    };
    let mut watched = places(rule);
    let found_in = places(cause);
    let is_certain = |condition: &Condition| match event.place {
        Some(Place::In(folder)) => condition.folders().contains(folder),
        Some(Place::Below(folder)) => trees(condition).contains(folder),
        // Which folder of the room is known to the portal alone.
        Some(Place::Room) | None => {
            matches!(condition, Condition::Room(_)) && found_in.contains(condition)
        }
    };
    if event.place.is_some() {
        return watched.iter().all(is_certain);
    }
    // The file stays where `cause` found it.
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
            let Some(Place::In(to) | Place::Below(to)) = event.place else {
                continue;
            };
            let listening = rules.iter().filter(|next| {
                let may_match = event.is_renamed || may_match_same_files(rule, next);
                listens_to(next, event.trigger) && may_match
            });
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
mod tests;
