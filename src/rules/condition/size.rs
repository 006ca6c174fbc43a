//! The condition on the size of the file. Deliveries do not contain it (docs/DOCSPACE.md 2.1), so the portal is asked.

use std::fmt;

use crate::event::EntryKind;
use crate::rules::entry_view::{EntryView, Missing};

use super::check::{Check, Reason};

/// Sizes in bytes, with their limits included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeRange {
    /// The smallest.
    pub at_least: u64,
    /// The largest, if there is one.
    pub at_most: Option<u64>,
}

impl SizeRange {
    /// Whether no size is in both.
    pub(in crate::rules) fn excludes(self, other: Self) -> bool {
        let is_below =
            |one: Self, other: Self| one.at_most.is_some_and(|most| most < other.at_least);
        is_below(self, other) || is_below(other, self)
    }

    fn contains(self, size_bytes: u64) -> bool {
        size_bytes >= self.at_least && self.at_most.is_none_or(|most| size_bytes <= most)
    }
}

impl fmt::Display for SizeRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at_most {
            Some(most) if self.at_least == 0 => write!(formatter, "at most {most} bytes"),
            Some(most) => write!(formatter, "{} to {most} bytes", self.at_least),
            None => write!(formatter, "at least {} bytes", self.at_least),
        }
    }
}

/// Whether the file's size is in the range.
pub(super) fn is_in<'a>(range: SizeRange, view: &EntryView<'a>) -> Check<'a> {
    match view.file() {
        Some(file) if range.contains(file.size_bytes) => Check::Match(Reason::Size("is", range)),
        Some(_) => Check::Mismatch(Reason::Size("is not", range)),
        None if view.entry.kind == EntryKind::File => Check::Needs(Missing::File),
        None => Check::Mismatch(Reason::Plain("only files have a size")),
    }
}

/// The size, for people.
pub(super) fn value(view: &EntryView<'_>) -> String {
    view.file().map_or_else(
        || "not given".to_owned(),
        |file| format!("{} bytes", file.size_bytes),
    )
}
