//! Conditions on members of the delivery that this program does not know otherwise, such as `payload.status` of a user.

use crate::rules::entry_view::EntryView;
use crate::rules::normalization::ComparableText;

use super::check::{Check, Reason};
use super::text_test::TextTest;

/// The texts of values that the portal leaves out, because they are the default of their type (docs/DOCSPACE.md 1.1).
const DEFAULTS: [&str; 3] = ["", "0", "false"];

/// What a condition requires of a member of the delivery. A list is as required if one of its values is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldTest {
    /// The path of the member, such as `payload.status`.
    pub path: String,
    /// What its text must be. Numbers and truth values are texts, too.
    pub test: TextTest,
}

impl FieldTest {
    fn matches(&self, values: &[ComparableText]) -> bool {
        if values.is_empty() {
            let mut defaults = DEFAULTS.iter();
            return defaults.any(|text| self.test.is_exactly(text))
                || self.test.matches(&ComparableText::new(""));
        }
        values.iter().any(|value| self.test.matches(value))
    }
}

/// Whether a member of the delivery is as required.
pub(super) fn is_as_required<'a>(field: &'a FieldTest, view: &EntryView<'a>) -> Check<'a> {
    let matches = field.matches(view.field(&field.path));
    let reason = Reason::Text(&field.path, field.test.verb(matches), &field.test);
    Check::of(matches, reason)
}

/// The values of the member, for people.
pub(super) fn value(field: &FieldTest, view: &EntryView<'_>) -> String {
    let values = view.field(&field.path).iter();
    let quoted: Vec<String> = values
        .map(|value| format!("“{}”", value.written()))
        .collect();
    if quoted.is_empty() {
        return "not given, which means the default of its type".to_owned();
    }
    quoted.join(", ")
}
