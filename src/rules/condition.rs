//! The conditions a rule can make: one file a kind of condition.
//!
//! A check says how the condition comes out and why, without writing a sentence: most checks fail, and
//! nobody reads of them. The sentences hold no titles, which are personal data and not for the log; an
//! explanation shows the value beside them.

use std::fmt;

use crate::ids::FolderId;

use super::entry_view::{EntryView, Missing};

mod actor;
mod extension;
mod place;
mod title;

pub use actor::Account;
pub use title::{Pattern, PatternError};

/// Something that must hold for a rule to act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The file lies in one of these rooms at any depth, or its delivery names one of them as its parent
    /// or top-most folder.
    Room(Vec<FolderId>),
    /// The file lies directly in one of these folders.
    Folder(Vec<FolderId>),
    /// The file lies in one of these folders or below it.
    FolderTree(Vec<FolderId>),
    /// The title starts with one of these, without regard to case and white space around it.
    TitlePrefix(Vec<String>),
    /// The whole title looks like this.
    TitleGlob(Pattern),
    /// Something in the title looks like this.
    TitleRegex(Pattern),
    /// The title's extension is one of these: small letters, no dot.
    Extension(Vec<String>),
    /// One of these accounts acted.
    By(Vec<Account>),
    /// None of these accounts acted.
    NotBy(Vec<Account>),
}

/// How a condition came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Check<'a> {
    Holds(Why<'a>),
    Fails(Why<'a>),
    Needs(Missing),
}

/// Why it came out so; written out only where somebody reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why<'a> {
    Plain(&'static str),
    Itself(&'a FolderId),
    Inside(&'a FolderId, &'static str, &'a FolderId),
    Outside(&'a FolderId, &'static str, &'a [FolderId]),
    Gone(&'a FolderId),
    /// What is said of the title, and the words of the condition.
    Title(&'static str, &'a [String]),
    Looks(&'static str, &'a Pattern),
    Extension(&'static str, &'a [String]),
    Actor(&'static str, &'a [Account]),
}

impl Condition {
    /// How the condition comes out for an entry.
    pub(super) fn check<'a>(&'a self, seen: &EntryView<'a>) -> Check<'a> {
        match self {
            Self::Room(rooms) => place::lies_in_room(rooms, seen),
            Self::Folder(folders) => place::lies_directly_in(folders, seen),
            Self::FolderTree(folders) => place::lies_below(folders, seen),
            Self::TitlePrefix(prefixes) => title::starts_with(prefixes, seen),
            Self::TitleGlob(glob) => title::looks_like(glob, seen),
            Self::TitleRegex(regex) => title::contains(regex, seen),
            Self::Extension(extensions) => extension::is_one_of(extensions, seen),
            Self::By(accounts) => actor::acted(accounts, seen),
            Self::NotBy(accounts) => actor::did_not_act(accounts, seen),
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

    /// The value it looks at, for people.
    pub(super) fn value(&self, seen: &EntryView<'_>) -> String {
        match self {
            Self::Room(_) | Self::FolderTree(_) => place::path_value(seen),
            Self::Folder(_) => place::folder_value(seen),
            Self::TitlePrefix(_) | Self::TitleGlob(_) | Self::TitleRegex(_) => {
                seen.shown_title().into_owned()
            }
            Self::Extension(_) => match seen.extension() {
                Some("") => "none".to_owned(),
                Some(extension) => extension.to_owned(),
                None => "not told".to_owned(),
            },
            Self::By(_) | Self::NotBy(_) => actor::value(seen),
        }
    }

    /// What to look at first: what is cheap and often says no comes before what is dear.
    pub(super) fn cost(&self) -> u8 {
        match self {
            Self::Folder(_) => 0,
            Self::Extension(_) => 1,
            Self::TitlePrefix(_) => 2,
            Self::By(_) | Self::NotBy(_) => 3,
            // What is not known yet ends nothing, so a place costs no question that a title would spare.
            Self::Room(_) | Self::FolderTree(_) => 4,
            Self::TitleGlob(_) | Self::TitleRegex(_) => 5,
        }
    }

    /// The rooms or folders it names.
    pub(super) fn places(&self) -> &[FolderId] {
        match self {
            Self::Room(places) | Self::Folder(places) | Self::FolderTree(places) => places,
            _ => &[],
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self {
            Self::Room(places) | Self::Folder(places) | Self::FolderTree(places) => {
                write!(formatter, "{name} is {}", Or(places))
            }
            Self::TitlePrefix(prefixes) => {
                let quoted: Vec<String> = prefixes.iter().map(|it| format!("“{it}”")).collect();
                write!(formatter, "{name} is {}", Or(&quoted))
            }
            Self::TitleGlob(pattern) | Self::TitleRegex(pattern) => {
                write!(formatter, "{name} is “{pattern}”")
            }
            Self::Extension(extensions) => write!(formatter, "{name} is {}", Or(extensions)),
            Self::By(accounts) | Self::NotBy(accounts) => {
                write!(formatter, "{name} {}", Or(accounts))
            }
        }
    }
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(sentence) => formatter.write_str(sentence),
            Self::Itself(place) => write!(formatter, "the file is in {place} itself"),
            Self::Inside(folder, what, place) => {
                write!(formatter, "folder {folder} lies in {what} {place}")
            }
            Self::Outside(folder, what, places) => {
                write!(
                    formatter,
                    "folder {folder} lies outside {what} {}",
                    Or(places)
                )
            }
            Self::Gone(folder) => write!(formatter, "folder {folder} no longer exists"),
            Self::Title(says, words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("“{word}”")).collect();
                write!(formatter, "the title {says} {}", Or(&quoted))
            }
            Self::Looks(says, pattern) => write!(formatter, "the title {says} “{pattern}”"),
            Self::Extension(says, extensions) => {
                write!(formatter, "the extension {says} {}", Or(extensions))
            }
            Self::Actor(says, accounts) => {
                write!(formatter, "the acting user {says} {}", Or(accounts))
            }
        }
    }
}

/// Writes values one after the other, with commas and an "or" before the last one.
struct Or<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Or<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, item) in self.0.iter().enumerate() {
            let separator = match position {
                0 => "",
                last if last + 1 == self.0.len() => " or ",
                _ => ", ",
            };
            write!(formatter, "{separator}{item}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests;
