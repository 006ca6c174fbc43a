//! Match: an event and the rules give the actions to plan and the reasons.
//!
//! A rule is data: triggers, conditions, an ordered list of actions. The two rules of the environment
//! are values of the same type (`rules/environment.rs`). [`decide`] is one pure function over a plain
//! list; what it must know and the delivery does not tell, it asks for as a [`Need`], and the caller
//! asks the portal. No input, no output here.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::docspace::{Conflict, FileInfo};
use crate::event::{Entry, EntryKind, Event, Trigger};
use crate::ids::{FileId, FolderId};

mod condition;
mod environment;

pub use condition::Condition;
pub use environment::{CopyRule, InvoiceRule};

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

/// One thing a rule does with the file of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionPlan {
    /// Copies the file into a folder.
    Copy {
        /// The destination.
        to: FolderId,
        /// What happens when the title is taken there.
        #[serde(default, skip_serializing_if = "Conflict::is_default")]
        conflict: Conflict,
    },
    /// Moves the file into a folder.
    Move {
        /// The destination.
        to: FolderId,
        /// What happens when the title is taken there.
        #[serde(default, skip_serializing_if = "Conflict::is_default")]
        conflict: Conflict,
    },
    /// Tells one person about the file.
    Notify {
        /// Their address; without one the log is told.
        to: Option<String>,
    },
    /// Tells the chat of the configuration about the file.
    Chat,
    /// Hands the file to the pipeline of the configuration.
    Call,
}

impl ActionPlan {
    /// The kind's name in the store, the logs and the metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Copy { .. } => "copy",
            Self::Move { .. } => "move",
            Self::Notify { .. } | Self::Chat => "notify",
            Self::Call => "call",
        }
    }

    /// Whether it is work for the portal; the others reach somebody else, and touch no file.
    pub fn is_file_work(&self) -> bool {
        self.destination().is_some()
    }

    /// Whether the actions behind it in its rule wait for it; for a notification they do not.
    pub fn is_waited_for(&self) -> bool {
        match self {
            Self::Copy { .. } | Self::Move { .. } | Self::Call => true,
            Self::Notify { .. } | Self::Chat => false,
        }
    }

    /// The folder it puts the file into, if it does.
    pub fn destination(&self) -> Option<&FolderId> {
        match self {
            Self::Copy { to, .. } | Self::Move { to, .. } => Some(to),
            Self::Notify { .. } | Self::Chat | Self::Call => None,
        }
    }
}

/// What is known about an event when it is decided.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The event itself.
    pub event: &'a Event,
    /// The portal's answer about the file, when it was asked.
    pub file: Option<&'a Looked<FileInfo>>,
    /// The folders from the top-most one down to the file's own, when the portal was asked.
    pub path: Option<&'a Looked<Vec<FolderId>>>,
}

/// The portal's answer to a question about an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked<T> {
    /// This is what it said.
    Found(T),
    /// It no longer exists.
    Gone,
}

/// What must be asked of the portal before an event can be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// The file's own data: the delivery does not name its folder, title or time of change.
    File(FileId),
    /// The folders above this one.
    Path(FolderId),
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
    /// When its content last changed; with rule and file it makes the effect key.
    pub modified_at: Timestamp,
    /// What to do, in this order.
    pub actions: Vec<ActionPlan>,
}

/// How a condition came out.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Check {
    Holds(String),
    Fails(String),
    Needs(Need),
}

/// Asks every rule, in the order of definition, what to do about an event.
pub fn decide(rules: &[Rule], facts: Facts<'_>) -> Result<Vec<Decision>, Need> {
    rules.iter().map(|rule| rule.decide(facts)).collect()
}

impl Rule {
    /// The rooms it watches.
    pub fn rooms(&self) -> impl Iterator<Item = &FolderId> {
        self.conditions
            .iter()
            .filter_map(|condition| match condition {
                Condition::Room(room) => Some(room),
                Condition::TitlePrefix(_) => None,
            })
    }

