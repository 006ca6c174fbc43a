//! What the portal's activity log says of a file (docs/DOCSPACE.md A1.7).

use serde::Deserialize;

/// What was done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It was created or uploaded.
    Created,
    /// Its content changed: a save in the editor, or an upload that overwrote it. The log calls both the same.
    ContentChanged,
    /// Anything else, such as a new title.
    Other,
}

/// An entry. Like actions of one person in one minute are folded into one entry.
#[derive(Deserialize)]
pub(super) struct ActivityDto {
    action: ActionDto,
    #[serde(default)]
    data: DataDto,
    #[serde(default)]
    related: Vec<ActivityDto>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataDto {
    #[serde(default)]
    old_title: Option<String>,
}

#[derive(Deserialize)]
struct ActionDto {
    #[serde(default)]
    key: Option<String>,
}

impl ActivityDto {
    /// The titles that the entry and those folded into it replaced.
    pub(super) fn old_titles(self) -> Vec<String> {
        let related = self.related.into_iter().flat_map(Self::old_titles);
        self.data.old_title.into_iter().chain(related).collect()
    }

    /// The entry and those folded into it.
    pub(super) fn flatten(self) -> Vec<Activity> {
        let own = match self.action.key.as_deref() {
            Some("FileCreated" | "FileUploaded") => Activity::Created,
            Some("UserFileUpdated" | "FileUploadedWithOverwriting") => Activity::ContentChanged,
            _ => Activity::Other,
        };
        let related = self.related.into_iter().flat_map(Self::flatten);
        std::iter::once(own).chain(related).collect()
    }
}
