//! Lists of values in a sentence.

use std::fmt;

/// Writes values separated by commas, with "or" before the last one.
pub(super) struct AnyOf<'a, T>(pub(super) &'a [T]);

impl<T: fmt::Display> fmt::Display for AnyOf<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, item) in self.0.iter().enumerate() {
            let separator = match position {
                0 => "",
                last if last + 1 == self.0.len() => " or ",
                _ => ", ",
            };
            write!(formatter, "{separator}{item}")?;
        }
        Ok(())
    }
}
