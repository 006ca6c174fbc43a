//! The text of an env file for a page: without secrets, and with marks at what changes.

use std::collections::BTreeSet;

/// Variables whose values may be shown. All others, also those of other programs, may be secrets.
const SHOWN: [&str; 16] = [
    "DOCSPACE_API_HOST",
    "SHARED_WITH_CLIENT_ROOM_ID",
    "INTERNAL_PROCESSING_FOLDER_ID",
    "CLIENT_ROOT_ID",
    "INCOMING_FOLDER_ID",
    "MANAGER_EMAIL",
    "INVOICE_TITLE_PREFIX",
    "ALLOWED_TRIGGERS",
    "RULES_FILE",
    "MAIL_FROM",
    "OPERATOR_EMAIL",
    "LISTEN_ADDR",
    "ADMIN_ADDR",
    "PORT",
    "LOG_FORMAT",
    "RUST_LOG",
];

/// What is shown in place of a value.
const MASK: &str = "••••••••";

/// A line of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TextLine {
    pub(super) text: String,
    /// Whether the file does not have it yet.
    pub(super) is_new: bool,
}

/// The lines of the new text, compared with the old one.
pub(super) fn masked_lines(old: &str, new: &str) -> Vec<TextLine> {
    let known: BTreeSet<&str> = old.lines().collect();
    let line = |line: &str| TextLine {
        text: masked(line),
        is_new: !known.contains(line),
    };
    new.lines().map(line).collect()
}

/// A line without its value. A comment may hold a variable, too.
fn masked(line: &str) -> String {
    let Some((before, value)) = line.split_once('=') else {
        return line.to_owned();
    };
    let name = before.trim_start_matches(['#', ' ', '\t']);
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    if SHOWN.contains(&name) || value.trim().is_empty() {
        return line.to_owned();
    }
    format!("{before}={MASK}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_values_are_shown() {
        let check = |line: &str, expected: &str| assert_eq!(masked(line), expected);
        check("DOCSPACE_API_KEY=sk-1", "DOCSPACE_API_KEY=••••••••");
        check("export OTHER=1 # two", "export OTHER=••••••••");
        check("#SMTP_URL=smtp://a:b@c", "#SMTP_URL=••••••••");
        check("CLIENT_ROOT_ID=539564", "CLIENT_ROOT_ID=539564");
        check("# a comment", "# a comment");
        check("PIPELINE_SECRET=", "PIPELINE_SECRET=");
    }

    #[test]
    fn new_lines_are_marked() {
        let lines = masked_lines("A\nPORT=1\n", "A\nPORT=2\n");
        let marks: Vec<bool> = lines.iter().map(|line| line.is_new).collect();
        assert_eq!(marks, [false, true]);
    }
}
