//! Untrusted text, made safe to show.
//!
//! Anyone who may upload a file chooses its title. A title must not move the cursor, hide text, change its
//! direction, or become a link or a mention. [`clean`] is for terminals and pages, [`without_links`] for emails,
//! [`without_markup`] for chats, and [`escape_json`] keeps the text for programs.

use std::borrow::Cow;
use std::fmt::Write as _;

use jiff::Timestamp;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The text without control characters and invisible characters; line breaks and tabs become spaces.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\r' | '\t' => ' ',
            other => other,
        })
        .filter(|character| !is_harmful(*character))
        .collect()
}

/// Text whose line breaks are kept, without other control characters and invisible characters.
pub(crate) fn clean_lines(text: &str) -> String {
    text.chars()
        .filter(|character| *character == '\n' || !is_harmful(*character))
        .collect()
}

/// The text in Unicode's composed form (NFC). Almost every text has it already, and checking is much faster
/// than composing.
pub(crate) fn composed(text: Cow<'_, str>) -> Cow<'_, str> {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text,
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(text.nfc().collect()),
    }
}

/// The clean text, in which an email program recognizes no address. Zero-width spaces separate its parts.
pub(crate) fn without_links(text: &str) -> String {
    separate(&clean(text), LINK_MARKS)
}

/// The clean text, in which a chat recognizes no address, mention, link or other markup. Chats of Slack's format
/// decode the three entities.
pub(crate) fn without_markup(text: &str) -> String {
    separate(&clean(text), CHAT_MARKS)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// JSON in which what [`clean`] would remove is escaped. It occurs only within strings.
pub(crate) fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if character == '\n' || !is_harmful(character) {
            escaped.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped
}

/// Characters within the addresses of websites, emails and others, with the other forms of the dot (UTS #46).
const LINK_MARKS: &str = ".:@\u{3002}\u{ff0e}\u{ff61}";

/// The same, and characters that begin a mention (`@all`, `#channel`, `~channel`) or divide a link in Markdown.
const CHAT_MARKS: &str = ".:@\u{3002}\u{ff0e}\u{ff61}#~]";

/// Inserts a zero-width space after each of these characters that is within a word.
fn separate(text: &str, marks: &str) -> String {
    let mut separated = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        separated.push(character);
        let is_within = characters.peek().is_some_and(|next| !next.is_whitespace());
        if is_within && marks.contains(character) {
            separated.push('\u{200b}');
        }
    }
    separated
}

fn is_harmful(character: char) -> bool {
    character.is_control() || is_invisible(character)
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
    fn nothing_becomes_a_link_or_a_mention() {
        let shown = |text: &str| text.replace('\u{200b}', "|");
        let check = |text: &str, mail: &str, chat: &str| {
            assert_eq!(shown(&without_links(text)), mail, "{text:?}");
            assert_eq!(shown(&without_markup(text)), chat, "{text:?}");
        };
        check("plan.docx", "plan.|docx", "plan.|docx");
        check("Page 3. Draft", "Page 3. Draft", "Page 3. Draft");
        check("https://a.b", "https:|//a.|b", "https:|//a.|b");
        check("a@b.example", "a@|b.|example", "a@|b.|example");
        check("evil。example", "evil。|example", "evil。|example");
        check("[pay](www.a.b)", "[pay](www.|a.|b)", "[pay]|(www.|a.|b)");
        check("@all #a ~b", "@|all #a ~b", "@|all #|a ~|b");
        check(
            "<!here> & <u|t>\n",
            "<!here> & <u|t> ",
            "&lt;!here&gt; &amp; &lt;u|t&gt; ",
        );
        check(
            "invoice\u{202e}fdp.exe",
            "invoicefdp.|exe",
            "invoicefdp.|exe",
        );
    }

    #[test]
    fn json_keeps_its_meaning() {
        let title = "\u{1b}[2J\u{9b}\u{7f}\u{202e}\u{e0041}\n計画";
        let json = serde_json::to_string_pretty(&[title]).unwrap();
        let escaped = escape_json(&json);
        assert!(
            escaped.contains("\\u009b\\u007f\\u202e\\udb40\\udc41\\n計画"),
            "{escaped}"
        );
        let parsed: Vec<String> = serde_json::from_str(&escaped).unwrap();
        assert_eq!(parsed, [title]);
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
