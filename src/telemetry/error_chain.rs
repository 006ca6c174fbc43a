//! Formats an error with its causes.

use std::error::Error;
use std::fmt;

/// Displays an error and each of its causes, separated by colons: `cannot store: disk full`.
///
/// Log an error as `error = %ErrorChain(&error)`. As `&dyn Error` the JSON format would show the outermost
/// error only.
#[derive(Clone, Copy, Debug)]
pub struct ErrorChain<'a>(pub &'a dyn Error);

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.to_string();
        formatter.write_str(&shown)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Some errors of other crates already include the text of their cause.
            if !shown.ends_with(&text) {
                write!(formatter, ": {text}")?;
            }
            shown = text;
            source = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn check(texts: &[&'static str], expected: &str) {
        let chain = texts.iter().rev().fold(None, |source, text| {
            let layer = Layer { text, source };
            Some(Box::new(layer))
        });
        assert_eq!(ErrorChain(&chain.unwrap()).to_string(), expected);
    }

    #[test]
    fn each_cause_is_shown_once() {
        check(&["cannot connect"], "cannot connect");
        check(
            &["cannot read the log", "request failed", "refused"],
            "cannot read the log: request failed: refused",
        );
        check(
            &["cannot open a.db: disk full", "disk full"],
            "cannot open a.db: disk full",
        );
        check(
            &["cannot open: disk full", "disk full", "no space left"],
            "cannot open: disk full: no space left",
        );
    }
}
