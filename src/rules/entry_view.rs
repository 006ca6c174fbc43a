//! The file or folder of an event as conditions see it: from the delivery and from lookups in the portal.
//!
//! What many conditions use is computed once per event, however many rules there are.

use std::borrow::Cow;

use crate::docspace::FileInfo;
use crate::event::{Entry, EntryKind};
use crate::ids::FolderId;

use super::facts::{Facts, Lookup, MissingFact};
use super::normalization::ComparableText;

/// An event's file or folder as conditions see it.
pub(super) struct EntryView<'a> {
    pub(super) facts: &'a Facts<'a>,
    pub(super) entry: &'a Entry,
    /// `None` if not given.
    title: Option<ComparableText>,
}

/// Which fact a condition lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    File,
    Path,
    CurrentUser,
}

impl<'a> EntryView<'a> {
    pub(super) fn new(entry: &'a Entry, facts: &'a Facts<'a>) -> Self {
        let mut view = Self {
            facts,
            entry,
            title: None,
        };
        view.title = view.raw_title().map(ComparableText::new);
        view
    }

    /// The file in the portal, if it was looked up.
    pub(super) fn file(&self) -> Option<&'a FileInfo> {
        match &self.facts.file {
            Some(Lookup::Found(file)) => Some(file),
            _ => None,
        }
    }

    /// The folder it is in.
    pub(super) fn folder(&self) -> Option<&'a FolderId> {
        self.file()
            .map(|file| &file.folder)
            .or(self.entry.parent.as_ref())
    }

    /// The title as given. A folder's title is not looked up.
    pub(super) fn raw_title(&self) -> Option<&'a str> {
        let given = self.file().map(|file| file.title.as_str());
        let given = given.or(self.entry.title.as_deref());
        match self.entry.kind {
            EntryKind::File => given,
            EntryKind::Folder => Some(given.unwrap_or_default()),
        }
    }

    /// The title to compare.
    pub(super) fn title(&self) -> Option<&ComparableText> {
        self.title.as_ref()
    }

    /// The extension in the form in which texts are compared, without its dot; empty if there is none.
    pub(super) fn extension(&self) -> Option<&str> {
        let title = self.title()?.normalized();
        Some(match title.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => extension,
            _ => "",
        })
    }

    /// Whether the entry is this folder or room itself.
    pub(super) fn is_folder(&self, folder: &FolderId) -> bool {
        self.entry.kind == EntryKind::Folder && self.entry.id.as_str() == folder.as_str()
    }

    /// What to look up.
    pub(super) fn missing_fact(&self, missing: Missing) -> MissingFact {
        match (missing, self.folder()) {
            (Missing::CurrentUser, _) => MissingFact::CurrentUser,
            (Missing::Path, Some(folder)) => MissingFact::Path(folder.clone()),
            (Missing::Path | Missing::File, _) => MissingFact::File(self.entry.id.clone()),
        }
    }

    /// The title for people.
    pub(super) fn shown_title(&self) -> Cow<'a, str> {
        self.raw_title()
            .map_or(Cow::Borrowed("not given"), |title| {
                Cow::Owned(format!("“{title}”"))
            })
    }
}
