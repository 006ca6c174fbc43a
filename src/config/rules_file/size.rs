//! Sizes of files, as people write them.

use crate::table_reader::FieldValue;

/// The units and their bytes. DocSpace and most file managers count in steps of 1,024.
const UNITS: [(&str, u64); 5] = [
    ("B", 1),
    ("KB", 1 << 10),
    ("MB", 1 << 20),
    ("GB", 1 << 30),
    ("TB", 1 << 40),
];

/// Parses a number of bytes, or a text such as `10 MB`; `None` if it is not valid and was reported.
pub(super) fn parse(value: &FieldValue<'_>) -> Option<u64> {
    if let Some(number) = value.integer() {
        let bytes = u64::try_from(number).ok();
        if bytes.is_none() {
            value.report("must not be negative");
        }
        return bytes;
    }
    let text = value.text()?;
    let parsed = parse_text(&text);
    if parsed.is_none() {
        let units = UNITS.map(|(name, _)| name).join(", ");
        value.report(&format!(
            "must be a number of bytes, or a size such as \"10 MB\"; the units are {units}"
        ));
    }
    parsed
}

fn parse_text(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = (&text[..digits], text[digits..].trim());
    let number: u64 = number.parse().ok()?;
    if unit.is_empty() {
        return Some(number);
    }
    let mut units = UNITS.iter();
    let (_, bytes) = units.find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.checked_mul(*bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_people_write_them() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(parse_text(text), expected, "{text}");
        };
        check("500", Some(500));
        check("10 MB", Some(10 << 20));
        check(" 2gb ", Some(2 << 30));
        check("0 KB", Some(0));
        for refused in ["", "MB", "-1", "1.5 MB", "1 MiB", "ten", "99999999 TB"] {
            check(refused, None);
        }
    }
}
