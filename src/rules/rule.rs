//! One rule: triggers, conditions and an ordered list of actions, and how it evaluates an event.

use jiff::Timestamp;

use crate::event::{Entry, EntryKind, Trigger};
use crate::ids::FolderId;

use super::action::{ActionPlan, PlacedIn, Placement, Puts, WorksOn};
use super::condition::{Check, Condition};
use super::decision::{Decision, FileState, PlannedActions};
use super::entry_view::EntryView;
use super::facts::{Facts, Lookup, MissingFact};
use super::group::GroupMatches;
use super::mismatch::Mismatch;

/// What to do with events of some triggers under some conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, unique among the rules; part of the effect key.
    pub name: String,
    /// The triggers it listens to.
    pub triggers: Vec<Trigger>,
    /// The group to which it belongs, if any: of its rules, only the first one that matches acts.
    pub group: Option<String>,
    /// The conditions, all of which must match.
    pub conditions: Vec<Condition>,
    /// The actions, in order; each starts after the previous ones succeeded. A failed notification does
    /// not stop the actions after it.
    pub actions: Vec<ActionPlan>,
}

/// How a rule evaluates an event. The reason becomes text only if someone reads it.
pub(super) enum Evaluation<'a> {
    Matched(&'a Entry),
    Ignored(Mismatch<'a>),
    Unknown(MissingFact),
}

impl Rule {
    /// The rooms and folders it watches; none if it acts wherever a file is.
    pub fn watched_folders(&self) -> impl Iterator<Item = &FolderId> {
        self.conditions.iter().flat_map(Condition::folders)
    }

    /// Those of them that it watches as rooms.
    pub fn watched_rooms(&self) -> impl Iterator<Item = &FolderId> {
        self.conditions
            .iter()
            .flat_map(|condition| match condition {
                Condition::Room(rooms) => rooms.as_slice(),
                _ => &[],
            })
    }

    /// Whether its actions can work on what an event is about.
    fn works_on(&self, kind: EntryKind) -> bool {
        let mut actions = self.actions.iter();
        actions.all(|action| match action.properties.works_on {
            WorksOn::File => kind == EntryKind::File,
            WorksOn::Room => kind != EntryKind::Account,
            WorksOn::Person => kind == EntryKind::Account,
            WorksOn::Anything => true,
        })
    }

    /// Evaluates the trigger, the rules before it in its group, and the conditions, at the least cost.
    pub(super) fn evaluate<'a>(
        &'a self,
        facts: &'a Facts<'a>,
        view: Option<&EntryView<'a>>,
        matched: &GroupMatches<'a>,
    ) -> Evaluation<'a> {
        if let Some(mismatch) = self.mismatch_before_conditions(facts, view) {
            return Evaluation::Ignored(mismatch);
        }
        let Some(view) = view else {
            return Evaluation::Ignored(Mismatch::NoEntry);
        };
        if let Some(group) = &self.group
            && let Some(first) = matched.first_of(group)
        {
            return Evaluation::Ignored(Mismatch::Group { group, first });
        }
        let mut missing = None;
        for condition in &self.conditions {
            match condition.check(view) {
                Check::Mismatch(why) => return Evaluation::Ignored(Mismatch::Condition(why)),
                Check::Match(_) => {}
                // A later condition may not match, which saves the lookup.
                Check::Needs(what) => missing = missing.or(Some(what)),
            }
        }
        match missing {
            Some(missing) => Evaluation::Unknown(view.missing_fact(missing)),
            None if self.caused(facts) => Evaluation::Ignored(Mismatch::OwnAction),
            None => Evaluation::Matched(view.entry),
        }
    }

    /// Remembers that it is the rule of its group that matches, if it does. A rule whose own action caused the event
    /// matches, too: that it does nothing more is no reason for an alternative to act.
    pub(super) fn claim_group<'a>(
        &'a self,
        evaluation: &Evaluation<'_>,
        matched: &mut GroupMatches<'a>,
    ) {
        if let Some(group) = &self.group
            && let Evaluation::Matched(_) | Evaluation::Ignored(Mismatch::OwnAction) = evaluation
        {
            matched.add(group, &self.name);
        }
    }

    /// Whether its own action caused the event.
    fn caused(&self, facts: &Facts<'_>) -> bool {
        facts.caused_by.contains(&self.name)
    }

    /// The reason to ignore an event before any condition is checked.
    pub(super) fn mismatch_before_conditions<'a>(
        &'a self,
        facts: &'a Facts<'a>,
        view: Option<&EntryView<'a>>,
    ) -> Option<Mismatch<'a>> {
        let Some(trigger) = &facts.event.trigger else {
            return Some(Mismatch::NothingNamed);
        };
        if !self.triggers.contains(trigger) {
            return Some(Mismatch::Trigger(trigger, &self.triggers));
        }
        match view.map(|view| view.entry.kind) {
            None => Some(Mismatch::NoEntry),
            Some(kind) if !self.works_on(kind) => Some(Mismatch::NotAFile(kind)),
            Some(EntryKind::File) if matches!(facts.file, Some(Lookup::NotFound)) => {
                Some(Mismatch::FileGone)
            }
            // In a group, its conditions decide nevertheless whether the rules behind it may act.
            Some(_) if self.group.is_none() && self.caused(facts) => Some(Mismatch::OwnAction),
            Some(_) => None,
        }
    }

    /// Decides what to plan for an event whose conditions all match.
    pub(super) fn plan(&self, entry: &Entry, facts: &Facts<'_>) -> Result<Decision, MissingFact> {
        let file = FileFacts::of(entry, facts)?;
        let mut placements = self.actions.iter();
        let first = placements.find_map(|action| action.properties.placement.as_ref());
        if let Some(Placement {
            to: PlacedIn::Folder(to),
            is_below: false,
            puts: Puts::File { .. } | Puts::Copy,
        }) = first
            && file.folder.as_ref() == Some(to)
        {
            return Ok(self.ignored(format!(
                "the file is already in folder {to}, the destination of this rule"
            )));
        }
        Ok(Decision {
            rule: self.name.clone(),
            reason: self.match_reasons(entry, facts).join("; "),
            planned: Some(PlannedActions {
                file: entry.id.clone(),
                state: FileState::reported_by(facts.event, file.modified_at),
                title: file.title,
                actions: self.actions.clone(),
            }),
        })
    }

    /// Why each condition matches; the trigger, if there is no condition.
    fn match_reasons(&self, entry: &Entry, facts: &Facts<'_>) -> Vec<String> {
        let view = EntryView::new(entry, facts);
        let matching = |condition: &Condition| match condition.check(&view) {
            Check::Match(why) => Some(why.to_string()),
            Check::Mismatch(_) | Check::Needs(_) => None,
        };
        let mut reasons: Vec<String> = self.conditions.iter().filter_map(matching).collect();
        if reasons.is_empty() {
            let trigger = facts.event.trigger.as_ref();
            reasons.extend(trigger.map(|trigger| format!("the trigger is {trigger}")));
        }
        reasons
    }

    /// A decision to ignore the event.
    pub(super) fn ignored(&self, reason: String) -> Decision {
        Decision {
            rule: self.name.clone(),
            reason,
            planned: None,
        }
    }
}

/// What planning needs to know about a file, from the delivery or, failing that, from the portal.
struct FileFacts {
    folder: Option<FolderId>,
    title: String,
    modified_at: Timestamp,
}

impl FileFacts {
    fn of(entry: &Entry, facts: &Facts<'_>) -> Result<Self, MissingFact> {
        Ok(
            match (&facts.file, &entry.parent, &entry.title, entry.modified_at) {
                (Some(Lookup::Found(file)), ..) => Self {
                    folder: Some(file.folder.clone()),
                    title: file.title.clone(),
                    modified_at: file.updated,
                },
                (_, folder @ Some(_), Some(title), Some(modified_at)) => Self {
                    folder: folder.clone(),
                    title: title.clone(),
                    modified_at,
                },
                // Others are not looked up: nothing is done to them.
                _ if entry.kind != EntryKind::File => Self {
                    folder: entry.parent.clone(),
                    title: entry.title.clone().unwrap_or_default(),
                    modified_at: entry.modified_at.unwrap_or_default(),
                },
                _ => return Err(MissingFact::File(entry.id.clone())),
            },
        )
    }
}
