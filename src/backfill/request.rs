//! What a person orders: which rules, which files.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::docspace::FileInfo;
use crate::event::Trigger;
use crate::ids::FolderId;
use crate::rules::{Rule, RuleSet};
use crate::text::time;

/// Which rules to apply to which files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillRequest {
    /// The names of the rules.
    pub rules: Vec<String>,
    /// The rooms and folders, with everything in them.
    pub places: Vec<FolderId>,
    /// Only files created at this time or later.
    pub since: Option<Timestamp>,
    /// Only files created before this time.
    pub until: Option<Timestamp>,
}

/// Why rules cannot be applied to existing files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No rule has this name.
    #[error("there is no rule “{0}”")]
    NoSuchRule(String),
    /// A rule before it in its group may match instead.
    #[error(
        "the rule “{0}” comes after “{1}” in its group, and only the first one that matches acts: apply both, or remove the \
         group for the backfill"
    )]
    BehindAnother(String, String),
    /// The rule does not listen to uploads.
    #[error(
        "the rule “{0}” does not listen to file.uploaded or file.created; only rules about uploads apply to \
         existing files"
    )]
    NotAboutUploads(String),
    /// The rule watches no room or folder, and none is given.
    #[error("the rule “{0}” names no room or folder; say which one is meant")]
    NoPlace(String),
}

impl BackfillRequest {
    /// An order for these rules. Without a place, the rooms and folders that the rules watch are meant.
    pub fn new(
        active: &[Rule],
        rules: Vec<String>,
        places: Vec<FolderId>,
        (since, until): (Option<Timestamp>, Option<Timestamp>),
    ) -> Result<Self, RequestError> {
        let mut request = Self {
            rules,
            places,
            since,
            until,
        };
        let chosen = request.rules(active)?;
        if request.places.is_empty() {
            for rule in chosen.rules() {
                let mut watched = rule.watched_folders().peekable();
                if watched.peek().is_none() {
                    return Err(RequestError::NoPlace(rule.name.clone()));
                }
                for folder in watched {
                    if !request.places.contains(folder) {
                        request.places.push(folder.clone());
                    }
                }
            }
        }
        Ok(request)
    }

    /// The chosen ones of the active rules, as rules about uploads: an existing file counts as just uploaded.
    pub fn rules(&self, active: &[Rule]) -> Result<RuleSet, RequestError> {
        let is_active = |name: &&String| active.iter().any(|rule| rule.name == **name);
        if let Some(unknown) = self.rules.iter().find(|name| !is_active(name)) {
            return Err(RequestError::NoSuchRule(unknown.clone()));
        }
        let upload = Trigger::new("file.uploaded");
        let mut chosen: Vec<Rule> = Vec::new();
        for (position, rule) in active.iter().enumerate() {
            if !self.rules.contains(&rule.name) {
                continue;
            }
            if !is_about_uploads(rule) {
                return Err(RequestError::NotAboutUploads(rule.name.clone()));
            }
            if let Some(first) = self.left_out_before(rule, &active[..position]) {
                let (rule, first) = (rule.name.clone(), first.name.clone());
                return Err(RequestError::BehindAnother(rule, first));
            }
            chosen.push(Rule {
                triggers: vec![upload.clone()],
                ..rule.clone()
            });
        }
        Ok(RuleSet::new(chosen))
    }

    /// A rule about uploads that comes before this one in its group and is not chosen.
    fn left_out_before<'r>(&self, rule: &Rule, before: &'r [Rule]) -> Option<&'r Rule> {
        let group = rule.group.as_ref()?;
        before.iter().find(|earlier| {
            earlier.group.as_ref() == Some(group)
                && is_about_uploads(earlier)
                && !self.rules.contains(&earlier.name)
        })
    }

    /// Which files it is about, in words.
    pub(super) fn scope(&self) -> String {
        let places: Vec<&str> = self.places.iter().map(FolderId::as_str).collect();
        let mut scope = format!("in {}", places.join(", "));
        let bounds = [("since", self.since), ("before", self.until)];
        for (word, at) in bounds {
            if let Some(at) = at {
                // Writing to a string cannot fail.
                let _ = write!(scope, ", created {word} {} UTC", time(at));
            }
        }
        scope
    }

    /// Whether a file is meant.
    pub(super) fn includes(&self, file: &FileInfo) -> bool {
        self.since.is_none_or(|since| file.created >= since)
            && self.until.is_none_or(|until| file.created < until)
    }

    /// Whether all files after these, first created first, are too new.
    pub(super) fn is_past(&self, files: &[FileInfo]) -> bool {
        files.is_sorted_by_key(|file| file.created)
            && files
                .last()
                .is_some_and(|last| self.until.is_some_and(|until| last.created >= until))
    }
}

/// Whether a rule can be applied to existing files.
pub fn is_about_uploads(rule: &Rule) -> bool {
    rule.triggers.iter().any(Trigger::is_upload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::copy_rule;

    fn rule(name: &str, group: Option<&str>) -> Rule {
        let upload = vec![Trigger::new("file.created")];
        Rule {
            name: name.to_owned(),
            group: group.map(str::to_owned),
            ..copy_rule(FolderId::from(1), FolderId::from(2), upload)
        }
    }

    #[test]
    fn a_rule_is_not_applied_without_those_before_it_in_its_group() {
        let mut about_moves = rule("moves", Some("a"));
        about_moves.triggers = vec![Trigger::new("file.moved")];
        let active = [
            about_moves,
            rule("one", Some("a")),
            rule("other", Some("b")),
            rule("two", Some("a")),
            rule("alone", None),
        ];
        let chosen = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            let request = BackfillRequest::new(&active, names, Vec::new(), (None, None));
            let rules = request?.rules(&active)?;
            let names = rules.rules().iter().map(|rule| rule.name.clone());
            Ok::<Vec<String>, RequestError>(names.collect())
        };
        assert_eq!(chosen(&["alone", "one"]).unwrap(), ["one", "alone"]);
        assert_eq!(chosen(&["two", "one"]).unwrap(), ["one", "two"]);
        let behind = RequestError::BehindAnother("two".to_owned(), "one".to_owned());
        assert_eq!(chosen(&["two", "other"]).unwrap_err(), behind);
    }
}
