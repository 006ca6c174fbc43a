//! Untrusted text, made safe to show in a terminal or on a page.
//!
//! Anyone who may upload a file chooses its title. A title must not move the cursor, hide text or change its
//! direction.

use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The text without control characters and invisible characters; line breaks and tabs become spaces.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\r' | '\t' => ' ',
            other => other,
        })
        .filter(|character| !character.is_control() && !is_invisible(*character))
        .collect()
}

/// Whether a character is not shown, or changes the direction of the text after it.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// The clean text, shortened to a width in terminal columns.
pub(crate) fn clean_and_cut(text: &str, width: usize) -> String {
    let text = clean(text);
    if text.width() <= width {
        return text;
    }
    // One column is for the ellipsis.
    let mut left = width.saturating_sub(1);
    let start = text.chars().take_while(|character| {
        let rest = left.checked_sub(character.width().unwrap_or(0));
        left = rest.unwrap_or(0);
        rest.is_some()
    });
    let start: String = start.collect();
    format!("{}…", start.trim_end())
}

/// Date and time in UTC.
pub(crate) fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_control_a_terminal_are_removed() {
        let check = |text: &str, expected: &str| assert_eq!(clean(text), expected, "{text:?}");
        check("plan.docx", "plan.docx");
        check("\u{1b}[2Jplan\u{7}.docx\u{9b}", "[2Jplan.docx");
        check("two\nlines\r", "two lines ");
        check("invoice\u{202e}cod.exe", "invoicecod.exe");
        check("Überweisung – 計画.pdf", "Überweisung – 計画.pdf");
    }

    #[test]
    fn long_text_is_cut() {
        let check = |text: &str, width, expected: &str| {
            assert_eq!(clean_and_cut(text, width), expected, "{text:?}");
        };
        check("plan.docx", 9, "plan.docx");
        check("plan.docx", 5, "plan…");
        check("a plan", 3, "a…");
        check("計画書.pdf", 10, "計画書.pdf");
        check("計画書.pdf", 9, "計画書.p…");
        check("計画書.pdf", 6, "計画…");
        check("", 5, "");
    }
}
