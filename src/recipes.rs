//! The recipes: rules files for frequent jobs, as `recipes/` has them, with the ids and addresses that a person replaces.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::address::parse_web_address;
use crate::ids::FolderId;

/// A rules file for a frequent job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe {
    /// The name of its file, without the ending.
    pub(crate) name: &'static str,
    /// The file.
    pub(crate) text: &'static str,
}

macro_rules! recipes {
    ($($name:literal),* $(,)?) => {
        &[$(Recipe { name: $name, text: include_str!(concat!("../recipes/", $name, ".toml")) }),*]
    };
}

/// All recipes, by what people look for first.
pub(crate) const RECIPES: &[Recipe] = recipes![
    "copy-uploads",
    "invoices",
    "by-month-and-person",
    "route-by-status",
    "pdf-of-contracts",
    "link-for-clients",
    "forms-handed-in",
    "guest-uploads",
    "critical-folder",
    "review-comment",
    "sanitise-file-names",
    "forbidden-extensions",
    "deletion-log",
    "room-folders",
    "home-room",
    "archived-room",
    "new-employee-group",
    "employee-folders",
    "user-status",
    "users-of-a-domain",
];

/// The ids and addresses in recipes that stand for those of a portal: ids of rooms and folders, of groups, email
/// addresses, and addresses of programs.
static BLANKS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        (?<place> \b[0-9]{6}\b )
        | (?<group> \b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b )
        | (?<email> \b[a-z.]+@example\.com\b )
        | (?<url> \bhttps://[a-z.]+\.example\.com/[a-z/]* )",
    )
    .expect("the pattern is valid")
});

static GUID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").expect("the pattern is valid")
});

/// What a person fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlankKind {
    /// A room or folder.
    Place,
    /// A group of people.
    Group,
    /// An email address.
    Email,
    /// The address of a program.
    Url,
}

/// Something in a recipe that a person fills in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blank {
    /// What it is.
    pub(crate) kind: BlankKind,
    /// What the recipe has in its place; identifies it.
    pub(crate) example: &'static str,
    /// The line of the first place where it is used.
    pub(crate) line: &'static str,
}

impl Recipe {
    /// The recipe with this name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        RECIPES.iter().find(|recipe| recipe.name == name)
    }

    /// What it is for: the comment at its beginning.
    pub(crate) fn purpose(&self) -> String {
        let comment = self.text.lines().map_while(|line| line.strip_prefix('#'));
        let comment: Vec<&str> = comment.map(str::trim).collect();
        comment.join(" ")
    }

    /// What a person fills in, in order, each once.
    pub(crate) fn blanks(&self) -> Vec<Blank> {
        let mut blanks: Vec<Blank> = Vec::new();
        for line in self.text.lines() {
            for found in BLANKS.captures_iter(line) {
                let kinds = [
                    ("place", BlankKind::Place),
                    ("group", BlankKind::Group),
                    ("email", BlankKind::Email),
                    ("url", BlankKind::Url),
                ];
                let named = kinds
                    .into_iter()
                    .find_map(|(name, kind)| Some((kind, found.name(name)?.as_str())));
                let Some((kind, example)) = named else {
                    continue;
                };
                if !blanks.iter().any(|blank| blank.example == example) {
                    blanks.push(Blank {
                        kind,
                        example,
                        line: line.trim(),
                    });
                }
            }
        }
        blanks
    }

    /// The text with what a person entered for the blanks, by example; or what is wrong with it.
    pub(crate) fn filled(
        &self,
        entered: &BTreeMap<String, String>,
    ) -> Result<String, BTreeMap<&'static str, String>> {
        let mut values = BTreeMap::new();
        let mut problems = BTreeMap::new();
        for blank in self.blanks() {
            let text = entered.get(blank.example).map_or("", |text| text.trim());
            match blank.kind.read(text) {
                Ok(value) => {
                    values.insert(blank.example, value);
                }
                Err(problem) => {
                    problems.insert(blank.example, problem);
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let filled = BLANKS.replace_all(self.text, |found: &regex::Captures<'_>| {
            let example = &found[0];
            values.get(example).cloned().unwrap_or_default()
        });
        Ok(filled.into_owned())
    }
}

