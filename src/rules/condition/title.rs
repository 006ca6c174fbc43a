//! Conditions on the title. Matching ignores case and how letters are encoded.

use crate::rules::entry_view::{EntryView, Missing};

use super::check::{Check, Reason};
use super::pattern::Pattern;

/// Whether the title starts with one of these, which are in the form in which titles are compared.
pub(super) fn starts_with<'a>(prefixes: &'a [String], view: &EntryView<'a>) -> Check<'a> {
    let Some(title) = view.title() else {
        return Check::Needs(Missing::File);
    };
    if prefixes.iter().any(|prefix| title.starts_with(prefix)) {
        Check::Match(Reason::Title("starts with", prefixes))
    } else {
        Check::Mismatch(Reason::Title("does not start with", prefixes))
    }
}

/// Whether a glob matches the whole title.
pub(super) fn matches_glob<'a>(glob: &'a Pattern, view: &EntryView<'a>) -> Check<'a> {
    matches(glob, view)
}

/// Whether a regular expression matches any part of the title.
pub(super) fn matches_regex<'a>(regex: &'a Pattern, view: &EntryView<'a>) -> Check<'a> {
    matches(regex, view)
}

fn matches<'a>(pattern: &'a Pattern, view: &EntryView<'a>) -> Check<'a> {
    match view.raw_title() {
        None => Check::Needs(Missing::File),
        Some(title) if pattern.matches(title) => Check::Match(Reason::Pattern("matches", pattern)),
        Some(_) => Check::Mismatch(Reason::Pattern("does not match", pattern)),
    }
}
