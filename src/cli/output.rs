//! What commands print: the only code that writes to standard output and standard error.
//!
//! Styled text is always produced. The streams remove the styles unless they are a terminal that supports them
//! and `NO_COLOR` is not set. A closed stream, such as a pipe to `head`, is not an error.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, ContentArrangement, TableStyle};
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use crate::text::{clean, clean_lines, escape_json};

/// Headings.
pub(super) const STRONG: Style = Style::new().bold();

/// Remarks.
pub(super) const DIM: Style = Style::new().dimmed();

/// Things that are as expected.
pub(super) const OK: Style = AnsiColor::Green.on_default();

/// Things that may be wrong.
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default();

/// Things that are wrong.
pub(super) const ERROR: Style = AnsiColor::Red.on_default();

/// What a line is about.
pub(super) const ACCENT: Style = AnsiColor::Cyan.on_default();

/// Spaces between the columns of a table.
const COLUMN_GAP: u16 = 2;

/// Prints to standard output, without adding a line break.
pub(super) fn print(text: &str) {
    let mut stdout = anstream::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// Prints lines, each followed by a line break.
pub(super) fn print_lines<T: AsRef<str>>(lines: impl IntoIterator<Item = T>) {
    let mut text = String::new();
    for line in lines {
        text += line.as_ref();
        text.push('\n');
    }
    print(&text);
}

/// Prints a value as indented JSON, without characters that control a terminal.
pub(super) fn print_json(value: &impl Serialize) -> serde_json::Result<()> {
    print(&(escape_json(&serde_json::to_string_pretty(value)?) + "\n"));
    Ok(())
}

/// Prints a plain message to standard error, without characters that control a terminal.
pub(super) fn print_error(message: &str) {
    let line = format!("docspace-courier: {}\n", clean_lines(message));
    let _ = anstream::stderr().lock().write_all(line.as_bytes());
}

/// The text in a style.
pub(super) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// A count and its noun, which adds an s to its plural.
pub(super) fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    }
}

/// The width of the terminal; `None` if standard output is not a terminal.
pub(super) fn terminal_width() -> Option<u16> {
    terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0)
}

/// The text in lines of at most this many columns. Longer words, such as addresses, are not broken.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A table of plain text whose columns are as wide as their contents.
#[derive(Debug)]
pub(super) struct Table<const COLUMNS: usize> {
    layout: comfy_table::Table,
    has_header: bool,
    indent: usize,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table without a header.
    pub(super) fn new() -> Self {
        let mut layout = comfy_table::Table::new();
        layout.load_style(TableStyle::new());
        Self {
            layout,
            has_header: false,
            indent: 0,
        }
    }

    /// A table with a header.
    pub(super) fn with_header(header: [&str; COLUMNS]) -> Self {
        let mut table = Self::new();
        table.layout.set_header(header);
        table.has_header = true;
        table
    }

    /// The same table, so many columns to the right.
    #[must_use]
    pub(super) fn indented(self, indent: usize) -> Self {
        Self { indent, ..self }
    }

    /// Adds a row of plain text, from which characters that control a terminal are removed.
    pub(super) fn row(&mut self, cells: [String; COLUMNS]) {
        self.layout.add_row(cells.map(|cell| clean(&cell)));
    }

    /// The same table with numbers in a column, which are aligned to the right.
    #[must_use]
    pub(super) fn with_numbers(mut self, column: usize) -> Self {
        if let Some(column) = self.layout.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        self
    }

    /// The lines of the table. If a width is given, contents are wrapped in their columns to fit.
    pub(super) fn lines(mut self, width: Option<u16>) -> Vec<String> {
        if let Some(width) = width {
            self.layout
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width.saturating_sub(u16::try_from(self.indent).unwrap_or(0)));
        }
        for (number, column) in self.layout.column_iter_mut().enumerate() {
            let is_last = number + 1 == COLUMNS;
            column.set_padding((0, if is_last { 0 } else { COLUMN_GAP }));
        }
        let lines = self.layout.lines().enumerate().map(|(number, line)| {
            let line = match number {
                0 if self.has_header => styled(STRONG, line.trim_end()),
                _ => line.trim_end().to_owned(),
            };
            format!("{:indent$}{line}", "", indent = self.indent)
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sentences_are_wrapped() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("計画 計画 計画", 9), ["計画 計画", "計画"]);
        assert_eq!(wrap("unbreakable", 3), ["unbreakable"]);
        assert_eq!(wrap("", 3), Vec::<String>::new());
    }

    fn table(width: Option<u16>) -> String {
        let mut table = Table::with_header(["TITLE", "COUNT", "REASON"]).with_numbers(1);
        for (title, count, reason) in [
            ("計画.pdf", "1", "the file is no longer there"),
            ("Plan.docx", "12", ""),
        ] {
            table.row([title, count, reason].map(str::to_owned));
        }
        let lines = table.lines(width).join("\n");
        anstream::adapter::strip_str(&lines).to_string()
    }

    #[test]
    fn columns_are_aligned_by_what_a_terminal_shows() {
        let expected = "\
TITLE      COUNT  REASON
計画.pdf       1  the file is no longer there
Plan.docx     12";
        assert_eq!(table(None), expected);
        assert_eq!(table(Some(80)), expected);
    }

    #[test]
    fn a_table_fits_the_terminal() {
        let table = table(Some(40));
        assert!(table.lines().all(|line| line.width() <= 40), "{table}");
        assert!(table.contains("no longer"), "{table}");
    }

    #[test]
    fn nouns_are_counted() {
        assert_eq!(count(0, "warning"), "0 warnings");
        assert_eq!(count(1, "warning"), "1 warning");
        assert_eq!(count(2, "warning"), "2 warnings");
    }
}
