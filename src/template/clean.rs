//! Names that are safe everywhere: on Windows and macOS, in `SharePoint`, in archives and in links.

use unicode_normalization::UnicodeNormalization as _;

use crate::text::is_invisible;

/// Takes the place of each character that is not safe.
const REPLACEMENT: char = '_';

/// What some system refuses in a name or gives a meaning of its own, such as a wildcard or a part of a link.
const UNSAFE: &str = "\\/:*?\"<>|#%&{}$!'`~+=@^;";

/// Names that Windows reserves for devices, whatever the extension.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8",
    "com9", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// The name of a file of whose name nothing is left.
const EMPTY: &str = "file";

/// The name, without its extension, with nothing in it that is not safe: in the composed form of Unicode, without
/// invisible characters and surrounding dots and spaces, with one space for white space and `_` for what is unsafe.
pub(super) fn clean_name(name: &str) -> String {
    let mut clean = String::with_capacity(name.len());
    for character in name.nfc().filter(|it| !is_dropped(*it)) {
        let safe = match character {
            _ if character.is_whitespace() => ' ',
            '\u{10000}'.. => REPLACEMENT,
            _ if character.is_control() || UNSAFE.contains(character) => REPLACEMENT,
            _ => character,
        };
        let repeats = [' ', REPLACEMENT].contains(&safe) && clean.ends_with(safe);
        if !repeats {
            clean.push(safe);
        }
    }
    let clean = clean.trim_matches([' ', '.', REPLACEMENT]);
    if DEVICES.contains(&clean.to_lowercase().as_str()) {
        return format!("{clean}{REPLACEMENT}1");
    }
    if clean.is_empty() { EMPTY } else { clean }.to_owned()
}

/// Whether a character is left out. The joiners of some scripts are part of the spelling and stay.
fn is_dropped(character: char) -> bool {
    is_invisible(character) && !['\u{200c}', '\u{200d}'].contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_safe_and_stay_as_they_are_then() {
        let check = |given: &str, expected: &str| {
            assert_eq!(clean_name(given), expected, "{given}");
            assert_eq!(clean_name(expected), expected, "{expected}");
        };
        check("Report 2026", "Report 2026");
        check("Рахунок №42 — Müller", "Рахунок №42 — Müller");
        check("  Q3\t report \u{a0} final. ", "Q3 report final");
        check("u\u{308}ber", "über");
        check("50% #1 & more?!", "50_ _1 _ more");
        check("a\u{202e}gpj.exe\u{200b}", "agpj.exe");
        check("می\u{200c}خواهم", "می\u{200c}خواهم");
        check("party 🎉🎉 plan", "party _ plan");
        check("../../etc/passwd", "etc_passwd");
        check("CON", "CON_1");
        check("console", "console");
        check("???", "file");
        check("", "file");
    }
}
