//! The conditions of a rule.

use std::borrow::Cow;
use std::fmt;

use crate::ids::FolderId;
use crate::wire::RoomType;

use super::entry_view::EntryView;
use super::normalization::normalized;

mod account;
mod any_of;
mod check;
mod pattern;
mod size_range;
mod text_test;

// One file per kind of condition.
mod actor;
mod extension;
mod field;
mod location;
mod room;
mod size;
mod text;

pub use account::Account;
use any_of::AnyOf;
pub(super) use check::{Check, Reason};
pub use field::FieldTest;
pub use pattern::{Pattern, PatternError};
pub use size_range::SizeRange;
pub use text_test::{EmptyText, TextTest};

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
    /// The title of the room is as required.
    RoomTitle(TextTest),
    /// The room has one of these tags; see [`Condition::room_tag`].
    RoomTag(Vec<String>),
    /// The room is of one of these types.
    RoomType(Vec<RoomType>),
    /// The title is as required.
    Title(TextTest),
    /// The title's extension is one of these; see [`Condition::extension`].
    Extension(Vec<String>),
    /// A member of the delivery is as required.
    Field(FieldTest),
    /// The file has one of these sizes.
    Size(SizeRange),
    /// One of these accounts acted.
    By(Vec<Account>),
    /// None of these accounts acted.
    NotBy(Vec<Account>),
    /// A member of one of these groups acted; see [`Condition::by_group`].
    ByGroup(Vec<String>),
    /// No member of these groups acted; see [`Condition::not_by_group`].
    NotByGroup(Vec<String>),
    /// A guest acted, or somebody who is not a guest.
    ByGuest(bool),
}

