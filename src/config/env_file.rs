//! Files of `NAME=value` lines, as container tools and systemd read them.
//!
//! We do not use dotenvy: it expands `$NAME` in unquoted and double-quoted values, which changes secrets that
//! contain a `$`.

use std::path::{Path, PathBuf};

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
    let text = std::fs::read_to_string(path).map_err(|source| EnvFileError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    parse(&text).map_err(|line| EnvFileError::Line {
        path: path.to_owned(),
        line,
    })
}

/// Parses the lines; the error is the number of a line that is not valid.
fn parse(text: &str) -> Result<Vec<(String, String)>, usize> {
    let mut pairs = Vec::new();
    for (position, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line_content = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line_content.split_once('=').ok_or(position + 1)?;
        let name = name.trim();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(position + 1);
        }
        pairs.push((name.to_owned(), unquote(value.trim()).to_owned()));
    }
    Ok(pairs)
}

fn unquote(value: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_an_env_file() {
        let text =
            "# a comment\n\nA=1\nexport B = two words \nC=\"quoted # kept\"\nD='it''s'\nE=\n";
        let pairs = parse(text).unwrap();
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "quoted # kept"),
            ("D", "it''s"),
            ("E", ""),
        ];
        assert_eq!(
            pairs,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(parse("A=1\nnonsense"), Err(2));
        assert_eq!(parse("two words=1"), Err(1));
    }
}
