//! Reads of files, folders, rooms and people (docs/DOCSPACE.md 5 and 6).

use jiff::Timestamp;
use reqwest::Method;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use crate::event::parse_time;
use crate::ids::{FileId, FolderId};

use super::{ApiResponse, Client, Error, path_segment};

/// `fileStatus` flag of a file that is open in an editor (docs/DOCSPACE.md 5.2).
const BEING_EDITED: i64 = 1;

/// `roomType` of a room for filling in forms (docs/DOCSPACE.md 5.3).
const FORM_FILLING: i64 = 1;

/// `parentRoomType` of what lies in such a room.
const FORM_FILLING_FOLDER: i64 = 15;

/// Entries per page; the portal refuses more (docs/DOCSPACE.md 5.3).
pub(super) const PAGE: u64 = 100;

/// Characters of a comment that the portal keeps (`FileDao.UpdateCommentAsync`).
pub const LONGEST_COMMENT: usize = 255;

/// A file, as the portal describes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "FileDto")]
pub struct FileInfo {
    /// Its id.
    pub id: FileId,
    /// The folder it lies in.
    pub folder: FolderId,
    /// Its title.
    pub title: String,
    /// When it was made, whole seconds.
    pub created: Timestamp,
    /// When its content last changed, whole seconds.
    pub updated: Timestamp,
    /// The size of its content.
    pub size_bytes: u64,
    /// Its version, from 1.
    pub version: u64,
    /// It is open in an editor or locked; then it cannot be moved just now (docs/DOCSPACE.md 4.3).
    pub busy: bool,
    /// Whether this key's user may copy it, where the portal says so.
    pub may_copy: Option<bool>,
    /// Whether this key's user may move it, where the portal says so.
    pub may_move: Option<bool>,
    /// Who made it, and who last changed it.
    pub people: Vec<Person>,
    /// The comment of its newest version.
    pub comment: String,
    /// The address of the editor for it.
    pub web_url: Option<String>,
}

/// A folder, as the portal describes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FolderInfo {
    /// Its id.
    pub id: FolderId,
    /// Its title.
    #[serde(default)]
    pub title: String,
    /// What kind of room it is, when it is one.
    pub room_type: Option<i64>,
    /// What kind of folder the room it lies in is, as a number of another series (docs/DOCSPACE.md 5.2).
    pub parent_room_type: Option<i64>,
    /// The top-most folder above it: for everything in rooms, the Rooms section (docs/DOCSPACE.md 2.2).
    pub root_folder_id: Option<FolderId>,
    /// The kind of that folder, such as 14 for Rooms.
    pub root_folder_type: Option<i64>,
    /// How many folders lie directly in it.
    pub folders_count: Option<u64>,
    /// Whether this key's user is a member of it, when it is a room and the portal says so.
    pub in_room: Option<bool>,
    /// The access level of this key's user (docs/DOCSPACE.md 2.1).
    pub access: Option<i64>,
    /// What this key's user may do with it, where the portal says so.
    pub security: Option<FolderRights>,
}

impl FolderInfo {
    /// The kind of room in a word or two; `None` when it is no room (docs/DOCSPACE.md 5.3).
    pub fn room_kind(&self) -> Option<&'static str> {
        Some(match self.room_type? {
            FORM_FILLING => "form filling",
            2 => "collaboration",
            5 => "custom",
            6 => "public",
            8 => "data room",
            9 => "AI",
            _ => "other",
        })
    }

    /// Whether it is a form-filling room or lies in one: nothing but PDF forms is taken there.
    pub fn takes_only_forms(&self) -> bool {
        self.room_type == Some(FORM_FILLING) || self.parent_room_type == Some(FORM_FILLING_FOLDER)
    }

    /// Whether it has nothing above it, as the Rooms section.
    pub fn is_section(&self) -> bool {
        self.root_folder_id.as_ref() == Some(&self.id)
    }
}

/// What the key's user may do with a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FolderRights {
    /// Make something in it.
    pub create: Option<bool>,
    /// Copy something into it.
    pub copy_to: Option<bool>,
    /// Move something into it.
    pub move_to: Option<bool>,
}

/// An API key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyInfo {
    /// The name it was given.
    #[serde(default)]
    pub name: String,
    /// Its scopes; an empty list is full access (docs/DOCSPACE.md 6).
    #[serde(default)]
    pub permissions: Vec<String>,
    /// When it ends.
    #[serde(default, deserialize_with = "time")]
    pub expires_at: Option<Timestamp>,
}

/// A page of a folder's content.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FolderPage {
    /// The files on it.
    #[serde(default)]
    pub files: Vec<FileInfo>,
    /// The folders on it.
    #[serde(default)]
    pub folders: Vec<FolderInfo>,
    /// How many entries the folder has, where the portal says so.
    pub total: Option<u64>,
}

impl FolderPage {
    /// How many entries are on it.
    pub fn len(&self) -> u64 {
        (self.files.len() + self.folders.len()) as u64
    }

    /// Whether nothing is on it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is the last one, when it began at this entry.
    pub fn is_last(&self, start: u64) -> bool {
        match self.total {
            Some(total) => self.is_empty() || start + self.len() >= total,
            None => self.len() < PAGE,
        }
    }
}

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// The account's id, comparable with `event.createBy`.
    pub id: String,
    /// The name shown to others.
    #[serde(default)]
    pub display_name: String,
}

