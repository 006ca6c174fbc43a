//! The condition on the size of the file. Deliveries do not contain it (docs/DOCSPACE.md 2.1), so the portal is asked.

use crate::event::EntryKind;
use crate::rules::entry_view::{EntryView, Missing};

use super::check::{Check, Reason};
use super::size_range::SizeRange;

/// Whether the file's size is in the range.
pub(super) fn is_in<'a>(range: SizeRange, view: &EntryView<'a>) -> Check<'a> {
    match view.file() {
        Some(file) if range.contains(file.size_bytes) => Check::Match(Reason::Size("is", range)),
        Some(_) => Check::Mismatch(Reason::Size("is not", range)),
        None if view.entry.kind == EntryKind::File => Check::Needs(Missing::File),
        None => Check::Mismatch(Reason::Plain("only files have a size")),
    }
}

/// The size, for people.
pub(super) fn value(view: &EntryView<'_>) -> String {
    view.file().map_or_else(
        || "not given".to_owned(),
        |file| format!("{} bytes", file.size_bytes),
    )
}
