//! Text from outside, made fit to be shown on a terminal or a page.
//!
//! Anybody who may upload chooses a title; it must not move the cursor, hide text, or turn its
//! direction around.

use jiff::Timestamp;

/// The text without characters that act on the terminal instead of being seen.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\r' | '\t' => ' ',
            other => other,
        })
        .filter(|character| !character.is_control() && !is_invisible(*character))
        .collect()
}

fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// The clean text, cut to so many characters.
pub(crate) fn clean_and_cut(text: &str, width: usize) -> String {
    let text = clean(text);
    if text.chars().count() <= width {
        return text;
    }
    let start: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", start.trim_end())
}

/// A time of day as people write it; all of them are UTC.
pub(crate) fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_taken_out() {
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
        check("", 5, "");
    }
}
