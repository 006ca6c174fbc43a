//! Why a rule ignores an event.

use std::fmt;

use crate::event::{EntryKind, Trigger};

use super::condition::Reason;

/// The reason to ignore an event.
pub(super) enum Mismatch<'a> {
    NothingNamed,
    Trigger(&'a Trigger, &'a [Trigger]),
    NoEntry,
    /// The rule works on files, but the event is about this.
    NotAFile(EntryKind),
    FileGone,
    OwnAction,
    /// A rule of the same group matches.
    Group {
        group: &'a str,
        first: &'a str,
    },
    Condition(Reason<'a>),
}

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingNamed => {
                formatter.write_str("the body names neither a trigger nor a file")
            }
            Self::Trigger(trigger, wanted) => write!(
                formatter,
                "trigger {trigger} is not one of {}",
                CommaSeparated(wanted)
            ),
            Self::NoEntry => formatter.write_str("the event names no file"),
            Self::NotAFile(EntryKind::Account) => {
                formatter.write_str("the event is about a user or group, not a file")
            }
            Self::NotAFile(_) => formatter.write_str("the event is about a folder, not a file"),
            Self::FileGone => formatter.write_str("the file no longer exists"),
            Self::OwnAction => {
                formatter.write_str("the event was caused by this rule's own action")
            }
            Self::Group { group, first } => write!(
                formatter,
                "the rule “{first}” matches, which comes first in the group “{group}”"
            ),
            Self::Condition(why) => why.fmt(formatter),
        }
    }
}

/// Writes values separated by commas.
pub(super) struct CommaSeparated<'a, T>(pub(super) &'a [T]);

impl<T: fmt::Display> fmt::Display for CommaSeparated<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, item) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(formatter, "{separator}{item}")?;
        }
        Ok(())
    }
}
