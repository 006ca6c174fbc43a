//! Untrusted text, made safe to show.
//!
//! Anyone who may upload a file chooses its title. A title must not move the cursor, hide text, change its
//! direction, or become a link or a mention. [`clean`] is for terminals and pages, [`without_links`] for emails,
//! [`without_mentions`] for chats, and [`escape_json`] keeps the text for programs.

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

/// The text as HTML that shows exactly its characters, also those that pages otherwise leave out.
pub(crate) fn html_verbatim(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        let is_plain =
            character == '\n' || !(is_harmful(character) || "<>&\"'".contains(character));
        if is_plain {
            html.push(character);
        } else {
            // Writing to a string does not fail.
            let _ = write!(html, "&#{};", u32::from(character));
        }
    }
    html
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

/// The clean text, in which an email program recognizes no address. Zero-width spaces separate the parts of what could
/// be one.
pub(crate) fn without_links(text: &str) -> String {
    separate(&clean(text), LINK_MARKS)
}

/// The clean text, in which a chat recognizes no address, mention or link.
pub(crate) fn without_mentions(text: &str) -> String {
    separate(&clean(text), CHAT_MARKS)
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

/// Endings of file titles that are no top-level domain, so that a title such as `plan.docx` is not taken for a host.
/// Everything else may be one: new domains appear, `zip` and `mov` among them.
const FILE_ENDINGS: [&str; 44] = [
    "7z", "avi", "bmp", "bz2", "csv", "doc", "docm", "docx", "docxf", "dotx", "dwg", "dxf", "eml",
    "epub", "gif", "gz", "heic", "jpeg", "jpg", "json", "log", "mp3", "mp4", "msg", "odp", "ods",
    "odt", "oform", "pdf", "png", "ppt", "pptx", "rar", "rtf", "svg", "tif", "tiff", "txt", "wav",
    "webp", "xls", "xlsm", "xlsx", "xml",
];

/// The number of numbers in an IPv4 address.
const IPV4_NUMBERS: usize = 4;

/// Inserts a zero-width space after each of these characters that is within a word, where a program could take the
/// word for an address or a mention.
fn separate(text: &str, marks: &str) -> String {
    let mut separated = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        separate_word(&mut separated, word, marks);
    }
    separated
}

fn separate_word(separated: &mut String, word: &str, marks: &str) {
    let may_be_host = may_be_host(word.trim_end());
    for (position, character) in word.char_indices() {
        separated.push(character);
        let end = position + character.len_utf8();
        let is_within = word[end..]
            .chars()
            .next()
            .is_some_and(|next| !next.is_whitespace());
        let is_risky = match character {
            '.' => may_be_host,
            ':' => ends_with_scheme(&word[..position]),
            other => marks.contains(other),
        };
        if is_within && is_risky {
            separated.push('\u{200b}');
        }
    }
}

/// Whether a program could take a word for a host, or for an address that contains one. A number such as `3.5` and a
/// title with a known ending are none.
fn may_be_host(word: &str) -> bool {
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    if word.contains(['@', '/', '\\']) {
        return true;
    }
    let word = word.trim_matches(|character: char| !character.is_alphanumeric());
    let mut labels = word.split('.');
    let first = labels.next().unwrap_or_default();
    let is_www = first.to_lowercase().ends_with("www");
    let labels = labels.map(|label| label.trim_matches(|it: char| !it.is_alphanumeric()));
    let labels: Vec<String> = labels.map(str::to_lowercase).collect();
    let is_file = labels
        .iter()
        .all(|label| is_number(label) || FILE_ENDINGS.contains(&label.as_str()));
    let is_ipv4 = labels.len() + 1 == IPV4_NUMBERS
        && is_number(first)
        && labels.iter().all(|label| is_number(label));
    is_www || is_ipv4 || !is_file
}

/// Whether a text ends with the scheme of an address (RFC 3986), unlike the hour of a time.
fn ends_with_scheme(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let scheme = text.bytes().rev().take_while(|byte| is_part(*byte));
    scheme
        .last()
        .is_none_or(|first| first.is_ascii_alphabetic())
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

/// The text as one word of a command line: quoted if it contains anything but letters, digits and a few marks.
pub(crate) fn shell_word(text: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "-_./".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
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

/// The text, shortened to a number of UTF-16 units, as chats count. Its line breaks are kept.
pub(crate) fn cut(text: &str, length: usize) -> Cow<'_, str> {
    // One unit is for the ellipsis.
    let (mut units, mut end) = (0, 0);
    for (start, character) in text.char_indices() {
        units += character.len_utf16();
        if units > length {
            return Cow::Owned(format!("{}…", &text[..end]));
        }
        if units < length {
            end = start + character.len_utf8();
        }
    }
    Cow::Borrowed(text)
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
            assert_eq!(shown(&without_mentions(text)), chat, "{text:?}");
        };
        check("Page 3. Draft", "Page 3. Draft", "Page 3. Draft");
        for harmless in [
            "plan.docx",
            "Invoice №4 (v1.2).PDF",
            "Notes 12.03.2026.txt,",
            "01:55 UTC",
        ] {
            check(harmless, harmless, harmless);
        }
        check("pay-here.com", "pay-here.|com", "pay-here.|com");
        check("pay.com.pdf", "pay.|com.|pdf", "pay.|com.|pdf");
        check("www.pdf", "www.|pdf", "www.|pdf");
        check("a.zip", "a.|zip", "a.|zip");
        check("10.0.0.1", "10.|0.|0.|1", "10.|0.|0.|1");
        check("plan.pdf/x", "plan.|pdf/x", "plan.|pdf/x");
        check("tel:1", "tel:|1", "tel:|1");
        check("https://a.b", "https:|//a.|b", "https:|//a.|b");
        check("a@b.example", "a@|b.|example", "a@|b.|example");
        check("evil。example", "evil。|example", "evil。|example");
        check("[pay](www.a.b)", "[pay](www.|a.|b)", "[pay]|(www.|a.|b)");
        check("@all #a ~b", "@|all #a ~b", "@|all #|a ~|b");
        check("<!here> & <u|t>\n", "<!here> & <u|t> ", "<!here> & <u|t> ");
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