impl Condition {
    /// The title starts with one of these; see [`TextTest::prefix`].
    pub fn title_prefix<'t>(
        prefixes: impl IntoIterator<Item = &'t str>,
    ) -> Result<Self, EmptyText> {
        TextTest::prefix(prefixes).map(Self::Title)
    }

    /// The room has one of these tags, ignoring case and how letters are encoded.
    pub fn room_tag<'t>(tags: impl IntoIterator<Item = &'t str>) -> Self {
        Self::RoomTag(tags.into_iter().map(normalized).collect())
    }

    /// The title's extension is one of these, with or without a dot and ignoring case; empty for titles without one.
    pub fn extension<'t>(extensions: impl IntoIterator<Item = &'t str>) -> Self {
        let extensions = extensions.into_iter();
        let normalized = extensions.map(|text| normalized(text.trim_start_matches('.')));
        Self::Extension(normalized.collect())
    }

    /// A member of one of these groups acted, which are given by id or name, ignoring case and how letters are encoded.
    pub fn by_group<'t>(groups: impl IntoIterator<Item = &'t str>) -> Self {
        Self::ByGroup(groups.into_iter().map(normalized).collect())
    }

    /// No member of these groups acted.
    pub fn not_by_group<'t>(groups: impl IntoIterator<Item = &'t str>) -> Self {
        Self::NotByGroup(groups.into_iter().map(normalized).collect())
    }

    /// Whether it asks the portal about people.
    pub fn is_about_people(&self) -> bool {
        matches!(
            self,
            Self::ByGroup(_) | Self::NotByGroup(_) | Self::ByGuest(_)
        )
    }

    /// Checks the condition for an entry.
    pub(super) fn check<'a>(&'a self, view: &EntryView<'a>) -> Check<'a> {
        match self {
            Self::Room(rooms) => location::is_in_room(rooms, view),
            Self::Folder(folders) => location::is_directly_in(folders, view),
            Self::FolderTree(folders) => location::is_in_tree(folders, view),
            Self::RoomTitle(test) => room::title_matches(test, view),
            Self::RoomTag(tags) => room::has_tag(tags, view),
            Self::RoomType(types) => room::is_of_type(types, view),
            Self::Title(test) => text::title_matches(test, view),
            Self::Extension(extensions) => extension::is_one_of(extensions, view),
            Self::Field(field) => field::is_as_required(field, view),
            Self::Size(range) => size::is_in(*range, view),
            Self::By(accounts) => actor::is_one_of(accounts, view),
            Self::NotBy(accounts) => actor::is_none_of(accounts, view),
            Self::ByGroup(groups) => actor::is_in_group(groups, view),
            Self::NotByGroup(groups) => actor::is_in_no_group(groups, view),
            Self::ByGuest(wanted) => actor::is_guest(*wanted, view),
        }
    }

    /// Its name in the rules file.
    pub(super) fn name(&self) -> Cow<'static, str> {
        let name = match self {
            Self::Field(field) => return format!("field.{}", field.path).into(),
            Self::Room(_) => "room",
            Self::Folder(_) => "folder",
            Self::FolderTree(_) => "folder_tree",
            Self::RoomTitle(_) => "room_title",
            Self::RoomTag(_) => "room_tag",
            Self::RoomType(_) => "room_type",
            Self::Title(TextTest::Is(_)) => "title",
            Self::Title(TextTest::Prefix(_)) => "title.prefix",
            Self::Title(TextTest::Contains(_)) => "title.contains",
            Self::Title(TextTest::Glob(_)) => "title.glob",
            Self::Title(TextTest::Regex(_)) => "title.regex",
            Self::Extension(_) => "extension",
            Self::Size(_) => "size",
            Self::By(_) => "by",
            Self::NotBy(_) => "by_not",
            Self::ByGroup(_) => "by_group",
            Self::NotByGroup(_) => "by_group_not",
            Self::ByGuest(_) => "by_guest",
        };
        name.into()
    }

    /// The value it checks, for people.
    pub(super) fn value(&self, view: &EntryView<'_>) -> String {
        match self {
            Self::Room(_) | Self::FolderTree(_) => location::path_value(view),
            Self::Folder(_) => location::folder_value(view),
            Self::RoomTitle(_) => room::value(view, |room| format!("“{}”", room.title)),
            Self::RoomTag(_) => room::value(view, |room| match &room.tags[..] {
                [] => "no tags".to_owned(),
                tags => tags.join(", "),
            }),
            Self::RoomType(_) => room::value(view, |room| {
                let kind = room.room_type;
                kind.map_or_else(|| "not given".to_owned(), |kind| kind.to_string())
            }),
            Self::Title(_) => view.shown_title().into_owned(),
            Self::Extension(_) => extension::value(view),
            Self::Field(field) => field::value(field, view),
            Self::Size(_) => size::value(view),
            Self::By(_) | Self::NotBy(_) => actor::value(view),
            Self::ByGroup(_) | Self::NotByGroup(_) => actor::group_value(view),
            Self::ByGuest(_) => actor::guest_value(view),
        }
    }

    /// The order of checking: cheap conditions that often fail come first.
    pub(super) fn cost(&self) -> u8 {
        match self {
            Self::Folder(_) => 0,
            Self::Extension(_) => 1,
            Self::Title(test) if test.is_cheap() => 2,
            Self::By(_) | Self::NotBy(_) => 3,
            Self::Field(_) => 4,
            // A missing fact does not end the check, so a title that does not match later still saves the lookup.
            Self::Room(_) | Self::FolderTree(_) => 5,
            Self::RoomTitle(_) | Self::RoomTag(_) | Self::RoomType(_) => 6,
            Self::ByGroup(_) | Self::NotByGroup(_) | Self::ByGuest(_) => 7,
            Self::Size(_) => 8,
            Self::Title(_) => 9,
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
            Self::RoomTitle(test) => write!(formatter, "{name} {} {test}", test.verb(true)),
            Self::RoomTag(tags) => write!(formatter, "{name} is {}", AnyOf(tags)),
            Self::RoomType(types) => write!(formatter, "{name} is {}", AnyOf(types)),
            Self::Title(test) => write!(formatter, "{name} is {test}"),
            Self::Extension(extensions) => write!(formatter, "{name} is {}", AnyOf(extensions)),
            Self::Field(FieldTest { test, .. }) => {
                write!(formatter, "{name} {} {test}", test.verb(true))
            }
            Self::Size(range) => write!(formatter, "{name} is {range}"),
            Self::By(accounts) => write!(formatter, "the acting user is {}", AnyOf(accounts)),
            Self::NotBy(accounts) => {
                write!(formatter, "the acting user is not {}", AnyOf(accounts))
            }
            Self::ByGroup(groups) => {
                write!(formatter, "the acting user is in {}", AnyOf(groups))
            }
            Self::NotByGroup(groups) => {
                write!(formatter, "the acting user is not in {}", AnyOf(groups))
            }
            Self::ByGuest(true) => formatter.write_str("the acting user is a guest"),
            Self::ByGuest(false) => formatter.write_str("the acting user is not a guest"),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
