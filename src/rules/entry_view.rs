//! What is seen of an event's entry: the delivery, and the portal's answers where it was asked.
//!
//! What many conditions look at is prepared once for an event, however many rules there are.

use std::borrow::Cow;

use crate::docspace::FileInfo;
use crate::event::{Entry, EntryKind};
use crate::ids::FolderId;

use super::{Facts, Lookup, MissingFact};

/// An event's entry as conditions look at it.
pub(super) struct EntryView<'a> {
    pub(super) facts: Facts<'a>,
    pub(super) entry: &'a Entry,
    /// The title without white space around it, in small letters; `None` when nobody told it.
    title: Option<String>,
}

/// What is not known and must be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    File,
    Path,
    Myself,
}

impl<'a> EntryView<'a> {
    pub(super) fn new(entry: &'a Entry, facts: Facts<'a>) -> Self {
        let mut seen = Self {
            facts,
            entry,
            title: None,
        };
        seen.title = seen.raw_title().map(|title| title.trim().to_lowercase());
        seen
    }

    /// The file as the portal described it, when it was asked.
    pub(super) fn file(&self) -> Option<&'a FileInfo> {
        match self.facts.file {
            Some(Lookup::Found(file)) => Some(file),
            _ => None,
        }
    }

    /// The folder it lies in.
    pub(super) fn folder(&self) -> Option<&'a FolderId> {
        self.file()
            .map(|file| &file.folder)
            .or(self.entry.parent.as_ref())
    }

    /// The title as it was told. The portal is not asked for a folder's.
    pub(super) fn raw_title(&self) -> Option<&'a str> {
        let told = self.file().map(|file| file.title.as_str());
        let told = told.or(self.entry.title.as_deref());
        match self.entry.kind {
            EntryKind::File => told,
            EntryKind::Folder => Some(told.unwrap_or_default()),
        }
    }

    /// The title in small letters.
    pub(super) fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// The extension in small letters, without its dot; empty when there is none.
    pub(super) fn extension(&self) -> Option<&str> {
        let title = self.title()?;
        Some(match title.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => extension,
            _ => "",
        })
    }

    /// Whether the entry is this folder or room itself.
    pub(super) fn is_folder(&self, folder: &FolderId) -> bool {
        self.entry.kind == EntryKind::Folder && self.entry.id.as_str() == folder.as_str()
    }

    /// What to ask the portal for.
    pub(super) fn need(&self, missing: Missing) -> MissingFact {
        match (missing, self.folder()) {
            (Missing::Myself, _) => MissingFact::CurrentUser,
            (Missing::Path, Some(folder)) => MissingFact::Path(folder.clone()),
            (Missing::Path | Missing::File, _) => MissingFact::File(self.entry.id.clone()),
        }
    }

    /// The title for people.
    pub(super) fn shown_title(&self) -> Cow<'a, str> {
        self.raw_title().map_or(Cow::Borrowed("not told"), |title| {
            Cow::Owned(format!("“{title}”"))
        })
    }
}