    fn decide(&self, facts: Facts<'_>) -> Result<Decision, Need> {
        let ignored = |reason| {
            Ok(Decision {
                rule: self.name.clone(),
                reason,
                planned: None,
            })
        };

        let entry = match self.wants(facts.event) {
            Ok(entry) => entry,
            Err(reason) => return ignored(reason),
        };
        if let Some(Looked::Gone) = facts.file {
            return ignored("the file no longer exists".to_owned());
        }

        let mut holding = Vec::new();
        let mut needed = None;
        for condition in &self.conditions {
            match condition.check(entry, facts) {
                Check::Fails(reason) => return ignored(reason),
                Check::Holds(reason) => holding.push(reason),
                Check::Needs(need) => needed = needed.or(Some(need)),
            }
        }
        if let Some(need) = needed {
            return Err(need);
        }

        let known = Known::about(entry, facts)?;
        if let Some(to) = self.actions.iter().find_map(ActionPlan::destination)
            && known.parent.as_ref() == Some(to)
        {
            return ignored(format!(
                "the file is in folder {to} already, where this rule would put it"
            ));
        }
        let planned = Planned {
            file: entry.id.clone(),
            title: known.title,
            modified_at: known.modified_at,
            actions: self.actions.clone(),
        };
        Ok(Decision {
            rule: self.name.clone(),
            reason: holding.join("; "),
            planned: Some(planned),
        })
    }

    /// The entry, when trigger and kind of entry are this rule's business; otherwise why not.
    fn wants<'a>(&self, event: &'a Event) -> Result<&'a Entry, String> {
        let Some(trigger) = &event.trigger else {
            return Err("the body names neither a trigger nor a file".to_owned());
        };
        if !self.triggers.contains(trigger) {
            return Err(format!(
                "trigger {trigger} is not one of {}",
                List(&self.triggers)
            ));
        }
        match &event.entry {
            None => Err("the event names no file".to_owned()),
            Some(entry) if entry.kind == EntryKind::Folder => {
                Err("the event is about a folder, not a file".to_owned())
            }
            Some(entry) => Ok(entry),
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
    fn about(entry: &Entry, facts: Facts<'_>) -> Result<Self, Need> {
        if let Some(Looked::Found(file)) = facts.file {
            return Ok(Self {
                parent: Some(file.folder.clone()),
                title: file.title.clone(),
                modified_at: file.updated,
            });
        }
        match (&entry.parent, &entry.title, entry.modified_at) {
            (parent @ Some(_), Some(title), Some(modified_at)) => Ok(Self {
                parent: parent.clone(),
                title: title.clone(),
                modified_at,
            }),
            _ => Err(Need::File(entry.id.clone())),
        }
    }
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

    /// An event whose payload has these members besides an id.
    pub(super) fn event(trigger: &str, members: &str) -> Event {
        let body = format!(
            r#"{{"event": {{"id": 1, "trigger": "{trigger}"}}, "payload": {{"id": 7, {members}}}}}"#
        );
        Event::parse(body.as_bytes()).unwrap()
    }

    pub(super) fn facts(event: &Event) -> Facts<'_> {
        Facts {
            event,
            file: None,
            path: None,
        }
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
            may_copy: None,
            may_move: None,
            people: Vec::new(),
            web_url: None,
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
                then: vec![ActionPlan::Notify { to: None }],
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

    const INVOICE: &str =
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
                ActionPlan::Notify { to: None }
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
        assert_eq!(need, Need::File(FileId::from(7)));

        let found = Looked::Found(file_info(100, "a.txt"));
        let facts = Facts {
            file: Some(&found),
            ..facts(&event)
        };
        let decisions = decide(&rules()[..1], facts).unwrap();
        assert_eq!(decisions[0].planned.as_ref().unwrap().title, "a.txt");

        let gone = Facts {
            file: Some(&Looked::Gone),
            ..facts
        };
        let decisions = decide(&rules()[..1], gone).unwrap();
        assert_eq!(decisions[0].reason, "the file no longer exists");
    }
}
