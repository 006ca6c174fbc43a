//! The objects in responses of the API, with the keys of recorded ones (docs/DOCSPACE.md 5).

mod rights;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::{Value, json};

use super::event::{FILE_ENTRY, FOLDER_ENTRY, ROOMS};
use super::ids::{FileId, FolderId};
use super::storage::{Activity, File, Folder, RoomKind, Storage, split_extension};
use super::triggers;
use super::user::User;
use super::webhook::Webhook;
use super::webhooks::{Row, Webhooks};

/// The portal's offset from UTC, in which most responses state times.
const PORTAL_OFFSET: Offset = Offset::constant(2);

/// The `access` of a room manager, which the service account is by default.
const ROOM_MANAGER: u8 = 9;

/// The `access` to a room of which the service account is not a member.
const NO_ACCESS: u8 = 0;

/// A time as most responses state it.
pub(super) fn date(time: Timestamp) -> String {
    PORTAL_OFFSET
        .to_datetime(time)
        .strftime("%Y-%m-%dT%H:%M:%S.0000000+02:00")
        .to_string()
}

/// A time as the webhook settings state it.
fn settings_date(time: Timestamp) -> String {
    time.to_string().replace('Z', "+00:00")
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
            "canShare": true,
            "shareSettings": { "PrimaryExternalLink": 1 },
            "security": rights::of_file(self.storage.is_file_read_only(file)),
            "title": file.title,
            "created": date(file.created),
            "createdBy": self.user(file.created_by),
            "updated": date(file.updated),
            "updatedBy": self.user(file.updated_by),
        });
        let mut file_json = self.with_entry_fields(own, Some(&file.folder));
        if !file.content.is_empty() {
            file_json["pureContentLength"] = file.content.len().into();
        }
        if file.locked {
            file_json["locked"] = true.into();
        }
        file_json
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
            "canShare": folder.room.is_some(),
            "security": rights::of_folder(self.storage.is_read_only(folder)),
            "title": folder.title,
            "created": date(folder.created),
            "createdBy": self.user(folder.created_by),
            "updated": date(folder.updated),
            "updatedBy": self.user(folder.created_by),
        });
        let mut folder_json = self.with_entry_fields(own, folder.parent.as_ref());
        if let Some(room) = folder.room {
            folder_json["tags"] = json!([]);
            folder_json["logo"] = json!({
                "original": "", "large": "", "medium": "", "small": "", "color": "FF6680",
            });
            folder_json["roomType"] = room_type(room).into();
            folder_json["inRoom"] = folder.service_is_member.into();
            if !folder.service_is_member {
                folder_json["access"] = NO_ACCESS.into();
            }
        }
        folder_json
    }

    /// Adds the members that files and folders have in common.
    fn with_entry_fields(&self, mut entry: Value, parent: Option<&FolderId>) -> Value {
        let section =
            parent.and_then(|parent| self.storage.path(parent).first().map(|root| &root.id));
        entry["rootFolderId"] = section.map_or_else(|| entry["id"].clone(), |id| json!(id));
        entry["rootFolderType"] = ROOMS.into();
        entry["access"] = ROOM_MANAGER.into();
        entry["availableShareRights"] = json!({});
        entry["shortWebUrl"] = "".into();
        for flag in ["shared", "sharedForUser", "sharedExternal", "parentShared"] {
            entry[flag] = false.into();
        }
        let room = parent.and_then(|parent| self.storage.room_of(parent));
        if let Some(kind) = room.and_then(|room| room.room) {
            entry["parentRoomType"] = folder_type(kind).into();
        }
        entry
    }

    /// One element of `pathParts`.
    pub(super) fn path_part(folder: &Folder) -> Value {
        let mut part = json!({ "id": folder.id, "title": folder.title, "folderType": 0 });
        if folder.parent.is_none() {
            part["folderType"] = ROOMS.into();
        }
        if let Some(room) = folder.room {
            part["folderType"] = folder_type(room).into();
            part["roomType"] = room_type(room).into();
        }
        part
    }

    /// A user object.
    pub(super) fn user(&self, user: User) -> Value {
        let (first, last) = user.name();
        let picture =
            |pixels: u8| format!("/static/images/default_user_photo_size_{pixels}-{pixels}.png");
        json!({
            "id": user.id(),
            "displayName": format!("{first} {last}"),
            "avatar": picture(48),
            "avatarOriginal": picture(200),
            "avatarMax": picture(200),
            "avatarMedium": picture(48),
            "avatarSmall": picture(32),
            "profileUrl": format!("{}/accounts/people/filter?search={}", self.base_url, user.user_name()),
            "hasAvatar": false,
            "isAnonim": false,
        })
    }

    /// The full profile of a user, as `people/@self` returns it.
    pub(super) fn profile(&self, user: User, registered: Timestamp) -> Value {
        let (first, last) = user.name();
        let user_name = user.user_name();
        let mut profile = self.user(user);
        let own = json!({
            "firstName": first,
            "lastName": last,
            "userName": user_name,
            "email": format!("{user_name}@sandbox.example.test"),
            "status": 1,
            "activationStatus": 1,
            "department": "",
            "isAdmin": user == User::Service && self.storage.is_service_administrator(),
            "isRoomAdmin": true,
            "isLDAP": false,
            "listAdminModules": [],
            "isOwner": user == User::Owner,
            "isVisitor": false,
            "isCollaborator": false,
            "mobilePhoneActivationStatus": 0,
            "isSSO": false,
            "registrationDate": date(registered),
        });
        if let (Value::Object(profile), Value::Object(own)) = (&mut profile, own) {
            profile.extend(own);
        }
        profile
    }

    /// An entry of a file's activity log, with those folded into it.
    pub(super) fn activity(&self, file: &File, activity: &Activity, related: &[Value]) -> Value {
        let (number, key) = activity.action.id_and_key();
        let mut data = json!({ "id": file.id, "title": file.title, "parentId": file.folder });
        if let Some([old, new]) = &activity.titles {
            data = json!({ "id": file.id, "oldTitle": old, "newTitle": new });
        }
        json!({
            "id": activity.at.as_second(),
            "action": { "id": number, "key": key },
            "initiator": self.user(activity.by),
            "date": date(activity.at),
            "data": data,
            "related": related,
        })
    }

    /// A webhook's configuration, which does not include the secret.
    pub(super) fn webhook(&self, webhook: &Webhook) -> Value {
        let mut config = json!({
            "id": webhook.id,
            "name": webhook.config.name,
            "uri": webhook.config.url,
            "enabled": webhook.config.enabled,
            "ssl": webhook.config.ssl,
            "triggers": webhook.config.triggers,
            "targetId": webhook.config.target.clone().unwrap_or_default(),
            "createdBy": self.user(User::Service),
            "createdOn": settings_date(webhook.created),
        });
        if let Some(modified) = webhook.modified {
            config["modifiedBy"] = self.user(User::Service);
            config["modifiedOn"] = settings_date(modified).into();
        }
        if let Some((on, content)) = &webhook.last_failure {
            config["lastFailureOn"] = settings_date(*on).into();
            config["lastFailureContent"] = content.as_str().into();
        }
        if let Some(success) = webhook.last_success {
            config["lastSuccessOn"] = settings_date(success).into();
        }
        config
    }
}

