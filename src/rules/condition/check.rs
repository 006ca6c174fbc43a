//! The outcome of checking a condition, with the reason.

use std::fmt;

use crate::ids::FolderId;
use crate::rules::entry_view::Missing;
use crate::wire::RoomType;

use super::account::Account;
use super::any_of::AnyOf;
use super::size_range::SizeRange;
use super::text_test::TextTest;

/// The outcome of checking a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rules) enum Check<'a> {
    Match(Reason<'a>),
    Mismatch(Reason<'a>),
    Needs(Missing),
}

impl<'a> Check<'a> {
    /// A match or a mismatch for this reason.
    pub(super) fn of(matches: bool, reason: Reason<'a>) -> Self {
        if matches {
            Self::Match(reason)
        } else {
            Self::Mismatch(reason)
        }
    }
}

/// The reason for an outcome. It becomes text only if someone reads it: most checks fail unread. The
/// text contains no title, because titles are personal data and reasons are logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rules) enum Reason<'a> {
    Plain(&'static str),
    Itself(&'a FolderId),
    Inside(&'a FolderId, &'static str, &'a FolderId),
    Outside(&'a FolderId, &'static str, &'a [FolderId]),
    FolderGone(&'a FolderId),
    Text(&'a str, &'static str, &'a TextTest),
    RoomTag(&'static str, &'a [String]),
    RoomType(&'static str, &'a [RoomType]),
    Extension(&'static str, &'a [String]),
    Size(&'static str, SizeRange),
    Actor(&'static str, &'a [Account]),
    Group(&'static str, &'a [String]),
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(sentence) => formatter.write_str(sentence),
            Self::Itself(place) => write!(formatter, "the file is directly in {place}"),
            Self::Inside(folder, what, place) => {
                write!(formatter, "folder {folder} is in {what} {place}")
            }
            Self::Outside(folder, what, places) => {
                write!(
                    formatter,
                    "folder {folder} is not in {what} {}",
                    AnyOf(places)
                )
            }
            Self::FolderGone(folder) => write!(formatter, "folder {folder} no longer exists"),
            Self::Text(subject, verb, test) => {
                write!(formatter, "{subject} {verb} {test}")
            }
            Self::RoomTag(verb, tags) => {
                let quoted: Vec<String> = tags.iter().map(|tag| format!("“{tag}”")).collect();
                write!(formatter, "the room {verb} the tag {}", AnyOf(&quoted))
            }
            Self::RoomType(verb, types) => {
                write!(formatter, "the type of the room {verb} {}", AnyOf(types))
            }
            Self::Extension(verb, extensions) => {
                write!(formatter, "the extension {verb} {}", AnyOf(extensions))
            }
            Self::Size(verb, range) => write!(formatter, "the size {verb} {range}"),
            Self::Actor(verb, accounts) => {
                write!(formatter, "the acting user {verb} {}", AnyOf(accounts))
            }
            Self::Group(verb, groups) => {
                write!(formatter, "the acting user {verb} {}", AnyOf(groups))
            }
        }
    }
}
