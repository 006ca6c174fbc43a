//! Match: an event and the rules give the actions to plan and the reasons.
//!
//! A rule is data: triggers, conditions, an ordered list of actions. The two rules of the environment
//! are values of the same type (`rules/environment.rs`), and so are those of the rules file.
//! [`RuleSet::decide`] is one pure function; what it must know and the delivery does not tell, it asks
//! for as a [`MissingFact`], and the caller asks the portal. No input, no output here.

use std::fmt;

use jiff::Timestamp;

use crate::docspace::FileInfo;
use crate::event::{Entry, EntryKind, Event, Trigger};
use crate::ids::{FileId, FolderId};

// A rule's parts.
mod action;
mod condition;

mod entry_view;

// Rules together.
mod active;
mod cycle;
mod explain;
mod set;

mod environment;

pub use action::ActionPlan;
pub use active::ActiveRules;
pub use condition::{Account, Condition, Pattern, PatternError};
pub use cycle::{RuleCycle, alias_watched_folder, find_cycles, unresolved_destinations};
pub use environment::{CopyRule, InvoiceRule};
pub use explain::{Explanation, Line, Verdict};
pub use set::{OTHERS, RuleSet};

use condition::{Check, Why};
use entry_view::EntryView;

/// What to do with events of some triggers under some conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, unique among the rules; part of the effect key.
    pub name: String,
    /// The triggers it listens to.
    pub triggers: Vec<Trigger>,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
    /// What it does, in this order; each starts after the ones before it succeeded. Notifications alone
    /// hold nothing up: one that fails stops neither the other ones nor a call.
    pub actions: Vec<ActionPlan>,
}

/// What is known about an event when it is decided.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The event itself.
    pub event: &'a Event,
    /// The portal's answer about the file, when it was asked.
    pub file: Option<&'a Lookup<FileInfo>>,
    /// The folders from the top-most one down to the file's own, when the portal was asked.
    pub path: Option<&'a Lookup<Vec<FolderId>>>,
    /// The account of the key, when the portal was asked.
    pub current_user: Option<&'a str>,
    /// The rules whose own work the event tells of: the one that did it, and those that led to it.
    pub made_by: &'a [String],
}

impl<'a> Facts<'a> {
    /// What the delivery alone tells.
    pub fn of(event: &'a Event) -> Self {
        Self {
            event,
            file: None,
            path: None,
            current_user: None,
            made_by: &[],
        }
    }
}

/// The portal's answer to a question about an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// This is what it said.
    Found(T),
    /// It no longer exists.
    NotFound,
}

/// What must be asked of the portal before an event can be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingFact {
    /// The file's own data: the delivery does not name its folder, title or time of change.
    File(FileId),
    /// The folders above this one.
    Path(FolderId),
    /// The account of the key.
    CurrentUser,
}

impl fmt::Display for MissingFact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(formatter, "file {file}"),
            Self::Path(folder) => write!(formatter, "the path of folder {folder}"),
            Self::CurrentUser => formatter.write_str("the user of the API key"),
        }
    }
}

/// What one rule says about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The rule's name.
    pub rule: String,
    /// Why, in words an operator reads.
    pub reason: String,
    /// What to plan; `None` when the rule does not want the event.
    pub planned: Option<Planned>,
}

/// Actions to plan, and the state of the file they are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The file.
    pub file: FileId,
    /// Its title when the event was decided.
    pub title: String,
    /// Its state; with rule and file it makes the effect key.
    pub state: FileState,
    /// What to do, in this order.
    pub actions: Vec<ActionPlan>,
}

/// What makes a state of a file one of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Its content, by the time at which that last changed, whoever tells of it.
    Content(Timestamp),
    /// Something that happened to it and changed no content: what, and when.
    Happened(Trigger, Timestamp),
}

impl fmt::Display for FileState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content(changed_at) => changed_at.fmt(formatter),
            Self::Happened(trigger, at) => write!(formatter, "{trigger} {at}"),
        }
    }
}

