//! The form of titles that searches compare: letter case and Unicode composition make no difference.
//!
//! The databases differ in which scripts their `lower` covers, so the program computes the key and stores
//! it in the column `title_key`.

use std::borrow::Cow;

use crate::db::{Sql, SqlError};
use crate::ids::InboxId;
use crate::text::composed;

/// The form of a title, or of a text to search for, that searches compare.
pub fn title_key(title: &str) -> String {
    if title.is_ascii() {
        return title.to_ascii_lowercase();
    }
    let mut key = String::with_capacity(title.len());
    for character in composed(Cow::Borrowed(title)).chars() {
        push_folded(&mut key, character);
    }
    composed(Cow::Owned(key)).into_owned()
}

/// Lower, upper and lower case again: this equates letters with several forms, such as `ß` and `ẞ` with
/// `ss`, and the final sigma with the other one.
fn push_folded(key: &mut String, character: char) {
    if character.is_ascii() {
        key.push(character.to_ascii_lowercase());
    } else {
        let folded = character
            .to_lowercase()
            .flat_map(char::to_uppercase)
            .flat_map(char::to_lowercase);
        key.extend(folded);
    }
}

/// Fills the keys of events that were stored without one, by a version that did not have the column yet;
/// newest first, up to a limit. Returns how many it filled.
pub fn fill_title_keys(sql: &Sql, limit: u32) -> Result<usize, SqlError> {
    let titles: Vec<(InboxId, String)> = sql.query(
        "SELECT id, title FROM events WHERE title_key IS NULL AND title IS NOT NULL
         ORDER BY id DESC LIMIT :limit",
        &[(":limit", limit.into())],
        |row| Ok((InboxId(row.get(0)?), row.get(1)?)),
    )?;
    for (id, title) in &titles {
        sql.execute(
            "UPDATE events SET title_key = :title_key WHERE id = :id",
            &[
                (":id", id.0.into()),
                (":title_key", (&title_key(title)).into()),
            ],
        )?;
    }
    Ok(titles.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_composition_make_no_difference() {
        let check = |one: &str, other: &str| assert_eq!(title_key(one), title_key(other), "{one}");
        check("Plan.DOCX", "plan.docx");
        check("Рахунок.pdf", "рахунок.PDF");
        check("Überweisung", "u\u{308}BERWEISUNG");
        check("STRASSE", "Straße");
        check("GROẞ", "groß");
        check("ΟΔΟΣ", "οδος");
        check("Ǆ", "ǆ");
        check("合同.docx", "合同.DOCX");
        assert_ne!(title_key("café"), title_key("cafe"));
    }
}