impl Client {
    /// The account the key acts as. Needs a valid key, so it is also the probe of one (docs/DOCSPACE.md 6).
    pub async fn current_user(&self) -> Result<Person, Error> {
        Ok(self.get("people/@self").await?.response)
    }

    /// The key itself. Needs no scope, but a key: a personal access token is not known here.
    pub async fn key(&self) -> Result<KeyInfo, Error> {
        Ok(self.get("keys/@self").await?.response)
    }

    /// A folder or room as it is now.
    pub async fn folder(&self, folder: &FolderId) -> Result<FolderInfo, Error> {
        let path = format!("files/folder/{}", path_segment(folder.as_str()));
        Ok(self.get(&path).await?.response)
    }

    /// A file as it is now.
    pub async fn file(&self, file: &FileId) -> Result<FileInfo, Error> {
        let path = format!("files/file/{}", path_segment(file.as_str()));
        Ok(self.get(&path).await?.response)
    }

    /// Sets the comment of one version of a file; a longer one is cut to [`LONGEST_COMMENT`] characters.
    ///
    /// `PUT files/file/{id}/comment` with the version and the comment (DocSpace-server
    /// `products/ASC.Files/Server/Api/FilesController.cs`, `UpdateFileComment`). It needs the right
    /// `EditHistory`, is refused while somebody else has the file locked, changes no time of change, and
    /// raises `file.updated` (`products/ASC.Files/Core/Core/FileStorageService.cs` and
    /// `products/ASC.Files/Core/Core/Dao/TeamlabDao/FileDao.cs`, `UpdateCommentAsync`).
    pub async fn comment(&self, file: &FileId, version: u64, comment: &str) -> Result<(), Error> {
        let path = format!("files/file/{}/comment", path_segment(file.as_str()));
        let request = CommentRequest { version, comment };
        let answer: ApiResponse<IgnoredAny> = self.send(Method::PUT, &path, Some(&request)).await?;
        let IgnoredAny = answer.response;
        Ok(())
    }

    /// The folders from the top-most one down to this one; the room is among them (docs/DOCSPACE.md 5.3).
    pub async fn folder_path(&self, folder: &FolderId) -> Result<Vec<FolderInfo>, Error> {
        let path = format!("files/folder/{}/path", path_segment(folder.as_str()));
        Ok(self.get(&path).await?.response)
    }

    /// A page of what lies directly in a folder, last changed first, from this entry on.
    pub async fn folder_page(&self, folder: &FolderId, start: u64) -> Result<FolderPage, Error> {
        let path = format!(
            "files/{}?sortBy=DateAndTime&sortOrder=descending&count={PAGE}&startIndex={start}",
            path_segment(folder.as_str())
        );
        Ok(self.get(&path).await?.response)
    }

    /// A page of the rooms this key can see, from this one on.
    pub async fn rooms_page(&self, start: u64) -> Result<FolderPage, Error> {
        let path = format!("files/rooms?count={PAGE}&startIndex={start}");
        Ok(self.get(&path).await?.response)
    }
}

/// The address at which a person opens a folder or room of this portal.
pub fn folder_address(host: &str, folder: &str) -> String {
    format!("{host}/rooms/shared/filter?folder={}", path_segment(folder))
}

#[derive(Serialize)]
struct CommentRequest<'a> {
    version: u64,
    comment: &'a str,
}

/// The address at which a person opens a file of this portal.
pub fn editor_address(host: &str, file: &FileId) -> String {
    format!("{host}/doceditor?fileid={}", path_segment(file.as_str()))
}

/// The parts of the portal's file object that are used (docs/DOCSPACE.md 5.2).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileDto {
    id: FileId,
    folder_id: FolderId,
    title: String,
    #[serde(default, deserialize_with = "time")]
    created: Option<Timestamp>,
    #[serde(default, deserialize_with = "time")]
    updated: Option<Timestamp>,
    /// The formatted `contentLength` is of no use; this one is absent when it is 0.
    #[serde(default)]
    pure_content_length: u64,
    #[serde(default)]
    version: u64,
    #[serde(default)]
    file_status: i64,
    #[serde(default)]
    locked: bool,
    security: Option<Rights>,
    created_by: Option<Person>,
    updated_by: Option<Person>,
    web_url: Option<String>,
    #[serde(default)]
    comment: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rights {
    copy: Option<bool>,
    r#move: Option<bool>,
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?
        .as_deref()
        .and_then(parse_time))
}

impl From<FileDto> for FileInfo {
    fn from(dto: FileDto) -> Self {
        let created = dto.created.or(dto.updated).unwrap_or(Timestamp::UNIX_EPOCH);
        Self {
            id: dto.id,
            folder: dto.folder_id,
            title: dto.title,
            created,
            updated: dto.updated.unwrap_or(created),
            size_bytes: dto.pure_content_length,
            version: dto.version,
            busy: dto.locked || dto.file_status & BEING_EDITED != 0,
            may_copy: dto.security.as_ref().and_then(|rights| rights.copy),
            may_move: dto.security.as_ref().and_then(|rights| rights.r#move),
            people: dto.created_by.into_iter().chain(dto.updated_by).collect(),
            comment: dto.comment,
            web_url: dto.web_url,
        }
    }
}
