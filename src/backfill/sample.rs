//! The first files of a survey, as examples.

use serde::Serialize;

use crate::ids::FileId;

use super::scan::Found;

/// How many files a survey names.
pub(super) const SAMPLE_SIZE: usize = 10;

/// A file, and what a backfill would do for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SampledFile {
    /// Its id.
    pub file: Option<FileId>,
    /// Its title. Untrusted text.
    pub title: String,
    /// The rules that apply to it.
    pub rules: Vec<String>,
    /// What would be done, such as "copy to folder 12".
    pub actions: Vec<String>,
}

impl SampledFile {
    pub(super) fn of(found: &Found) -> Self {
        let entry = found.event.entry.as_ref();
        let planned = found.decisions.iter().filter_map(|it| it.planned.as_ref());
        Self {
            file: entry.map(|entry| entry.id.clone()),
            title: entry
                .and_then(|entry| entry.title.clone())
                .unwrap_or_default(),
            rules: found.decisions.iter().map(|it| it.rule.clone()).collect(),
            actions: planned
                .flat_map(|planned| &planned.actions)
                .map(ToString::to_string)
                .collect(),
        }
    }
}