/// A time of the delivery log, which the portal takes for a local time although it is in UTC.
fn log_date(time: Timestamp, zone: &TimeZone) -> String {
    let local = TimeZone::UTC.to_datetime(time);
    let taken = zone.to_ambiguous_timestamp(local).compatible();
    taken.unwrap_or(time).to_string()
}

/// A row of the delivery log. Its times are wrong by the portal's offset from UTC, as with its default database.
pub(super) fn log_row(row: &Row, webhooks: &Webhooks, zone: &TimeZone) -> Value {
    let mut object = json!({
        "id": row.id,
        "trigger": triggers::bit(row.event.trigger),
        "creationTime": log_date(row.created, zone),
        "requestPayload": row.body,
        "status": row.status,
    });
    if let Some(webhook) = webhooks.get(row.webhook) {
        object["configName"] = webhook.config.name.as_str().into();
    }
    let texts = [
        ("requestHeaders", &row.request_headers),
        ("responseHeaders", &row.response_headers),
        ("responsePayload", &row.response),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            object[key] = text.as_str().into();
        }
    }
    if let Some(delivered) = row.delivered {
        object["delivery"] = log_date(delivered, zone).into();
    }
    object
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

/// DocSpace's number for a kind of room, in `roomType`.
fn room_type(kind: RoomKind) -> u8 {
    match kind {
        RoomKind::FormFilling => 1,
        RoomKind::Collaboration => 2,
        RoomKind::Custom => 5,
        RoomKind::Public => 6,
        RoomKind::Data => 8,
    }
}

/// The kind of room with this number or name, both of which .NET accepts.
pub(super) fn room_kind(type_: &Value) -> Option<RoomKind> {
    let text = type_
        .as_str()
        .map_or_else(|| type_.to_string(), str::to_lowercase);
    match text.as_str() {
        "1" | "fillingformsroom" => Some(RoomKind::FormFilling),
        "2" | "editingroom" => Some(RoomKind::Collaboration),
        "5" | "customroom" => Some(RoomKind::Custom),
        "6" | "publicroom" => Some(RoomKind::Public),
        "8" | "virtualdataroom" => Some(RoomKind::Data),
        _ => None,
    }
}

/// DocSpace's number for a kind of room, in `parentRoomType` and `folderType`.
fn folder_type(kind: RoomKind) -> u8 {
    match kind {
        RoomKind::FormFilling => 15,
        RoomKind::Collaboration => 16,
        RoomKind::Custom => 19,
        RoomKind::Public => 22,
        RoomKind::Data => 29,
    }
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