/// What a rule comes to; written out only where somebody reads it.
enum RuleOutcome<'a> {
    Matched(&'a Entry),
    Ignored(Reason<'a>),
    Unknown(MissingFact),
}

/// Why a rule does not want an event.
enum Reason<'a> {
    NothingNamed,
    Trigger(&'a Trigger, &'a [Trigger]),
    NoEntry,
    Folder,
    NotFound,
    OwnWork,
    Condition(Why<'a>),
}

impl Rule {
    /// The rooms and folders it watches; none when it acts wherever a file lies.
    pub fn places(&self) -> impl Iterator<Item = &FolderId> {
        self.conditions.iter().flat_map(Condition::places)
    }

    /// Those of them that it watches as rooms.
    pub fn rooms(&self) -> impl Iterator<Item = &FolderId> {
        self.conditions
            .iter()
            .flat_map(|condition| match condition {
                Condition::Room(rooms) => rooms.as_slice(),
                _ => &[],
            })
    }

    /// Whether folders and rooms are its business, too: there is nothing to do with one but to tell of it.
    fn takes_folders(&self) -> bool {
        !self.actions.iter().any(ActionPlan::is_file_work)
    }

    /// What the rule comes to, at the least cost.
    fn outcome<'a>(&'a self, facts: Facts<'a>, seen: Option<&EntryView<'a>>) -> RuleOutcome<'a> {
        if let Some(reason) = self.not_its_business(facts, seen) {
            return RuleOutcome::Ignored(reason);
        }
        let Some(seen) = seen else {
            return RuleOutcome::Ignored(Reason::NoEntry);
        };
        let mut missing = None;
        for condition in &self.conditions {
            match condition.check(seen) {
                Check::Fails(why) => return RuleOutcome::Ignored(Reason::Condition(why)),
                Check::Holds(_) => {}
                Check::Needs(what) => missing = missing.or(Some(what)),
            }
        }
        missing.map_or(RuleOutcome::Matched(seen.entry), |missing| {
            RuleOutcome::Unknown(seen.need(missing))
        })
    }

    /// Why the rule need not look at its conditions.
    fn not_its_business<'a>(
        &'a self,
        facts: Facts<'a>,
        seen: Option<&EntryView<'a>>,
    ) -> Option<Reason<'a>> {
        let Some(trigger) = &facts.event.trigger else {
            return Some(Reason::NothingNamed);
        };
        if !self.triggers.contains(trigger) {
            return Some(Reason::Trigger(trigger, &self.triggers));
        }
        match seen.map(|seen| seen.entry.kind) {
            None => Some(Reason::NoEntry),
            Some(EntryKind::Folder) if !self.takes_folders() => Some(Reason::Folder),
            Some(EntryKind::File) if matches!(facts.file, Some(Lookup::NotFound)) => {
                Some(Reason::NotFound)
            }
            Some(_) if facts.made_by.contains(&self.name) => Some(Reason::OwnWork),
            Some(_) => None,
        }
    }

    /// What to plan, once all conditions hold.
    fn plan(&self, entry: &Entry, facts: Facts<'_>) -> Result<Decision, MissingFact> {
        let seen = EntryView::new(entry, facts);
        let mut holding: Vec<String> = Vec::new();
        for condition in &self.conditions {
            if let Check::Holds(why) = condition.check(&seen) {
                holding.push(why.to_string());
            }
        }
        if holding.is_empty() {
            let trigger = facts.event.trigger.as_ref();
            holding.extend(trigger.map(|trigger| format!("the trigger is {trigger}")));
        }
        let known = Known::about(entry, facts)?;
        if let Some(to) = self.actions.iter().find_map(ActionPlan::destination)
            && known.parent.as_ref() == Some(to)
        {
            let reason =
                format!("the file is in folder {to} already, where this rule would put it");
            return Ok(self.ignored(reason));
        }
        let planned = Planned {
            file: entry.id.clone(),
            state: known.state(facts.event),
            title: known.title,
            actions: self.actions.clone(),
        };
        Ok(Decision {
            rule: self.name.clone(),
            reason: holding.join("; "),
            planned: Some(planned),
        })
    }

    fn ignored(&self, reason: String) -> Decision {
        Decision {
            rule: self.name.clone(),
            reason,
            planned: None,
        }
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingNamed => {
                formatter.write_str("the body names neither a trigger nor a file")
            }
            Self::Trigger(trigger, wanted) => {
                write!(
                    formatter,
                    "trigger {trigger} is not one of {}",
                    List(wanted)
                )
            }
            Self::NoEntry => formatter.write_str("the event names no file"),
            Self::Folder => formatter.write_str("the event is about a folder, not a file"),
            Self::NotFound => formatter.write_str("the file no longer exists"),
            Self::OwnWork => formatter
                .write_str("the event tells of this rule's own work, or of what came of it"),
            Self::Condition(why) => why.fmt(formatter),
        }
    }
}

/// What an action needs to know of its file, from the delivery or, failing that, from the portal.
struct Known {
    parent: Option<FolderId>,
    title: String,
    modified_at: Timestamp,
}

