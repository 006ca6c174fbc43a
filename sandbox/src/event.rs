//! Events, and which of them an upload raises.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::ids::{FileId, FolderId};
use super::storage::{File, Folder, Section, Storage};

/// The events an upload raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadEvents {
    /// `file.uploaded` only, as in the web interface.
    Uploaded,
    /// `file.created` and `file.uploaded`, as for a simple upload through the API.
    CreatedAndUploaded,
    /// None, as for changes made directly in third-party storage.
    None,
}

impl UploadEvents {
    pub(super) fn triggers(self) -> &'static [&'static str] {
        match self {
            Self::Uploaded => &["file.uploaded"],
            Self::CreatedAndUploaded => &["file.created", "file.uploaded"],
            Self::None => &[],
        }
    }
}

/// `fileEntryType` of a folder and of a file.
pub(super) const FOLDER_ENTRY: u8 = 1;
pub(super) const FILE_ENTRY: u8 = 2;

/// The part of a delivery that is the same for every webhook, in every attempt and after a manual retry.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) trigger: &'static str,
    pub(super) on: Timestamp,
    pub(super) by: &'static str,
    pub(super) payload: Payload,
}

impl Event {
    /// The trigger of deleting a folder or room.
    pub(super) fn of_deleting(folder: &Folder) -> &'static str {
        if folder.is_room() {
            "room.deleted"
        } else {
            "folder.deleted"
        }
    }
}

/// `rootFolderType` of everything below a section.
pub(super) fn section_number(root: &Folder) -> u8 {
    root.section().unwrap_or(Section::Rooms).number()
}

/// The file or folder, in the flat shape DocSpace sends for both.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payload {
    id: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    parent_id: Value,
    security_by_users: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Value::is_null")]
    folder_id_display: Value,
    root_id: Value,
    title: String,
    create_by: &'static str,
    modified_by: &'static str,
    create_on: String,
    modified_on: String,
    root_folder_type: u8,
    root_create_by: &'static str,
    file_entry_type: u8,
}

/// An event to raise: its trigger, and the file or folder as it is or was.
pub(super) type Raised = (&'static str, Payload);

impl Payload {
    /// The payload of an event about a file that exists.
    pub(super) fn of_file_in(storage: &Storage, id: &FileId) -> Option<Self> {
        let file = storage.file(id)?;
        let path = storage.path(&file.folder);
        Some(Self::of_file(file, path.first()?))
    }

    /// The payload of an event about a folder that exists.
    pub(super) fn of_folder_in(storage: &Storage, id: &FolderId) -> Option<Self> {
        let path = storage.path(id);
        Some(Self::of_folder(path.last()?, path.first()?))
    }

    /// The payload of an event about a file.
    pub(super) fn of_file(file: &File, root: &Folder) -> Self {
        Self {
            id: json!(file.id),
            parent_id: json!(file.folder),
            security_by_users: BTreeMap::new(),
            folder_id_display: json!(file.folder),
            root_id: json!(root.id),
            title: file.title.clone(),
            create_by: file.created_by.id(),
            modified_by: file.updated_by.id(),
            create_on: file.created.to_string(),
            modified_on: file.updated.to_string(),
            root_folder_type: section_number(root),
            root_create_by: root.created_by.id(),
            file_entry_type: FILE_ENTRY,
        }
    }

    /// The payload of an event about a folder.
    pub(super) fn of_folder(folder: &Folder, root: &Folder) -> Self {
        Self {
            id: json!(folder.id),
            parent_id: json!(folder.parent),
            security_by_users: BTreeMap::new(),
            folder_id_display: json!(folder.parent),
            root_id: json!(root.id),
            title: folder.title.clone(),
            create_by: folder.created_by.id(),
            modified_by: folder.created_by.id(),
            create_on: folder.created.to_string(),
            modified_on: folder.updated.to_string(),
            root_folder_type: section_number(root),
            root_create_by: root.created_by.id(),
            file_entry_type: FOLDER_ENTRY,
        }
    }

    /// The title of the file or folder.
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// The id of the file or folder as JSON.
    pub(super) fn id(&self) -> &Value {
        &self.id
    }

    /// The id of the file or folder as text.
    pub(super) fn id_text(&self) -> String {
        self.id
            .as_str()
            .map_or_else(|| self.id.to_string(), str::to_owned)
    }
}
