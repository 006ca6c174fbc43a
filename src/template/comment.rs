//! Templates of comments.

use crate::results::{ResultName, Results};

use super::title::{TitleField, TitleValues};
use super::{Template, TemplateField};

/// A template of a comment.
pub type CommentTemplate = Template<CommentField>;

/// A field of a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommentField {
    /// One that titles have, too.
    OfTitle(TitleField),
    /// What an action before this one in the rule has left.
    Result(ResultName),
}

impl TemplateField for CommentField {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("title", Self::OfTitle(TitleField::Title)),
        ("name", Self::OfTitle(TitleField::Name)),
        ("date", Self::OfTitle(TitleField::Date)),
        ("year", Self::OfTitle(TitleField::Year)),
        ("month", Self::OfTitle(TitleField::Month)),
        ("day", Self::OfTitle(TitleField::Day)),
        ("rule", Self::OfTitle(TitleField::Rule)),
        ("result.folder", Self::Result(ResultName::Folder)),
        ("result.file", Self::Result(ResultName::File)),
        ("result.link", Self::Result(ResultName::Link)),
        ("result.room", Self::Result(ResultName::Room)),
    ];

    fn result(self) -> Option<ResultName> {
        match self {
            Self::OfTitle(_) => None,
            Self::Result(name) => Some(name),
        }
    }
}

impl CommentField {
    /// What it stands for.
    pub fn value(self, values: TitleValues<'_>, results: &Results) -> String {
        match self {
            Self::OfTitle(field) => values.value(field),
            Self::Result(name) => results.get(name).unwrap_or_default().to_owned(),
        }
    }
}