impl Known {
    fn about(entry: &Entry, facts: Facts<'_>) -> Result<Self, MissingFact> {
        Ok(
            match (facts.file, &entry.parent, &entry.title, entry.modified_at) {
                (Some(Lookup::Found(file)), ..) => Self {
                    parent: Some(file.folder.clone()),
                    title: file.title.clone(),
                    modified_at: file.updated,
                },
                (_, parent @ Some(_), Some(title), Some(modified_at)) => Self {
                    parent: parent.clone(),
                    title: title.clone(),
                    modified_at,
                },
                _ if entry.kind == EntryKind::Folder => Self {
                    parent: entry.parent.clone(),
                    title: entry.title.clone().unwrap_or_default(),
                    modified_at: entry.modified_at.unwrap_or_default(),
                },
                _ => return Err(MissingFact::File(entry.id.clone())),
            },
        )
    }
    /// The state that the event tells of.
    fn state(&self, event: &Event) -> FileState {
        match (&event.trigger, event.happened_at) {
            (Some(trigger), Some(at)) if !tells_of_content(trigger) => {
                FileState::Happened(trigger.clone(), at)
            }
            _ => FileState::Content(self.modified_at),
        }
    }
}

/// Whether the event tells of new content: then a file has one state for as long as its content does not
/// change, whoever tells of it. To move, restore or download a file changes none of it, and each time is
/// one of its own.
fn tells_of_content(trigger: &Trigger) -> bool {
    const CONTENT: [&str; 4] = [
        "file.created",
        "file.uploaded",
        "file.updated",
        "form.submit",
    ];
    CONTENT.contains(&trigger.as_str())
}

