//! Titles: what the portal makes of a requested one (docs/DOCSPACE.md A3.1).

use crate::text::is_invisible;

/// The longest title that a request may contain, in UTF-16 units.
const MAX_REQUESTED: usize = 165;

/// The name, and the extension with its dot, which may be empty.
fn split_extension(title: &str) -> (&str, &str) {
    title.split_at(title.rfind('.').unwrap_or(title.len()))
}

/// The title of a folder that this one is requested for, with nothing in it that the portal would change; `None` if it is
/// blank. Control characters are replaced, too, and a title that is too long is cut.
pub fn folder_title(requested: &str) -> Option<String> {
    let visible = requested
        .chars()
        .filter(|it| !is_invisible(*it) || it.is_control());
    let replaced = |character: char| {
        if character.is_control() {
            '_'
        } else {
            character
        }
    };
    let visible: String = visible.map(replaced).collect();
    // Each character is one unit: others were replaced.
    let title: String = clean_title(&visible).chars().take(MAX_REQUESTED).collect();
    let title = title.trim();
    let is_blank = title.chars().all(|character| character == '.');
    (!is_blank).then(|| title.to_owned())
}

/// The title as the portal cleans it.
fn clean_title(title: &str) -> String {
    let clean = |character| match character {
        '\t' | '*' | '+' | ':' | '"' | '<' | '>' | '?' | '|' | '\\' | '/' | '\u{10000}'.. => '_',
        _ => character,
    };
    title.trim().chars().map(clean).collect()
}

/// The title that a file of this title gets if this one is requested; `None` if nothing would change it into a title,
/// because it is blank. The extension stays: if the requested title has another one, that of the file is appended. A
/// title that is too long is cut before its extension.
pub fn renamed_title(present: &str, requested: &str) -> Option<String> {
    let requested = clean_title(requested);
    let (_, extension) = split_extension(present);
    let (name, requested_extension) = split_extension(&requested);
    let (name, extension) = if requested_extension.to_lowercase() == extension.to_lowercase() {
        (name, requested_extension)
    } else {
        (requested.as_str(), extension)
    };
    if requested.is_empty() {
        return None;
    }
    let length = |text: &str| text.encode_utf16().count();
    let kept = MAX_REQUESTED.saturating_sub(length(extension));
    // Each character is one unit: others were replaced.
    let name: String = name.chars().take(kept).collect();
    Some(name.trim_end().to_owned() + extension)
}

/// The title of a file that this one is requested for, with nothing in it that the portal would change. Control characters
/// are replaced and invisible ones removed; a title that is too long is cut before its extension.
pub fn file_title(requested: &str) -> String {
    let (name, extension) = split_extension(requested);
    let name = folder_title(name).unwrap_or_default();
    let kept = MAX_REQUESTED.saturating_sub(extension.chars().count());
    let name: String = name.chars().take(kept).collect();
    format!(
        "{}{}",
        name.trim_end(),
        clean_title(&extension.to_lowercase())
    )
}

/// Whether a title has this extension, which is in small letters.
pub fn has_extension(title: &str, extension: &str) -> bool {
    let (_, present) = split_extension(title);
    present.strip_prefix('.').map(str::to_lowercase).as_deref() == Some(extension)
}

/// The title under which the portal stores a file of this title in the format with this extension. A title that is too
/// long is cut before the extension.
pub fn converted_title(present: &str, extension: &str) -> String {
    let cleaned = clean_title(present);
    let (name, _) = split_extension(&cleaned);
    let kept = MAX_REQUESTED.saturating_sub(extension.len() + 1);
    let name: String = name.chars().take(kept).collect();
    format!("{}.{extension}", name.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_of_a_folder_is_cleaned() {
        let check = |requested: &str, expected: Option<&str>| {
            let title = folder_title(requested);
            assert_eq!(title.as_deref(), expected, "{requested}");
            if let Some(title) = title {
                assert_eq!(folder_title(&title), Some(title.clone()), "stays as it is");
            }
        };
        check("2026", Some("2026"));
        check(" Müller & Söhne, O'Brien ", Some("Müller & Söhne, O'Brien"));
        check("a/b\\c:d", Some("a_b_c_d"));
        check("a\tb\r\nc\u{1}", Some("a_b__c_"));
        check("a\u{202e}b\u{200b}", Some("ab"));
        check("party 🎉", Some("party _"));
        check("", None);
        check(" \u{a0} ", None);
        check("\u{200b}", None);
        check(".", None);
        check("..", None);
        check("v1.2", Some("v1.2"));
        let long = folder_title(&format!("{} x", "ü".repeat(164))).unwrap();
        assert_eq!(long, "ü".repeat(164));
    }

    #[test]
    fn the_title_of_a_file_is_cleaned() {
        let check = |requested: &str, expected: &str| {
            let title = file_title(requested);
            assert_eq!(title, expected, "{requested}");
            assert_eq!(file_title(&title), title, "stays as it is");
        };
        check("log.CSV", "log.csv");
        check(" log 3/11: a\tb.csv", "log 3_11_ a_b.csv");
        check("\u{202e}log.txt", "log.txt");
        check(".csv", ".csv");
        let long = file_title(&format!("{}.csv", "ü".repeat(300)));
        assert_eq!(long.chars().count(), MAX_REQUESTED);
        assert!(long.ends_with("ü.csv"));
    }

    #[test]
    fn a_conversion_keeps_the_name() {
        let check = |present: &str, expected: &str| {
            assert_eq!(converted_title(present, "pdf"), expected, "{present}");
        };
        check("plan.docx", "plan.pdf");
        check("plan v1.2.docx", "plan v1.2.pdf");
        check("README", "README.pdf");
        check("a: b.docx", "a_ b.pdf");
        let long = converted_title(&format!("{}.docx", "ü".repeat(165)), "pdf");
        assert_eq!(long.chars().count(), MAX_REQUESTED);
        assert!(long.ends_with("ü.pdf"));
    }

    #[test]
    fn a_requested_title_is_cleaned_and_keeps_the_extension() {
        let check = |requested: &str, expected: &str| {
            let title = renamed_title("Letter.docx", requested);
            assert_eq!(title.as_deref(), Some(expected), "{requested}");
        };
        check("Contract.docx", "Contract.docx");
        check("Contract.DOCX", "Contract.DOCX");
        check("Contract", "Contract.docx");
        check("Report v1.2", "Report v1.2.docx");
        check("x.pdf", "x.pdf.docx");
        check(" Acme: invoice 3/11.docx ", "Acme_ invoice 3_11.docx");
        check("party 🎉.docx", "party _.docx");
        assert_eq!(renamed_title("Letter.docx", " \t"), None);
        let long = renamed_title("a.docx", &"ü".repeat(300)).unwrap();
        assert_eq!(long.chars().count(), MAX_REQUESTED);
        assert!(long.ends_with("ü.docx"));
        assert_eq!(renamed_title("README", "v1.2").as_deref(), Some("v1.2"));
    }
}
