//! Ranges of sizes of files.

use std::fmt;

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

    /// Whether a size is one of them.
    pub(super) fn contains(self, size_bytes: u64) -> bool {
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
