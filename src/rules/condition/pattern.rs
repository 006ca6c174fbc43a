//! Patterns for titles: globs and regular expressions.

use std::fmt;

use regex::{Regex, RegexBuilder};

use crate::rules::normalization::{compatible, trim};
use crate::text::composed;

mod glob;

/// Largest compiled pattern in bytes; people write rules, and titles are short.
const PATTERN_BYTES: usize = 1 << 20;

/// A compiled glob or regular expression with its source text. Matching ignores case.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

/// Why a text is not a valid pattern.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// It is not a valid glob.
    #[error("is not a valid glob: {0}")]
    Glob(&'static str),
    /// It is not a valid regular expression.
    #[error("is not a valid regular expression: {0}")]
    Regex(String),
}

impl Pattern {
    /// A glob such as `*.{pdf,docx}`, for the whole title.
    pub fn glob(source: &str) -> Result<Self, PatternError> {
        let regex = glob::to_regex(&composed(source.into())).map_err(PatternError::Glob)?;
        Self::compile(source, &regex)
    }

    /// A regular expression, for any part of the title.
    pub fn regex(source: &str) -> Result<Self, PatternError> {
        Self::compile(source, &composed(source.into()))
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

    /// Whether the pattern matches the title. It may be written for the title as it looks, or for ordinary letters in
    /// place of full-width ones.
    pub(super) fn matches(&self, title: &str) -> bool {
        let title = composed(trim(title).into());
        self.regex.is_match(&title)
            || (!title.is_ascii() && self.regex.is_match(&compatible(&title)))
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
