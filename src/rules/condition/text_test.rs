//! What a condition requires of a text. Matching ignores case and how letters are encoded.

use std::fmt;

use crate::rules::normalization::{ComparableText, normalized};

use super::any_of::AnyOf;
use super::pattern::Pattern;

/// What a condition requires of a text. Its own texts are in the form in which texts are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextTest {
    /// It is one of these.
    Is(Vec<String>),
    /// It starts with one of these.
    Prefix(Vec<String>),
    /// It contains one of these.
    Contains(Vec<String>),
    /// The glob matches all of it.
    Glob(Pattern),
    /// The regular expression matches a part of it.
    Regex(Pattern),
}

/// A text without a visible character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has no visible character, so every text would match")]
pub struct EmptyText;

impl TextTest {
    /// A text that is one of these, ignoring case, how letters are encoded, and what is invisible around them.
    pub fn is<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        Self::Is(texts.into_iter().map(normalized).collect())
    }

    /// A text that starts with one of these, ignoring the same.
    pub fn prefix<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, EmptyText> {
        visible(texts).map(Self::Prefix)
    }

    /// A text that contains one of these, ignoring the same.
    pub fn contains<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, EmptyText> {
        visible(texts).map(Self::Contains)
    }

    /// Whether the text is as required.
    pub(super) fn matches(&self, text: &ComparableText) -> bool {
        let any = |texts: &[String], holds: fn(&str, &str) -> bool| {
            let mut texts = texts.iter();
            texts.any(|wanted| holds(text.normalized(), wanted))
        };
        match self {
            Self::Is(texts) => any(texts, |text, wanted| text == wanted),
            Self::Prefix(texts) => any(texts, |text, wanted| text.starts_with(wanted)),
            Self::Contains(texts) => any(texts, |text, wanted| text.contains(wanted)),
            Self::Glob(pattern) | Self::Regex(pattern) => pattern.matches(text),
        }
    }

    /// Whether it requires this text, which is in the form in which texts are compared, or others.
    pub(super) fn is_exactly(&self, text: &str) -> bool {
        matches!(self, Self::Is(texts) if texts.iter().any(|wanted| wanted == text))
    }

    /// The verb of a sentence about the result.
    pub(super) fn verb(&self, matches: bool) -> &'static str {
        match (self, matches) {
            (Self::Is(_), true) => "is",
            (Self::Is(_), false) => "is not",
            (Self::Prefix(_), true) => "starts with",
            (Self::Prefix(_), false) => "does not start with",
            (Self::Contains(_), true) => "contains",
            (Self::Contains(_), false) => "does not contain",
            (Self::Glob(_) | Self::Regex(_), true) => "matches",
            (Self::Glob(_) | Self::Regex(_), false) => "does not match",
        }
    }

    /// Whether matching compiles nothing and searches no pattern.
    pub(super) fn is_cheap(&self) -> bool {
        matches!(self, Self::Is(_) | Self::Prefix(_) | Self::Contains(_))
    }
}

fn visible<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Vec<String>, EmptyText> {
    let texts: Vec<String> = texts.into_iter().map(normalized).collect();
    if texts.iter().any(String::is_empty) {
        return Err(EmptyText);
    }
    Ok(texts)
}

/// The texts or the pattern, in quotation marks.
impl fmt::Display for TextTest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(texts) | Self::Prefix(texts) | Self::Contains(texts) => {
                let quoted: Vec<String> = texts.iter().map(|text| format!("“{text}”")).collect();
                AnyOf(&quoted).fmt(formatter)
            }
            Self::Glob(pattern) | Self::Regex(pattern) => write!(formatter, "“{pattern}”"),
        }
    }
}
