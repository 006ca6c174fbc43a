//! Patterns for texts: globs and regular expressions.

use std::fmt;

use regex::{Regex, RegexBuilder};

use crate::case_folding::folded_letter;
use crate::rules::normalization::ComparableText;
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
    /// A glob such as `*.{pdf,docx}`, for the whole text.
    pub fn glob(source: &str) -> Result<Self, PatternError> {
        let regex = glob::to_regex(&composed(source.into())).map_err(PatternError::Glob)?;
        Self::compile(source, &regex)
    }

    /// A regular expression, for any part of the text.
    pub fn regex(source: &str) -> Result<Self, PatternError> {
        Self::compile(source, &composed(source.into()))
    }

    fn compile(source: &str, regex: &str) -> Result<Self, PatternError> {
        let regex = RegexBuilder::new(&with_expansions(regex))
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

    /// Whether the pattern matches the text.
    pub(in crate::rules) fn matches(&self, text: &ComparableText) -> bool {
        let mut forms = text.pattern_forms();
        forms.any(|form| self.regex.is_match(form))
    }
}

/// The expression in which a letter that is several letters in another case matches those, too: `ß` also `SS`. In a
/// character class, a letter stays a single one.
fn with_expansions(regex: &str) -> String {
    let mut expanded = String::with_capacity(regex.len());
    let (mut is_escaped, mut open_classes) = (false, 0_usize);
    for character in regex.chars() {
        match character {
            _ if is_escaped => {}
            '[' => open_classes += 1,
            ']' => open_classes = open_classes.saturating_sub(1),
            _ => {}
        }
        is_escaped = character == '\\' && !is_escaped;
        let folded: String = folded_letter(character).collect();
        if open_classes == 0 && folded.chars().nth(1).is_some() {
            expanded.extend(["(?:", character.encode_utf8(&mut [0; 4]), "|", &folded, ")"]);
        } else {
            expanded.push(character);
        }
    }
    expanded
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
