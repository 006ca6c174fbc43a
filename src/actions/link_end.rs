//! When a link ends, as rules say it: after a time, at a time, or never.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::docspace::MAX_LINK_DAYS;
use crate::table_reader::FieldValue;

/// The units, each with its hours.
const UNITS: [(&str, i64); 6] = [
    ("hour", 1),
    ("hours", 1),
    ("day", 24),
    ("days", 24),
    ("week", 7 * 24),
    ("weeks", 7 * 24),
];

/// The word for a link without an end.
const NEVER: &str = "never";

/// When a link ends. Serialized as it is written in a rules file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LinkEnd {
    source: String,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// So long after the link is made.
    After(SignedDuration),
    At(Timestamp),
    Never,
}

/// Why a text does not say when a link ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkEndError {
    /// It is none of the forms.
    #[error(
        "must be a time such as \"12 hours\", \"30 days\" or \"2 weeks\", a date with a time and its offset from UTC such \
         as \"2026-12-31T18:00:00+01:00\", or \"never\""
    )]
    Unreadable,
    /// It is longer than the portal accepts.
    #[error("is longer than {MAX_LINK_DAYS} days")]
    TooLong,
    /// It is nothing.
    #[error("must not be 0")]
    Zero,
}

impl LinkEnd {
    /// Parses the value of a field; `None` if it is not valid and was reported.
    pub(super) fn parse(value: &FieldValue<'_>) -> Option<Self> {
        let parsed = Self::try_from(value.text()?);
        parsed
            .map_err(|error| value.report(&error.to_string()))
            .ok()
    }

    /// When a link ends that is made at this time; `None` if it does not end.
    pub(super) fn of_link_made_at(&self, made_at: Timestamp) -> Option<Timestamp> {
        match self.end {
            End::After(time) => made_at.checked_add(time).ok(),
            End::At(time) => Some(time),
            End::Never => None,
        }
    }

    /// Whether a link ends.
    pub(super) fn is_limited(&self) -> bool {
        self.end != End::Never
    }
}

impl fmt::Display for LinkEnd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = &self.source;
        match self.end {
            End::After(_) => write!(formatter, "for {source}"),
            End::At(_) => write!(formatter, "until {source}"),
            End::Never => formatter.write_str("without an end"),
        }
    }
}

impl TryFrom<String> for LinkEnd {
    type Error = LinkEndError;

    fn try_from(source: String) -> Result<Self, LinkEndError> {
        let source = source.trim().to_owned();
        let end = if source == NEVER {
            End::Never
        } else if let Ok(time) = source.parse() {
            End::At(time)
        } else {
            End::After(duration(&source)?)
        };
        Ok(Self { source, end })
    }
}

impl From<LinkEnd> for String {
    fn from(end: LinkEnd) -> Self {
        end.source
    }
}

fn duration(text: &str) -> Result<SignedDuration, LinkEndError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = (&text[..digits], text[digits..].trim());
    let mut units = UNITS.iter();
    let unit = units.find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let (_, hours) = unit.ok_or(LinkEndError::Unreadable)?;
    if number.is_empty() {
        return Err(LinkEndError::Unreadable);
    }
    let hours = number
        .parse()
        .ok()
        .and_then(|it: i64| it.checked_mul(*hours));
    match hours {
        Some(0) => Err(LinkEndError::Zero),
        Some(hours) if hours <= MAX_LINK_DAYS * 24 => Ok(SignedDuration::from_hours(hours)),
        _ => Err(LinkEndError::TooLong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_as_people_write_them() {
        let made_at: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        let check = |text: &str, expected: Option<&str>, described: &str| {
            let end = LinkEnd::try_from(text.to_owned()).unwrap();
            let expected = expected.map(|time| time.parse().unwrap());
            assert_eq!(end.of_link_made_at(made_at), expected, "{text}");
            assert_eq!(end.is_limited(), expected.is_some(), "{text}");
            assert_eq!(end.to_string(), described, "{text}");
        };
        check("1 hour", Some("2026-03-02T10:00:00Z"), "for 1 hour");
        check(" 30 days ", Some("2026-04-01T09:00:00Z"), "for 30 days");
        check("2weeks", Some("2026-03-16T09:00:00Z"), "for 2weeks");
        let at = "2026-12-31T18:00:00+01:00";
        check(at, Some("2026-12-31T17:00:00Z"), &format!("until {at}"));
        check("never", None, "without an end");
    }

    #[test]
    fn ends_that_are_refused() {
        let check = |text: &str, expected: LinkEndError| {
            let end = LinkEnd::try_from(text.to_owned());
            assert_eq!(end, Err(expected), "{text}");
        };
        for text in [
            "",
            "days",
            "30",
            "30 minutes",
            "1.5 days",
            "-1 days",
            "Never",
            "tomorrow",
        ] {
            check(text, LinkEndError::Unreadable);
        }
        // Without an offset it would be the portal's local time.
        check("2026-12-31", LinkEndError::Unreadable);
        check("2026-12-31T18:00:00", LinkEndError::Unreadable);
        check("0 days", LinkEndError::Zero);
        check("3651 days", LinkEndError::TooLong);
        check("99999999999999999999 weeks", LinkEndError::TooLong);
    }
}
