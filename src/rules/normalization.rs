//! The form in which texts and patterns are compared: how a letter is encoded, its case, and invisible characters around
//! the text, make no difference. File systems of macOS, for instance, encode `ü` as `u` and a combining mark.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfkc_quick};

use crate::case_folding::folded;
use crate::text::{composed, is_invisible};

/// A text of a delivery or of the portal, in the forms that conditions compare.
#[derive(Clone, Debug)]
pub(super) struct ComparableText {
    /// As it was written, composed and without invisible ends.
    written: String,
    /// In the compatibility form, if that differs.
    compatible: Option<String>,
    /// In the form of [`normalized`].
    normalized: String,
    /// Whether folding replaced a letter by several, which a pattern that ignores case does not expect.
    is_expanded: bool,
}

impl ComparableText {
    pub(super) fn new(text: &str) -> Self {
        let written = composed(trim(text).into()).into_owned();
        let normalized = normalized(text);
        if written.is_ascii() {
            return Self {
                written,
                compatible: None,
                normalized,
                is_expanded: false,
            };
        }
        let compatible = compatible(&written).into_owned();
        Self {
            is_expanded: normalized.chars().count() != compatible.chars().count(),
            compatible: (compatible != written).then_some(compatible),
            written,
            normalized,
        }
    }

    /// As it was written, composed and without invisible ends.
    pub(super) fn written(&self) -> &str {
        &self.written
    }

    /// In the form of [`normalized`].
    pub(super) fn normalized(&self) -> &str {
        &self.normalized
    }

    /// The forms for which a pattern may be written: the text as it looks, with ordinary letters in place of full-width
    /// ones, and with `ss` in place of `ß`.
    pub(super) fn pattern_forms(&self) -> impl Iterator<Item = &str> {
        let normalized = self.is_expanded.then_some(self.normalized());
        let others = self.compatible.as_deref().into_iter().chain(normalized);
        std::iter::once(self.written.as_str()).chain(others)
    }
}

/// A text without white space and invisible characters at its ends, in the compatibility form (NFKC) and with its letters
/// folded.
pub(super) fn normalized(text: &str) -> String {
    let text = trim(text);
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    folded(&compatible(text))
}

/// The text without white space and invisible characters at its ends.
fn trim(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || is_invisible(character))
}

/// The compatibility form (NFKC), in which full-width letters are ordinary ones.
fn compatible(text: &str) -> Cow<'_, str> {
    match is_nfkc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(text.nfkc().collect()),
    }
}
