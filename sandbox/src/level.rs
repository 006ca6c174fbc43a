//! The access levels of members and links, and which of them a room accepts (docs/DOCSPACE.md A1.6, A5.1).

use serde_json::Value;

use super::room_kind::RoomKind;

/// What a member of a room, or a visitor with a link, may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum AccessLevel {
    #[default]
    None,
    /// The owner, in lists of members.
    Full,
    Read,
    Restrict,
    Review,
    Comment,
    FillForms,
    RoomManager,
    Editing,
    ContentCreator,
}

/// The levels with DocSpace's numbers and names.
const LEVELS: [(AccessLevel, u8, &str); 10] = [
    (AccessLevel::None, 0, "None"),
    (AccessLevel::Full, 1, "ReadWrite"),
    (AccessLevel::Read, 2, "Read"),
    (AccessLevel::Restrict, 3, "Restrict"),
    (AccessLevel::Review, 5, "Review"),
    (AccessLevel::Comment, 6, "Comment"),
    (AccessLevel::FillForms, 7, "FillForms"),
    (AccessLevel::RoomManager, 9, "RoomManager"),
    (AccessLevel::Editing, 10, "Editing"),
    (AccessLevel::ContentCreator, 11, "ContentCreator"),
];

impl AccessLevel {
    /// The level that a request names. A missing level and any unknown one is none, which removes a member or a link
    /// (docs/DOCSPACE.md A1.1).
    pub(super) fn requested(given: Option<&Value>) -> Self {
        let level = match given {
            Some(Value::Number(number)) => LEVELS
                .iter()
                .find(|level| number.as_u64() == Some(level.1.into())),
            Some(Value::String(name)) => LEVELS.iter().find(|level| level.2 == name),
            _ => None,
        };
        level.map_or(Self::None, |level| level.0)
    }

    pub(super) fn number(self) -> u8 {
        self.definition().1
    }

    fn definition(self) -> &'static (Self, u8, &'static str) {
        let definition = LEVELS.iter().find(|(level, ..)| *level == self);
        definition.expect("all levels are in the table")
    }

    /// The levels that members of a room of this kind may have, if they are people.
    pub(super) fn of_people(kind: RoomKind) -> &'static [Self] {
        use AccessLevel::{Comment, ContentCreator, Editing, FillForms, Read, Review, RoomManager};
        match kind {
            RoomKind::Custom => &[RoomManager, ContentCreator, Editing, Review, Comment, Read],
            RoomKind::Collaboration => &[RoomManager, ContentCreator, Editing, Read],
            RoomKind::FormFilling => &[RoomManager, ContentCreator, FillForms],
            RoomKind::Data => &[RoomManager, ContentCreator, Editing, Read, FillForms],
            RoomKind::Public => &[RoomManager, ContentCreator],
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_level_is_a_number_or_an_exact_name_and_anything_else_removes() {
        let check = |given: Value, level: AccessLevel| {
            assert_eq!(AccessLevel::requested(Some(&given)), level, "{given}");
        };
        check(json!(10), AccessLevel::Editing);
        check(json!("Editing"), AccessLevel::Editing);
        check(json!("editing"), AccessLevel::None);
        check(json!("Editor"), AccessLevel::None);
        check(json!(4), AccessLevel::None);
        assert_eq!(AccessLevel::requested(None), AccessLevel::None);
    }
}
