//! A file as the portal describes it (docs/DOCSPACE.md 5.2).

use jiff::Timestamp;
use serde::Deserialize;

use crate::ids::{FileId, FolderId};
use crate::wire::{self, FolderType};

use super::person::Person;

/// Flag in `fileStatus` of a file that is open in an editor.
const BEING_EDITED: i64 = 1;

/// Who has locked a file (docs/DOCSPACE.md A9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockHolder {
    /// The key's user.
    Own,
    /// Another account.
    Other,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "FileDto")]
pub struct FileInfo {
    /// Its id.
    pub id: FileId,
    /// The folder that it is in.
    pub folder: FolderId,
    /// Its title.
    pub title: String,
    /// When it was created, in whole seconds.
    pub created: Timestamp,
    /// When its content last changed, in whole seconds.
    pub updated: Timestamp,
    /// Size of its content.
    pub size_bytes: u64,
    /// Its version, counted from 1.
    pub version: u64,
    /// Whether it is open in an editor or locked. Such a file cannot be moved (docs/DOCSPACE.md 4.3).
    pub busy: bool,
    /// Whether it is open in an editor.
    pub open: bool,
    /// Who has locked it, if it is locked.
    pub lock: Option<LockHolder>,
    /// Whether it is in the trash of the key's user.
    pub in_trash: bool,
    /// Whether the key's user may copy it, if the portal says so.
    pub may_copy: Option<bool>,
    /// Whether the key's user may move it, if the portal says so.
    pub may_move: Option<bool>,
    /// Whether the key's user may comment on its versions, if the portal says so (docs/DOCSPACE.md A1.6).
    pub may_comment: Option<bool>,
    /// Whether the key's user may rename it, if the portal says so.
    pub may_rename: Option<bool>,
    /// Whether the key's user may delete it, if the portal says so.
    pub may_delete: Option<bool>,
    /// Whether the key's user may lock it, if the portal says so. That nobody may who has not locked it while it is
    /// locked says nothing.
    pub may_lock: Option<bool>,
    /// Whether the key's user may make links to it, if the portal says so.
    pub may_share: Option<bool>,
    /// Its author, and then the account that changed it last.
    pub people: Vec<Person>,
    /// The comment of its newest version.
    pub comment: String,
    /// The portal's link to it, which pins a version.
    pub web_url: Option<String>,
}

#[cfg(test)]
impl FileInfo {
    /// A file for tests.
    pub(crate) fn example() -> Self {
        Self {
            id: FileId::from(1),
            folder: FolderId::from(7),
            title: "plan.docx".to_owned(),
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
            size_bytes: 5,
            version: 1,
            busy: false,
            open: false,
            lock: None,
            in_trash: false,
            may_copy: None,
            may_move: None,
            may_comment: None,
            may_rename: None,
            may_delete: None,
            may_lock: None,
            may_share: None,
            people: Vec::new(),
            comment: String::new(),
            web_url: None,
        }
    }
}

/// The members of the portal's file object that are used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileDto {
    id: FileId,
    folder_id: FolderId,
    title: String,
    #[serde(default, deserialize_with = "wire::optional_time")]
    created: Option<Timestamp>,
    #[serde(default, deserialize_with = "wire::optional_time")]
    updated: Option<Timestamp>,
    /// Absent when it is 0. `contentLength` is formatted text.
    #[serde(default)]
    pure_content_length: u64,
    #[serde(default)]
    version: u64,
    #[serde(default)]
    file_status: i64,
    #[serde(default)]
    locked: bool,
    locked_by: Option<String>,
    root_folder_type: Option<FolderType>,
    security: Option<FileRights>,
    can_share: Option<bool>,
    created_by: Option<Person>,
    updated_by: Option<Person>,
    web_url: Option<String>,
    #[serde(default)]
    comment: String,
}

/// What the key's user may do with a file.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FileRights {
    copy: Option<bool>,
    r#move: Option<bool>,
    edit_history: Option<bool>,
    rename: Option<bool>,
    delete: Option<bool>,
    lock: Option<bool>,
}

impl From<FileDto> for FileInfo {
    fn from(dto: FileDto) -> Self {
        let rights = dto.security.unwrap_or_default();
        let holder = match dto.locked_by {
            Some(_) => LockHolder::Other,
            None => LockHolder::Own,
        };
        let open = dto.file_status & BEING_EDITED != 0;
        let created = dto.created.or(dto.updated).unwrap_or(Timestamp::UNIX_EPOCH);
        Self {
            id: dto.id,
            folder: dto.folder_id,
            title: dto.title,
            created,
            updated: dto.updated.unwrap_or(created),
            size_bytes: dto.pure_content_length,
            version: dto.version,
            busy: dto.locked || open,
            open,
            lock: dto.locked.then_some(holder),
            in_trash: dto.root_folder_type == Some(FolderType::Trash),
            may_copy: rights.copy,
            may_move: rights.r#move,
            may_comment: rights.edit_history,
            may_rename: rights.rename,
            may_delete: rights.delete,
            may_lock: rights.lock,
            may_share: dto.can_share,
            people: dto.created_by.into_iter().chain(dto.updated_by).collect(),
            comment: dto.comment,
            web_url: dto.web_url,
        }
    }
}
