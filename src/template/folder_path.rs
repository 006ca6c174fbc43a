//! Paths of folders made from templates, such as `{year}/{month}/{person}`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::title::{TitleField, TitleValues};
use super::{Template, TemplateError, TemplateField};

/// The most folders in a path.
const MAX_PARTS: usize = 10;

/// A path of folders. Serialized as its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FolderPath {
    /// One template for each folder, the highest first. A value with a slash in it is still one folder.
    parts: Vec<Template<PathField>>,
}

/// A field of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathField {
    /// One that titles have, too.
    OfTitle(TitleField),
    /// Who acted.
    Person,
}

impl TemplateField for PathField {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("year", Self::OfTitle(TitleField::Year)),
        ("month", Self::OfTitle(TitleField::Month)),
        ("day", Self::OfTitle(TitleField::Day)),
        ("date", Self::OfTitle(TitleField::Date)),
        ("person", Self::Person),
        ("title", Self::OfTitle(TitleField::Title)),
        ("title.clean", Self::OfTitle(TitleField::CleanTitle)),
        ("name", Self::OfTitle(TitleField::Name)),
        ("name.clean", Self::OfTitle(TitleField::CleanName)),
        ("rule", Self::OfTitle(TitleField::Rule)),
    ];
}

/// Why a text is not a valid path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A part is not a valid template.
    #[error(transparent)]
    Part(#[from] TemplateError),
    /// A part is blank.
    #[error(
        "contains a folder without a title: write titles with one slash between them, such as {{year}}/{{month}}"
    )]
    Blank,
    /// It has too many parts.
    #[error("has more than {MAX_PARTS} folders")]
    TooDeep,
}

impl FolderPath {
    /// Parses a path.
    pub fn parse(source: &str) -> Result<Self, PathError> {
        let parts: Vec<&str> = source.split('/').map(str::trim).collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(PathError::Blank);
        }
        if parts.len() > MAX_PARTS {
            return Err(PathError::TooDeep);
        }
        let parts = parts.into_iter().map(Template::parse);
        let parts = parts.collect::<Result<_, _>>()?;
        Ok(Self { parts })
    }

    /// Whether it has this field.
    pub fn contains(&self, field: PathField) -> bool {
        self.parts.iter().any(|part| part.contains(field))
    }

    /// The title of each folder, the highest first, as they are before the portal's rules for titles apply.
    pub fn render(&self, values: TitleValues<'_>, person: &str) -> Vec<String> {
        let value = |field| match field {
            PathField::OfTitle(field) => values.value(field),
            PathField::Person => person.to_owned(),
        };
        self.parts.iter().map(|part| part.render(value)).collect()
    }
}

impl fmt::Display for FolderPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, part) in self.parts.iter().enumerate() {
            let separator = if number == 0 { "" } else { "/" };
            write!(formatter, "{separator}{part}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for FolderPath {
    type Error = PathError;

    fn try_from(source: String) -> Result<Self, PathError> {
        Self::parse(&source)
    }
}

impl From<FolderPath> for String {
    fn from(path: FolderPath) -> Self {
        path.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_rendered() {
        let values = TitleValues {
            title: "Acme/Beta.docx",
            happened_at: "2026-03-02T23:30:00Z".parse().unwrap(),
            rule: "sort",
        };
        let check = |path: &str, expected: &[&str]| {
            let path = FolderPath::parse(path).unwrap();
            assert_eq!(path.render(values, "Ann / Sales"), expected, "{path}");
        };
        check("{year}/{month}", &["2026", "03"]);
        check("In {year} / {person}", &["In 2026", "Ann / Sales"]);
        check("{name}", &["Acme/Beta"]);
    }

    #[test]
    fn invalid_paths() {
        let check = |path: &str, expected: PathError| {
            assert_eq!(FolderPath::parse(path), Err(expected), "{path}");
        };
        check("", PathError::Blank);
        check("/{year}", PathError::Blank);
        check("{year}//{month}", PathError::Blank);
        check("{year}/ ", PathError::Blank);
        check(&["a"; 11].join("/"), PathError::TooDeep);
        let unknown = TemplateError::Unknown("room".to_owned());
        check("{room}/{year}", PathError::Part(unknown));
    }
}
