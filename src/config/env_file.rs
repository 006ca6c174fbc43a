//! Files of `NAME=value` lines, as container tools and systemd read them.
//!
//! We do not use dotenvy: it expands `$NAME` in unquoted and double-quoted values, which changes secrets that
//! contain a `$`.

use std::path::{Path, PathBuf};

use crate::text_file;

/// Why a file of variables cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EnvFileError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A line is neither `NAME=value` nor a comment.
    #[error("{path}, line {line}: expected NAME=value")]
    Line {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
    },
}

/// Reads the variables of a file, in its order.
pub(super) fn read(path: &Path) -> Result<Vec<(String, String)>, EnvFileError> {
    let text = text_file::read(path).map_err(|source| EnvFileError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    read_text(path, &text)
}

/// Reads the variables of the text of a file, in its order.
pub(super) fn read_text(path: &Path, text: &str) -> Result<Vec<(String, String)>, EnvFileError> {
    parse(text).map_err(|line| EnvFileError::Line {
        path: path.to_owned(),
        line,
    })
}

/// Parses the lines; the error is the number of a line that is not valid.
fn parse(text: &str) -> Result<Vec<(String, String)>, usize> {
    let mut pairs = Vec::new();
    for (position, line) in text.lines().enumerate() {
        let pair = parse_line(line).map_err(|NotAVariable| position + 1)?;
        pairs.extend(pair.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    Ok(pairs)
}

/// A line that is neither `NAME=value` nor a comment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotAVariable;

/// The name and the value of a line; `None` if it is empty or a comment.
pub(super) fn parse_line(line: &str) -> Result<Option<(&str, &str)>, NotAVariable> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let content = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = content.split_once('=').ok_or(NotAVariable)?;
    let name = name.trim();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(NotAVariable);
    }
    Ok(Some((name, value_of(value))))
}

/// The value without the quotes around it, and without a comment after it: `#` after white space.
fn value_of(text: &str) -> &str {
    let trimmed = text.trim();
    if let Some(quote) = trimmed
        .chars()
        .next()
        .filter(|first| "\"'".contains(*first))
    {
        let inside = &trimmed[1..];
        let mut ends = inside.match_indices(quote);
        let end = ends.find(|(end, _)| {
            let rest = &inside[end + 1..];
            rest.is_empty()
                || (rest.starts_with(char::is_whitespace) && rest.trim().starts_with('#'))
        });
        if let Some((end, _)) = end {
            return &inside[..end];
        }
    }
    let mut marks = text.match_indices('#');
    let comment = marks.find(|(at, _)| text[..*at].ends_with(char::is_whitespace));
    comment.map_or(trimmed, |(at, _)| text[..at].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_an_env_file() {
        let check = |line: &str, value: &str| {
            let expected = vec![("A".to_owned(), value.to_owned())];
            assert_eq!(parse(line), Ok(expected), "{line}");
        };
        check("A=1", "1");
        check("  export A = two words ", "two words");
        check("# a comment\n\nA=1\n", "1");
        check("A=", "");
        check("A=\"quoted # kept\"", "quoted # kept");
        check("A='it''s'", "it''s");
        check("A=\"unclosed", "\"unclosed");
        check("A=$HOME", "$HOME");
        assert_eq!(parse("A=1\nnonsense"), Err(2));
        assert_eq!(parse("two words=1"), Err(1));
    }

    #[test]
    fn a_comment_after_a_value_is_not_part_of_it() {
        let check = |line: &str, value: &str| {
            let expected = vec![("A".to_owned(), value.to_owned())];
            assert_eq!(parse(line), Ok(expected), "{line}");
        };
        check(
            "A=Sandbox-Secret-1  # the secret of the webhook",
            "Sandbox-Secret-1",
        );
        check("A=1\t#2", "1");
        check("A= # none", "");
        check("A=\"one # two\" # \"three\"", "one # two");
        check("A=#Secret-1", "#Secret-1");
        check("A=a#b", "a#b");
    }
}