impl BlankKind {
    /// The value as the rules file has it, from what a person entered.
    fn read(self, text: &str) -> Result<String, String> {
        if text.is_empty() {
            return Err("is missing".to_owned());
        }
        match self {
            Self::Place => in_toml(&place(text).ok_or_else(|| {
                "is neither the id of a room or folder nor the address of one in DocSpace"
                    .to_owned()
            })?),
            Self::Group => GUID
                .find(text)
                .map(|id| id.as_str().to_owned())
                .ok_or_else(|| {
                    "is neither the id of a group nor the address of one in DocSpace".to_owned()
                }),
            Self::Email => {
                let address = text.parse::<lettre::Address>();
                let address = address.map_err(|_| "is not an email address".to_owned())?;
                within_quotes(address.as_ref())
            }
            Self::Url => {
                parse_web_address(text).map_err(ToOwned::to_owned)?;
                within_quotes(text)
            }
        }
    }
}

/// The room or folder with this id, or at this address, as the browser shows it when it is open in DocSpace
/// (docs/DOCSPACE.md A13).
fn place(text: &str) -> Option<FolderId> {
    if let Ok(id) = text.parse() {
        return Some(id);
    }
    let url = reqwest::Url::parse(text).ok()?;
    let in_query = url.query_pairs().find(|(name, _)| name == "folder");
    if let Some((_, id)) = in_query {
        return id.parse().ok();
    }
    let segments: Vec<&str> = url.path_segments()?.collect();
    segments
        .iter()
        .rev()
        .find_map(|segment| segment.parse().ok())
}

/// An id as TOML has it: numbers as such, others in quotes.
fn in_toml(id: &FolderId) -> Result<String, String> {
    let id = id.as_str();
    Ok(if id.bytes().all(|byte| byte.is_ascii_digit()) {
        id.to_owned()
    } else {
        format!("\"{}\"", within_quotes(id)?)
    })
}

/// A text that stands within the quotes that the recipe has.
fn within_quotes(text: &str) -> Result<String, String> {
    if text.contains(['"', '\\', '{', '}']) || text.chars().any(char::is_control) {
        return Err("contains a character that the rules file cannot have here".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_of_the_folder_is_offered_and_says_what_it_is_for() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/recipes");
        let files = std::fs::read_dir(folder).unwrap();
        let mut files: Vec<String> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let mut offered: Vec<String> = RECIPES
            .iter()
            .map(|recipe| format!("{}.toml", recipe.name))
            .collect();
        offered.sort();
        assert_eq!(offered, files);
        for recipe in RECIPES {
            assert!(recipe.purpose().ends_with('.'), "{}", recipe.name);
        }
    }

    #[test]
    fn a_recipe_filled_with_its_examples_is_the_recipe() {
        for recipe in RECIPES {
            let blanks = recipe.blanks();
            let examples = blanks
                .iter()
                .map(|blank| (blank.example.to_owned(), blank.example.to_owned()));
            let filled = recipe.filled(&examples.collect());
            assert_eq!(filled.as_deref(), Ok(recipe.text), "{}", recipe.name);
        }
    }

    #[test]
    fn what_is_filled_in_is_read_from_ids_and_addresses() {
        let recipe = Recipe::find("invoices").unwrap();
        let kinds: Vec<_> = recipe
            .blanks()
            .iter()
            .map(|blank| (blank.kind, blank.example))
            .collect();
        assert_eq!(
            kinds,
            [
                (BlankKind::Place, "539564"),
                (BlankKind::Place, "748239"),
                (BlankKind::Email, "accounting@example.com")
            ]
        );
        let entered = |room: &str, folder: &str, email: &str| {
            let pairs = [
                ("539564", room),
                ("748239", folder),
                ("accounting@example.com", email),
            ];
            recipe.filled(
                &pairs
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
            )
        };
        let filled = entered(
            " https://docs.example/rooms/shared/17/filter?folder=18&sortBy=title ",
            "https://docs.example/rooms/shared/19/filter",
            "ada@example.org",
        )
        .unwrap();
        assert!(filled.contains("room = 18\n"), "{filled}");
        assert!(filled.contains("to = 19, path"), "{filled}");
        assert!(filled.contains("email = \"ada@example.org\""), "{filled}");
        let third_party = entered("box-3-|0-8", "19", "ada@example.org").unwrap();
        assert!(
            third_party.contains("room = \"box-3-|0-8\""),
            "{third_party}"
        );

        let problems = entered("the room", "", "ada\" }\n[[rule]]").unwrap_err();
        assert_eq!(problems.len(), 3, "{problems:?}");
    }
}
