//! Conditions on texts, such as titles.

use crate::rules::entry_view::{EntryView, Missing};
use crate::rules::normalization::ComparableText;

use super::check::{Check, Reason};
use super::text_test::TextTest;

/// Whether the title is as required.
pub(super) fn title_matches<'a>(test: &'a TextTest, view: &EntryView<'a>) -> Check<'a> {
    match view.title() {
        None => Check::Needs(Missing::File),
        Some(title) => check("the title", test, title),
    }
}

/// Whether a text is as required; the subject names it in the reason.
pub(super) fn check<'a>(
    subject: &'static str,
    required: &'a TextTest,
    text: &ComparableText,
) -> Check<'a> {
    let matches = required.matches(text);
    let reason = Reason::Text(subject, required.verb(matches), required);
    Check::of(matches, reason)
}
