//! Case folding: the form of a text in which letter case makes no difference.
//!
//! Lower case is not enough, because some letters have several forms: `ß` and `ẞ` are written `SS`, and the Greek sigma
//! has a form of its own at the end of a word.

use std::borrow::Cow;

use crate::text::composed;

/// The text in lower case with each letter in one form, composed (NFC).
pub(crate) fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for character in composed(Cow::Borrowed(text)).chars() {
        if character.is_ascii() {
            folded.push(character.to_ascii_lowercase());
        } else {
            folded.extend(folded_letter(character));
        }
    }
    composed(Cow::Owned(folded)).into_owned()
}

/// Lower, upper and lower case again, which equates all forms of a letter.
pub(crate) fn folded_letter(character: char) -> impl Iterator<Item = char> {
    character
        .to_lowercase()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_composition_make_no_difference() {
        let check = |one: &str, other: &str| assert_eq!(folded(one), folded(other), "{one}");
        check("Plan.DOCX", "plan.docx");
        check("Рахунок.pdf", "рахунок.PDF");
        check("Überweisung", "u\u{308}BERWEISUNG");
        check("STRASSE", "Straße");
        check("GROẞ", "groß");
        check("ΟΔΟΣ", "οδος");
        check("Ǆ", "ǆ");
        check("合同.docx", "合同.DOCX");
        assert_ne!(folded("café"), folded("cafe"));
    }
}
