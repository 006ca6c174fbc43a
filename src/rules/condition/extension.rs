//! The condition on the extension of the title.

use crate::rules::entry_view::{EntryView, Missing};

use super::check::{Check, Reason};

/// Whether the extension is one of these, which are in lower case and without a dot.
pub(super) fn is_one_of<'a>(extensions: &'a [String], view: &EntryView<'a>) -> Check<'a> {
    match view.extension() {
        None => Check::Needs(Missing::File),
        Some(extension) if extensions.iter().any(|wanted| wanted == extension) => {
            Check::Match(Reason::Extension("is", extensions))
        }
        Some(_) => Check::Mismatch(Reason::Extension("is not", extensions)),
    }
}

/// The extension, for people.
pub(super) fn value(view: &EntryView<'_>) -> String {
    match view.extension() {
        Some("") => "none".to_owned(),
        Some(extension) => extension.to_owned(),
        None => "not given".to_owned(),
    }
}
