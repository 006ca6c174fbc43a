//! What a title looks like, without regard to case.

use std::fmt;

use regex::{Regex, RegexBuilder};

use crate::rules::entry_view::{EntryView, Missing};

use super::{Check, Why};

mod glob;

/// The largest compiled pattern: rules are written by people, and titles are short.
const PATTERN_BYTES: usize = 1 << 20;

/// A glob or a regular expression, and the text it was made of.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

/// A text that is no pattern.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// As a glob.
    #[error("is no glob: {0}")]
    Glob(&'static str),
    /// As a regular expression.
    #[error("is no regular expression: {0}")]
    Regex(String),
}

impl Pattern {
    /// A glob such as `*.{pdf,docx}`, for the whole title.
    pub fn glob(source: &str) -> Result<Self, PatternError> {
        let regex = glob::to_regex(source).map_err(PatternError::Glob)?;
        Self::compile(source, &regex)
    }

    /// A regular expression, for any part of the title.
    pub fn regex(source: &str) -> Result<Self, PatternError> {
        Self::compile(source, source)
    }

    fn compile(source: &str, regex: &str) -> Result<Self, PatternError> {
        let regex = RegexBuilder::new(regex)
            .case_insensitive(true)
            .size_limit(PATTERN_BYTES)
            .build();
        let regex = regex.map_err(|error| {
            let words = error.to_string();
            let last = words.lines().last().unwrap_or_default();
            PatternError::Regex(last.trim_start_matches("error: ").to_owned())
        })?;
        Ok(Self {
            source: source.to_owned(),
            regex,
        })
    }

    fn fits(&self, title: &str) -> bool {
        self.regex.is_match(title)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Pattern({:?})", self.source)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.source)
    }
}

/// Whether the title starts with one of these, which are trimmed and in small letters.
pub(super) fn starts_with<'a>(prefixes: &'a [String], seen: &EntryView<'a>) -> Check<'a> {
    let Some(title) = seen.title() else {
        return Check::Needs(Missing::File);
    };
    if prefixes.iter().any(|prefix| title.starts_with(prefix)) {
        Check::Holds(Why::Title("starts with", prefixes))
    } else {
        Check::Fails(Why::Title("does not start with", prefixes))
    }
}

/// Whether the whole title fits a glob.
pub(super) fn looks_like<'a>(glob: &'a Pattern, seen: &EntryView<'a>) -> Check<'a> {
    fits(glob, seen, "looks like", "does not look like")
}

/// Whether a regular expression fits somewhere in the title.
pub(super) fn contains<'a>(regex: &'a Pattern, seen: &EntryView<'a>) -> Check<'a> {
    fits(regex, seen, "matches", "does not match")
}

fn fits<'a>(
    pattern: &'a Pattern,
    seen: &EntryView<'a>,
    yes: &'static str,
    no: &'static str,
) -> Check<'a> {
    match seen.raw_title() {
        None => Check::Needs(Missing::File),
        Some(title) if pattern.fits(title.trim()) => Check::Holds(Why::Looks(yes, pattern)),
        Some(_) => Check::Fails(Why::Looks(no, pattern)),
    }
}
