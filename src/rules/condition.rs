//! The conditions of a rule.

use std::fmt;

use crate::ids::FolderId;

use super::entry_view::EntryView;
use super::normalization::normalized;

mod account;
mod check;
mod pattern;

// One file per kind of condition.
mod actor;
mod extension;
mod location;
mod title;

pub use account::Account;
use check::AnyOf;
pub(super) use check::{Check, Reason};
pub use pattern::{Pattern, PatternError};

/// A condition that must match for its rule to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The file is in one of these rooms at any depth, or its delivery names one of them as its parent or
    /// topmost folder.
    Room(Vec<FolderId>),
    /// The file is directly in one of these folders.
    Folder(Vec<FolderId>),
    /// The file is in one of these folders or below one.
    FolderTree(Vec<FolderId>),
    /// The title starts with one of these, which are in the form in which titles are compared; see
    /// [`Condition::title_prefix`].
    TitlePrefix(Vec<String>),
    /// The glob matches the whole title.
    TitleGlob(Pattern),
    /// The regular expression matches a part of the title.
    TitleRegex(Pattern),
    /// The title's extension is one of these, in lower case and without a dot.
    Extension(Vec<String>),
    /// One of these accounts acted.
    By(Vec<Account>),
    /// None of these accounts acted.
    NotBy(Vec<Account>),
}

/// A prefix without a visible character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has no visible character, so every title would match")]
pub struct EmptyPrefix;

impl Condition {
    /// The title starts with one of these, ignoring case, how letters are encoded, and what is invisible around them.
    pub fn title_prefix<'t>(
        prefixes: impl IntoIterator<Item = &'t str>,
    ) -> Result<Self, EmptyPrefix> {
        let prefixes: Vec<String> = prefixes.into_iter().map(normalized).collect();
        if prefixes.iter().any(String::is_empty) {
            return Err(EmptyPrefix);
        }
        Ok(Self::TitlePrefix(prefixes))
    }

    /// Checks the condition for an entry.
    pub(super) fn check<'a>(&'a self, view: &EntryView<'a>) -> Check<'a> {
        match self {
            Self::Room(rooms) => location::is_in_room(rooms, view),
            Self::Folder(folders) => location::is_directly_in(folders, view),
            Self::FolderTree(folders) => location::is_in_tree(folders, view),
            Self::TitlePrefix(prefixes) => title::starts_with(prefixes, view),
            Self::TitleGlob(glob) => title::matches_glob(glob, view),
            Self::TitleRegex(regex) => title::matches_regex(regex, view),
            Self::Extension(extensions) => extension::is_one_of(extensions, view),
            Self::By(accounts) => actor::is_one_of(accounts, view),
            Self::NotBy(accounts) => actor::is_none_of(accounts, view),
        }
    }

    /// Its name in the rules file.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Room(_) => "room",
            Self::Folder(_) => "folder",
            Self::FolderTree(_) => "folder_tree",
            Self::TitlePrefix(_) => "title.prefix",
            Self::TitleGlob(_) => "title.glob",
            Self::TitleRegex(_) => "title.regex",
            Self::Extension(_) => "extension",
            Self::By(_) => "by",
            Self::NotBy(_) => "by_not",
        }
    }

    /// The value it checks, for people.
    pub(super) fn value(&self, view: &EntryView<'_>) -> String {
        match self {
            Self::Room(_) | Self::FolderTree(_) => location::path_value(view),
            Self::Folder(_) => location::folder_value(view),
            Self::TitlePrefix(_) | Self::TitleGlob(_) | Self::TitleRegex(_) => {
                view.shown_title().into_owned()
            }
            Self::Extension(_) => extension::value(view),
            Self::By(_) | Self::NotBy(_) => actor::value(view),
        }
    }

    /// The order of checking: cheap conditions that often fail come first.
    pub(super) fn cost(&self) -> u8 {
        match self {
            Self::Folder(_) => 0,
            Self::Extension(_) => 1,
            Self::TitlePrefix(_) => 2,
            Self::By(_) | Self::NotBy(_) => 3,
            // A missing path does not end the check, so a title that does not match later still saves the lookup.
            Self::Room(_) | Self::FolderTree(_) => 4,
            Self::TitleGlob(_) | Self::TitleRegex(_) => 5,
        }
    }

    /// The rooms or folders it names.
    pub(super) fn folders(&self) -> &[FolderId] {
        match self {
            Self::Room(folders) | Self::Folder(folders) | Self::FolderTree(folders) => folders,
            _ => &[],
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self {
            Self::Room(folders) | Self::Folder(folders) | Self::FolderTree(folders) => {
                write!(formatter, "{name} is {}", AnyOf(folders))
            }
            Self::TitlePrefix(prefixes) => {
                let quoted: Vec<String> = prefixes.iter().map(|it| format!("“{it}”")).collect();
                write!(formatter, "{name} is {}", AnyOf(&quoted))
            }
            Self::TitleGlob(pattern) | Self::TitleRegex(pattern) => {
                write!(formatter, "{name} is “{pattern}”")
            }
            Self::Extension(extensions) => write!(formatter, "{name} is {}", AnyOf(extensions)),
            Self::By(accounts) => write!(formatter, "the acting user is {}", AnyOf(accounts)),
            Self::NotBy(accounts) => {
                write!(formatter, "the acting user is not {}", AnyOf(accounts))
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
