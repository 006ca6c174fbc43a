//! The objects in responses of the API, with the keys of recorded ones (docs/DOCSPACE.md 5).

mod people;
mod rights;
mod sharing;
pub(crate) mod webhooks;

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::event::{FILE_ENTRY, FOLDER_ENTRY, section_number};
use super::ids::{FileId, FolderId};
use super::level::AccessLevel;
use super::storage::{Activity, File, Folder, Section, Storage, split_extension};
use super::user::User;

/// The portal's offset from UTC, in which most responses state times.
const PORTAL_OFFSET: Offset = Offset::constant(2);

/// How long a file stays in the trash.
const TRASH_RETENTION: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A time as most responses state it.
pub(super) fn date(time: Timestamp) -> String {
    PORTAL_OFFSET
        .to_datetime(time)
        .strftime("%Y-%m-%dT%H:%M:%S.0000000+02:00")
        .to_string()
}

/// The level in `access`, which does not show an owner's.
fn shown_level(level: AccessLevel) -> u8 {
    match level {
        AccessLevel::Full => AccessLevel::None.number(),
        level => level.number(),
    }
}

/// Renders the state as JSON, with links that start with `base_url`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Renderer<'a> {
    pub(super) storage: &'a Storage,
    pub(super) base_url: &'a str,
}

impl Renderer<'_> {
    /// The files that exist.
    pub(super) fn files(&self, ids: &[FileId]) -> Vec<Value> {
        let existing = ids.iter().filter_map(|id| self.storage.file(id));
        existing.map(|file| self.file(file)).collect()
    }

    /// The folders that exist.
    pub(super) fn folders(&self, ids: &[FolderId]) -> Vec<Value> {
        let existing = ids.iter().filter_map(|id| self.storage.folder(id));
        existing.map(|folder| self.folder(folder)).collect()
    }

    /// A file object.
    pub(super) fn file(&self, file: &File) -> Value {
        let (_, extension) = split_extension(&file.title);
        let base = self.base_url;
        let own = json!({
            "folderId": file.folder,
            "version": file.version,
            "versionGroup": 1,
            "contentLength": size_text(file.content.len()),
            "fileStatus": u8::from(file.in_editor),
            "mute": false,
            "viewUrl": format!("{base}/filehandler.ashx?action=download&fileid={}", file.id),
            "webUrl": format!("{base}/doceditor?fileid={}", file.id),
            "fileType": file_type(extension),
            "fileExst": extension,
            "comment": file.comment,
            "thumbnailStatus": 0,
            "formFillingStatus": 0,
            "isForm": false,
            "viewAccessibility": view_accessibility(),
            "fileEntryType": FILE_ENTRY,
            "id": file.id,
            "canShare": self.storage.may_manage_file(file),
            "shareSettings": { "PrimaryExternalLink": 1 },
            "security": rights::of_file(self.storage, file),
            "title": file.title,
            "created": date(file.created),
            "createdBy": self.user(file.created_by),
            "updated": date(file.updated),
            "updatedBy": self.user(file.updated_by),
        });
        let mut file_json = self.with_entry_fields(own, &file.folder, Some(&file.folder));
        if !file.content.is_empty() {
            file_json["pureContentLength"] = file.content.len().into();
        }
        if let Some(holder) = file.locked_by {
            file_json["locked"] = true.into();
            if holder != User::Service {
                file_json["lockedBy"] = holder.display_name().into();
            }
        }
        if self.storage.section_of(&file.folder) == Some(Section::Trash) {
            file_json["autoDelete"] = date(file.updated + TRASH_RETENTION).into();
        }
        file_json
    }

    /// A file object with the room and the folder that contain the file, which only some responses have (docs/DOCSPACE.md
    /// 5.2).
    pub(super) fn file_with_origin(&self, file: &File) -> Value {
        let mut object = self.file(file);
        let path = self.storage.path(&file.folder);
        let room = path.iter().find(|folder| folder.is_room());
        if let Some(room) = room {
            object["originRoomId"] = json!(room.id);
            object["originRoomTitle"] = room.title.as_str().into();
        }
        let is_archived = self.storage.section_of(&file.folder) == Some(Section::Archive);
        let origin = match path.last() {
            Some(folder) if !folder.is_room() => Some(folder),
            // Directly in an archived room, it is the Archive.
            Some(_) if is_archived => path.first(),
            _ => None,
        };
        if let Some(origin) = origin {
            object["originId"] = json!(origin.id);
            object["originTitle"] = origin.title.as_str().into();
        }
        object
    }

    /// A folder object; rooms have additional members.
    pub(super) fn folder(&self, folder: &Folder) -> Value {
        let own = json!({
            "parentId": folder.parent.as_ref().map_or(json!(0), |parent| json!(parent)),
            "filesCount": self.storage.files_in(&folder.id).count(),
            "foldersCount": self.storage.folders_in(&folder.id).count(),
            "new": 0,
            "mute": false,
            "pinned": false,
            "private": false,
            "indexing": false,
            "denyDownload": false,
            "fileEntryType": FOLDER_ENTRY,
            "id": folder.id,
            "canShare": folder.is_room(),
            "security": rights::of_folder(self.storage, folder),
            "title": folder.title,
            "created": date(folder.created),
            "createdBy": self.user(folder.created_by),
            "updated": date(folder.updated),
            "updatedBy": self.user(folder.created_by),
        });
        let mut folder_json = self.with_entry_fields(own, &folder.id, folder.parent.as_ref());
        if let Some(room) = folder.room() {
            let level = self.storage.room_access(folder);
            folder_json["tags"] = json!(room.tags);
            folder_json["pinned"] = room.pinned.into();
            folder_json["logo"] = json!({
                "original": "", "large": "", "medium": "", "small": "", "color": room.color,
            });
            folder_json["roomType"] = room.kind.room_type().into();
            folder_json["inRoom"] = (level != AccessLevel::None).into();
            folder_json["access"] = shown_level(level).into();
        }
        folder_json
    }

    /// Adds the members that files and folders have in common. A file is within its parent, a folder within itself.
    fn with_entry_fields(
        &self,
        mut entry: Value,
        within: &FolderId,
        parent: Option<&FolderId>,
    ) -> Value {
        let section = self.storage.path(within).into_iter().next();
        entry["rootFolderId"] =
            section.map_or_else(|| entry["id"].clone(), |section| json!(section.id));
        entry["rootFolderType"] = section
            .map_or(Section::Rooms.number(), section_number)
            .into();
        let level = parent.map_or(AccessLevel::None, |parent| self.storage.access(parent));
        entry["access"] = shown_level(level).into();
        entry["availableShareRights"] = json!({});
        entry["shortWebUrl"] = "".into();
        for flag in ["shared", "sharedForUser", "sharedExternal", "parentShared"] {
            entry[flag] = false.into();
        }
        let room = parent.and_then(|parent| self.storage.room_of(parent));
        if let Some(kind) = room.and_then(Folder::room_kind) {
            entry["parentRoomType"] = kind.folder_type().into();
        }
        entry
    }

    /// One element of `pathParts`.
    pub(super) fn path_part(folder: &Folder) -> Value {
        let mut part = json!({ "id": folder.id, "title": folder.title, "folderType": 0 });
        if let Some(section) = folder.section() {
            part["folderType"] = section.number().into();
        }
        if let Some(kind) = folder.room_kind() {
            part["folderType"] = kind.folder_type().into();
            part["roomType"] = kind.room_type().into();
        }
        part
    }

    /// An entry of an activity log, with those folded into it.
    pub(super) fn activity(&self, activity: &Activity, related: &[Value]) -> Value {
        let (number, key) = activity.action.id_and_key();
        json!({
            "id": activity.at.as_second(),
            "action": { "id": number, "key": key },
            "initiator": self.user(activity.by),
            "date": date(activity.at),
            "data": activity.data,
            "related": related,
        })
    }
}

