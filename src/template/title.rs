//! Templates of titles: what a file or folder is called.
//!
//! All values are stored with the event, so that every attempt renders the same title.

use jiff::Timestamp;

use super::clean::clean_name;
use super::{Template, TemplateField};

/// A template of a title.
pub type TitleTemplate = Template<TitleField>;

/// A field of a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TitleField {
    /// The file's title when the event was decided, or that of an action before this one in the rule.
    Title,
    /// The same, safe everywhere, with its extension in small letters.
    CleanTitle,
    /// The title without the extension.
    Name,
    /// The same, safe everywhere.
    CleanName,
    /// When it happened, in UTC: the day, such as `2026-03-02`.
    Date,
    /// The year.
    Year,
    /// The month in two digits.
    Month,
    /// The day of the month in two digits.
    Day,
    /// The rule's name.
    Rule,
}

impl TemplateField for TitleField {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("title", Self::Title),
        ("title.clean", Self::CleanTitle),
        ("name", Self::Name),
        ("name.clean", Self::CleanName),
        ("date", Self::Date),
        ("year", Self::Year),
        ("month", Self::Month),
        ("day", Self::Day),
        ("rule", Self::Rule),
    ];
}

/// What the fields of a title stand for.
#[derive(Clone, Copy, Debug)]
pub struct TitleValues<'a> {
    /// The file's title before.
    pub title: &'a str,
    /// When the event happened.
    pub happened_at: Timestamp,
    /// The rule's name.
    pub rule: &'a str,
}

impl TitleValues<'_> {
    /// The value of a field.
    pub fn value(&self, field: TitleField) -> String {
        let (name, extension) = split_extension(self.title);
        let time = |format: &str| self.happened_at.strftime(format).to_string();
        match field {
            TitleField::Title => self.title.to_owned(),
            TitleField::CleanTitle => clean_name(name) + &extension.to_lowercase(),
            TitleField::Name => name.to_owned(),
            TitleField::CleanName => clean_name(name),
            TitleField::Date => time("%Y-%m-%d"),
            TitleField::Year => time("%Y"),
            TitleField::Month => time("%m"),
            TitleField::Day => time("%d"),
            TitleField::Rule => self.rule.to_owned(),
        }
    }
}

/// The name, and the extension with its dot.
fn split_extension(title: &str) -> (&str, &str) {
    title.split_at(title.rfind('.').unwrap_or(title.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_rendered() {
        let values = TitleValues {
            title: "Q3: report.v2.DOCX",
            happened_at: "2026-03-02T23:30:00Z".parse().unwrap(),
            rule: "sanitise",
        };
        let check = |template: &str, expected: &str| {
            let template = TitleTemplate::parse(template).unwrap();
            assert_eq!(template.render(|field| values.value(field)), expected);
        };
        check("{title}", "Q3: report.v2.DOCX");
        check("{title.clean}", "Q3_ report.v2.docx");
        check("{name} ({date})", "Q3: report.v2 (2026-03-02)");
        check(
            "{year}/{month}/{day} {name.clean}",
            "2026/03/02 Q3_ report.v2",
        );
        check("{rule}", "sanitise");
    }
}
