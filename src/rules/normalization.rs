//! The form in which titles and patterns are compared: how a letter is encoded, and invisible characters around the
//! title, make no difference. File systems of macOS, for instance, encode `ü` as `u` and a combining mark.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfkc_quick};

use crate::text::is_invisible;

/// A title or a prefix without white space and invisible characters at its ends, in the compatibility form (NFKC) and
/// in lower case.
pub(super) fn normalized(text: &str) -> String {
    let text = trim(text);
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    compatible(text).to_lowercase()
}

/// The text without white space and invisible characters at its ends.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || is_invisible(character))
}

/// The compatibility form (NFKC), in which full-width letters are ordinary ones.
pub(super) fn compatible(text: &str) -> Cow<'_, str> {
    match is_nfkc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(text.nfkc().collect()),
    }
}