fn view_accessibility() -> Value {
    json!({
        "ImageView": false,
        "MediaView": false,
        "WebView": true,
        "WebEdit": true,
        "WebReview": false,
        "WebCustomFilterEditing": false,
        "WebRestrictedEditing": true,
        "WebComment": false,
        "CanConvert": true,
        "MustConvert": false,
    })
}

/// DocSpace's number for a kind of file, from the title.
pub(super) fn file_type_of(title: &str) -> u8 {
    file_type(split_extension(title).1)
}

/// DocSpace's number for a kind of file, from the extension.
fn file_type(extension: &str) -> u8 {
    match extension.to_lowercase().as_str() {
        ".zip" | ".rar" | ".7z" | ".gz" => 1,
        ".mp4" | ".avi" | ".mov" => 2,
        ".mp3" | ".wav" => 3,
        ".jpg" | ".jpeg" | ".png" | ".gif" | ".bmp" | ".svg" => 4,
        ".xlsx" | ".xls" | ".ods" | ".csv" => 5,
        ".pptx" | ".ppt" | ".odp" => 6,
        ".docx" | ".doc" | ".odt" | ".txt" | ".rtf" => 7,
        ".pdf" => 10,
        _ => 0,
    }
}

/// A number of bytes for people, such as `47.08 KB`.
#[expect(
    clippy::cast_precision_loss,
    reason = "two decimals of a size in memory"
)]
pub(super) fn size_text(bytes: usize) -> String {
    const UNITS: [&str; 3] = ["KB", "MB", "GB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    let rounded = (size * 100.0).round() / 100.0;
    format!("{rounded} {}", UNITS[unit])
}
