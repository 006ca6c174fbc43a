//! What kind of file it is, by its title's extension.

use crate::rules::entry_view::{EntryView, Missing};

use super::{Check, Why};

/// Whether the extension is one of these, which are in small letters and without a dot.
pub(super) fn is_one_of<'a>(extensions: &'a [String], seen: &EntryView<'a>) -> Check<'a> {
    match seen.extension() {
        None => Check::Needs(Missing::File),
        Some(extension) if extensions.iter().any(|wanted| wanted == extension) => {
            Check::Holds(Why::Extension("is", extensions))
        }
        Some(_) => Check::Fails(Why::Extension("is not", extensions)),
    }
}