/// Writes values one after the other, with commas.
struct List<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, item) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(formatter, "{separator}{item}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docspace::Conflict;
    use crate::template::MessageTemplates;

    /// An event whose payload has these members besides an id.
    pub(super) fn event(trigger: &str, members: &str) -> Event {
        let body = format!(
            r#"{{"event": {{"id": 1, "trigger": "{trigger}"}}, "payload": {{"id": 7, {members}}}}}"#
        );
        Event::parse(body.as_bytes()).unwrap()
    }

    pub(super) fn facts(event: &Event) -> Facts<'_> {
        Facts::of(event)
    }

    fn decide(rules: &[Rule], facts: Facts<'_>) -> Result<Vec<Decision>, MissingFact> {
        RuleSet::new(rules.to_vec()).decide(facts)
    }

    pub(super) fn file_info(folder: i64, title: &str) -> FileInfo {
        FileInfo {
            id: FileId::from(7),
            folder: FolderId::from(folder),
            title: title.to_owned(),
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
            size_bytes: 1,
            version: 1,
            busy: false,
            comment: String::new(),
            may_copy: None,
            may_move: None,
            people: Vec::new(),
            web_url: None,
        }
    }

    fn notify() -> ActionPlan {
        ActionPlan::Notify {
            to: None,
            words: MessageTemplates::default(),
        }
    }

    fn rules() -> Vec<Rule> {
        let triggers = vec![Trigger::new("file.uploaded"), Trigger::new("file.created")];
        vec![
            CopyRule {
                room: FolderId::from(100),
                to: FolderId::from(200),
                triggers: triggers.clone(),
            }
            .into(),
            InvoiceRule {
                room: FolderId::from(100),
                to: FolderId::from(300),
                title_prefix: "invoice".to_owned(),
                then: vec![notify()],
                triggers,
            }
            .into(),
        ]
    }

    fn planning(decisions: &[Decision]) -> Vec<&str> {
        decisions
            .iter()
            .filter(|d| d.planned.is_some())
            .map(|d| d.rule.as_str())
            .collect()
    }

    pub(super) const INVOICE: &str =
        r#""parentId": 100, "title": "Invoice 1.pdf", "modifiedOn": "2026-03-02T09:14:31Z""#;

    #[test]
    fn each_rule_is_asked_in_order() {
        let event = event("file.uploaded", INVOICE);
        let decisions = decide(&rules(), facts(&event)).unwrap();
        assert_eq!(planning(&decisions), ["copy", "invoice"]);
        let planned = decisions[1].planned.as_ref().unwrap();
        assert_eq!(planned.title, "Invoice 1.pdf");
        assert_eq!(
            planned.actions,
            [
                ActionPlan::Move {
                    to: FolderId::from(300),
                    conflict: Conflict::Duplicate,
                },
                notify()
            ]
        );
    }

    #[test]
    fn every_refusal_says_why() {
        let check = |trigger: &str, members: &str, reason: &str| {
            let event = event(trigger, members);
            let decisions = decide(&rules()[..1], facts(&event)).unwrap();
            assert_eq!(decisions[0].planned, None, "{members}");
            assert!(
                decisions[0].reason.contains(reason),
                "{members}: {}",
                decisions[0].reason
            );
        };
        check(
            "file.copied",
            INVOICE,
            "trigger file.copied is not one of file.uploaded, file.created",
        );
        check(
            "file.uploaded",
            r#""parentId": 100, "fileEntryType": 1"#,
            "about a folder",
        );
        check(
            "file.uploaded",
            r#""parentId": 5, "rootFolderType": 5"#,
            "own documents",
        );
        check(
            "file.uploaded",
            r#""parentId": 200, "rootId": 100, "title": "a", "modifiedOn": "2026-03-02T09:14:31Z""#,
            "already, where this rule would put it",
        );
    }

    #[test]
    fn a_cheap_refusal_spares_the_question_to_the_portal() {
        let event = event("file.uploaded", r#""parentId": 101, "title": "plan.docx""#);
        let decisions = decide(&rules()[1..], facts(&event)).unwrap();
        assert_eq!(planning(&decisions), Vec::<&str>::new());
    }

    #[test]
    fn what_the_delivery_lacks_is_asked_for() {
        let event = event("file.uploaded", r#""parentId": 100"#);
        let need = decide(&rules()[..1], facts(&event)).unwrap_err();
        assert_eq!(need, MissingFact::File(FileId::from(7)));

        let found = Lookup::Found(file_info(100, "a.txt"));
        let facts = Facts {
            file: Some(&found),
            ..facts(&event)
        };
        let decisions = decide(&rules()[..1], facts).unwrap();
        assert_eq!(decisions[0].planned.as_ref().unwrap().title, "a.txt");

        let gone = Facts {
            file: Some(&Lookup::NotFound),
            ..facts
        };
        let decisions = decide(&rules()[..1], gone).unwrap();
        assert_eq!(decisions[0].reason, "the file no longer exists");
    }

    #[test]
    fn folders_and_rooms_are_told_of_and_nothing_else() {
        let members = r#""fileEntryType": 1, "parentId": 100, "title": "Contracts""#;
        let created = event("folder.updated", members);
        let rule = |actions| Rule {
            name: "folders".to_owned(),
            triggers: vec![Trigger::new("folder.updated")],
            conditions: vec![Condition::Room(vec![FolderId::from(100)])],
            actions,
        };
        let decisions = decide(&[rule(vec![notify()])], facts(&created)).unwrap();
        assert_eq!(planning(&decisions), ["folders"]);
        let to = FolderId::from(5);
        let copy = ActionPlan::Copy {
            to,
            conflict: Conflict::Duplicate,
        };
        let decisions = decide(&[rule(vec![notify(), copy])], facts(&created)).unwrap();
        assert_eq!(
            decisions[0].reason,
            "the event is about a folder, not a file"
        );
    }

    #[test]
    fn the_state_of_a_file_is_its_content_or_what_happened_to_it() {
        let state = |trigger: &str, at: &str| {
            let mut event = event(trigger, INVOICE);
            event.happened_at = at.parse().ok();
            let rule = Rule {
                name: "all".to_owned(),
                triggers: vec![Trigger::new(trigger)],
                conditions: Vec::new(),
                actions: vec![notify()],
            };
            let mut decisions = decide(&[rule], facts(&event)).unwrap();
            decisions.remove(0).planned.unwrap().state.to_string()
        };
        let (one, other) = ("2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z");
        let content = state("file.uploaded", one);
        assert_eq!(content, "2026-03-02T09:14:31Z");
        assert_eq!(content, state("file.created", other));
        assert_eq!(content, state("file.updated", other));
        assert_eq!(state("file.moved", one), "file.moved 2026-03-02T10:00:00Z");
        assert_ne!(state("file.moved", one), state("file.moved", other));
        assert_ne!(state("file.moved", one), state("file.trashed", one));
    }

    #[test]
    fn no_rule_acts_on_its_own_work() {
        let event = event("file.uploaded", INVOICE);
        let made_by = ["copy".to_owned()];
        let facts = Facts {
            made_by: &made_by,
            ..facts(&event)
        };
        let decisions = decide(&rules(), facts).unwrap();
        assert_eq!(planning(&decisions), ["invoice"]);
        assert!(
            decisions[0].reason.contains("own work"),
            "{}",
            decisions[0].reason
        );
    }

    #[test]
    fn an_explanation_looks_at_every_condition() {
        let event = event(
            "file.copied",
            r#""parentId": 101, "title": "plan.docx", "modifiedOn": "2026-03-02T09:14:31Z""#,
        );
        let explained = RuleSet::new(rules()).explain(facts(&event));
        let seen: Vec<(&str, Verdict, &str)> = explained[1]
            .lines
            .iter()
            .map(|line| (line.field, line.verdict, line.value.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("triggers", Verdict::Failed, "file.copied"),
                ("title.prefix", Verdict::Failed, "“plan.docx”"),
                ("room", Verdict::Unknown, "folder 101"),
            ]
        );
        assert_eq!(explained[1].verdict, Verdict::Failed);
    }
}
