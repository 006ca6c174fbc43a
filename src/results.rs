//! Results: what an action leaves for the actions after it in its rule.
//!
//! An action of a rule names them as fields, such as `{result.folder}`. Only kinds of action know what a result means; the
//! outbox stores all of them as one text.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultName {
    /// The id of the folder that the action found or created, or put the file or a copy of it into.
    Folder,
    /// The id of the file that the action made.
    File,
    /// The address of the external link that the action made.
    Link,
    /// The id of the room that the action created.
    Room,
}

impl ResultName {
    /// What it is, for people.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::File => "file",
            Self::Link => "link",
            Self::Room => "room",
        }
    }
}

impl fmt::Display for ResultName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{{result.{}}}", self.noun())
    }
}

/// What actions have left, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Results(BTreeMap<String, String>);

impl Results {
    /// Only this one.
    pub fn one(name: ResultName, value: impl Into<String>) -> Self {
        Self(BTreeMap::from([(name.noun().to_owned(), value.into())]))
    }

    /// These, and this one.
    #[must_use]
    pub fn and(mut self, name: ResultName, value: impl Into<String>) -> Self {
        self.add(Self::one(name, value));
        self
    }

    /// The value of a result, if an action has left one.
    pub fn get(&self, name: ResultName) -> Option<&str> {
        self.0.get(name.noun()).map(String::as_str)
    }

    /// Whether there are none.
    pub fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds those of an action, which replace earlier ones of the same name.
    pub fn add(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// As a store keeps them.
    pub fn to_stored(&self) -> Option<String> {
        let stored = || serde_json::to_string(self).ok();
        (!self.are_none()).then(stored).flatten()
    }

    /// Reads stored ones. What a newer version has stored otherwise counts as none.
    pub fn from_stored(stored: &str) -> Self {
        serde_json::from_str(stored).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_result_of_a_name_counts() {
        let folder = |id: &str| Results::one(ResultName::Folder, id);
        let mut results = Results::default();
        assert_eq!(results.to_stored(), None);
        for stored in [r#"{"folder":"5"}"#, r#"{"folder":"7"}"#, "[]"] {
            results.add(Results::from_stored(stored));
        }
        assert_eq!(results, folder("7"));
        assert_eq!(results.get(ResultName::Folder), Some("7"));
        assert_eq!(results.to_stored().as_deref(), Some(r#"{"folder":"7"}"#));
    }
}
