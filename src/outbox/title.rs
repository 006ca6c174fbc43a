//! Titles of copies: which part of a title identifies the original.

use crate::ids::FolderId;

/// The characters of a title that a number never replaces: all of the 170 that a title may have
/// (docs/DOCSPACE.md 2.1) except the space for a number of six digits.
const NEVER_CUT: usize = 160;

/// Stands for a destination that only an attempt can find.
const UNKNOWN_FOLDER: &str = "?";

/// The title without the numbers that copies into a folder with that title get, and without the end of a
/// long title, which a number replaces: `plan (1) (2).docx` may be a copy of `plan.docx` as well as of
/// `plan (1).docx` (docs/DOCSPACE.md 4.2).
pub fn unnumbered(title: &str) -> String {
    let (mut stem, extension) = match title.rfind('.') {
        Some(dot) => title.split_at(dot),
        None => (title, ""),
    };
    while let Some(shorter) = without_number(stem) {
        stem = shorter;
    }
    let kept = NEVER_CUT.saturating_sub(extension.chars().count());
    let title = stem.chars().take(kept).chain(extension.chars());
    title.take(NEVER_CUT).collect()
}

/// The column `target`: a destination and a title without its number. Copies with one target run one after
/// the other, so that a new file in the destination belongs to one of them only.
///
/// Of copies to folders that are not known yet, those with one title run one after the other.
pub(super) fn target(folder: Option<&FolderId>, title: &str) -> String {
    let folder = folder.map_or(UNKNOWN_FOLDER, FolderId::as_str);
    format!("{folder}/{}", unnumbered(title).to_lowercase())
}

fn without_number(stem: &str) -> Option<&str> {
    let (shorter, number) = stem.strip_suffix(')')?.rsplit_once(" (")?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(shorter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_without_their_numbers() {
        let check =
            |title: &str, expected: &str| assert_eq!(unnumbered(title), expected, "{title}");
        check("plan.docx", "plan.docx");
        check("plan (1).docx", "plan.docx");
        check("plan (12).tar.gz", "plan (12).tar.gz");
        check("plan (1) (2).docx", "plan.docx");
        check("plan (1) (a) (2).docx", "plan (1) (a).docx");
        check("plan (a).docx", "plan (a).docx");
        check("plan ().docx", "plan ().docx");
        check("plan(1).docx", "plan(1).docx");
        check("README", "README");
        check("README (3)", "README");
        check("", "");
        // An index of the store keeps a title in up to four bytes a character.
        let long = format!("plan.{}", "x".repeat(500));
        assert_eq!(unnumbered(&long).chars().count(), NEVER_CUT);
    }
}
