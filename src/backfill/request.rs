//! What a person orders: which rules, which files.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::docspace::FileInfo;
use crate::event::Trigger;
use crate::ids::FolderId;
use crate::rules::{Rule, RuleSet};

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
    /// The rule does not listen to uploads.
    #[error(
        "the rule “{0}” does not listen to file.uploaded or file.created; only rules about uploads apply to \
         existing files"
    )]
    NotAboutUploads(String),
    /// The rule watches no room or folder, and none is given.
    #[error(
        "the rule “{0}” names no room or folder; say which one is meant with --room or --folder"
    )]
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
        let upload = Trigger::new("file.uploaded");
        let chosen = self.rules.iter().map(|name| {
            let rule = active.iter().find(|rule| rule.name == *name);
            let rule = rule.ok_or_else(|| RequestError::NoSuchRule(name.clone()))?;
            if !rule.triggers.iter().any(Trigger::is_upload) {
                return Err(RequestError::NotAboutUploads(name.clone()));
            }
            Ok(Rule {
                triggers: vec![upload.clone()],
                ..rule.clone()
            })
        });
        Ok(RuleSet::new(chosen.collect::<Result<_, _>>()?))
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
