//! The objects of the portal's REST answers, with the keys of the recorded ones (docs/DOCSPACE.md 5).

use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::{Map, Value, json};

use super::body::{FILE_ENTRY, FOLDER_ENTRY, ROOMS};
use super::triggers;
use super::webhooks::{Row, Webhook, Webhooks};
use super::world::{File, Folder, Person, RoomKind, World, split_extension};
use crate::ids::{FileId, FolderId};

/// The portal's offset from UTC: dates in REST answers carry it.
const PORTAL_OFFSET: Offset = Offset::constant(2);

/// The service account's access level to everything, room manager.
const ROOM_MANAGER: u8 = 9;

/// Its access level to a room it is no member of.
const NO_ACCESS: u8 = 0;

/// Rights over a file that a room manager has, and those nobody has for an ordinary file.
const FILE_RIGHTS: [&str; 17] = [
    "Read",
    "Comment",
    "Review",
    "Edit",
    "Delete",
    "CustomFilter",
    "Rename",
    "ReadHistory",
    "Lock",
    "EditHistory",
    "Copy",
    "Move",
    "Duplicate",
    "Download",
    "Convert",
    "CopyLink",
    "AskAi",
];
const NO_FILE_RIGHTS: [&str; 10] = [
    "FillForms",
    "SubmitToFormGallery",
    "CreateRoomFrom",
    "Embed",
    "StartFilling",
    "FillingStatus",
    "ResetFilling",
    "StopFilling",
    "OpenForm",
    "Vectorization",
];

/// Rights that a file loses when it may only be read.
const WITHHELD_FILE_RIGHTS: [&str; 4] = ["Copy", "Move", "Duplicate", "Download"];

/// Rights over a folder that a room manager has, and those that the sandbox never grants.
const FOLDER_RIGHTS: [&str; 17] = [
    "Read",
    "Create",
    "Delete",
    "EditRoom",
    "Rename",
    "CopyTo",
    "MoveTo",
    "Copy",
    "Move",
    "Pin",
    "Mute",
    "EditAccess",
    "Duplicate",
    "Download",
    "CopySharedLink",
    "CopyLink",
    "ChangeOwner",
];
const NO_FOLDER_RIGHTS: [&str; 5] = [
    "Reconnect",
    "CreateRoomFrom",
    "Embed",
    "IndexExport",
    "UseChat",
];

/// Rights that a folder loses when nothing may be put into it.
const WITHHELD_FOLDER_RIGHTS: [&str; 3] = ["Create", "CopyTo", "MoveTo"];

/// A time as REST answers write it.
pub(super) fn date(time: Timestamp) -> String {
    PORTAL_OFFSET
        .to_datetime(time)
        .strftime("%Y-%m-%dT%H:%M:%S.0000000+02:00")
        .to_string()
}

/// A time as the webhook settings write it.
fn settings_date(time: Timestamp) -> String {
    time.to_string().replace('Z', "+00:00")
}

/// Shows the world under the address the portal is reached at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a> {
    pub(super) world: &'a World,
    pub(super) base: &'a str,
}

impl Shown<'_> {
    /// Those of the files that exist.
    pub(super) fn files(&self, ids: &[FileId]) -> Vec<Value> {
        let existing = ids.iter().filter_map(|id| self.world.file(id));
        existing.map(|file| self.file(file)).collect()
    }

    /// Those of the folders that exist.
    pub(super) fn folders(&self, ids: &[FolderId]) -> Vec<Value> {
        let existing = ids.iter().filter_map(|id| self.world.folder(id));
        existing.map(|folder| self.folder(folder)).collect()
    }

    /// A file object.
    pub(super) fn file(&self, file: &File) -> Value {
        let (_, extension) = split_extension(&file.title);
        let base = self.base;
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
            "security": file_security(file.forbidden || self.world.is_without_us(&file.folder)),
            "title": file.title,
            "created": date(file.created),
            "createdBy": self.person(file.created_by),
            "updated": date(file.updated),
            "updatedBy": self.person(file.updated_by),
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

    /// A folder object; rooms have a few members more.
    pub(super) fn folder(&self, folder: &Folder) -> Value {
        let own = json!({
            "parentId": folder.parent.as_ref().map_or(json!(0), |parent| json!(parent)),
            "filesCount": self.world.files_in(&folder.id).count(),
            "foldersCount": self.world.folders_in(&folder.id).count(),
            "new": 0,
            "mute": false,
            "pinned": false,
            "private": false,
            "indexing": false,
            "denyDownload": false,
            "fileEntryType": FOLDER_ENTRY,
            "id": folder.id,
            "canShare": folder.room.is_some(),
            "security": folder_security(folder.forbidden || self.world.is_without_us(&folder.id)),
            "title": folder.title,
            "created": date(folder.created),
            "createdBy": self.person(folder.created_by),
            "updated": date(folder.updated),
            "updatedBy": self.person(folder.created_by),
        });
        let mut folder_json = self.with_entry_fields(own, folder.parent.as_ref());
        if let Some(room) = folder.room {
            folder_json["tags"] = json!([]);
            folder_json["logo"] = json!({
                "original": "", "large": "", "medium": "", "small": "", "color": "FF6680",
            });
            folder_json["roomType"] = room_type(room).into();
            folder_json["inRoom"] = (!folder.without_us).into();
            if folder.without_us {
                folder_json["access"] = NO_ACCESS.into();
            }
        }
        folder_json
    }

    /// Adds what files and folders have in common.
    fn with_entry_fields(&self, mut entry: Value, parent: Option<&FolderId>) -> Value {
        let section =
            parent.and_then(|parent| self.world.path(parent).first().map(|root| &root.id));
        entry["rootFolderId"] = section.map_or_else(|| entry["id"].clone(), |id| json!(id));
        entry["rootFolderType"] = ROOMS.into();
        entry["access"] = ROOM_MANAGER.into();
        entry["availableShareRights"] = json!({});
        entry["shortWebUrl"] = "".into();
        for flag in ["shared", "sharedForUser", "sharedExternal", "parentShared"] {
            entry[flag] = false.into();
        }
        let room = parent.and_then(|parent| self.world.room_of(parent));
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

    /// A person object.
    pub(super) fn person(&self, person: Person) -> Value {
        let (first, last) = person.name();
        let picture =
            |pixels: u8| format!("/static/images/default_user_photo_size_{pixels}-{pixels}.png");
        json!({
            "id": person.id(),
            "displayName": format!("{first} {last}"),
            "avatar": picture(48),
            "avatarOriginal": picture(200),
            "avatarMax": picture(200),
            "avatarMedium": picture(48),
            "avatarSmall": picture(32),
            "profileUrl": format!("{}/accounts/people/filter?search={}", self.base, user_name(person)),
            "hasAvatar": false,
            "isAnonim": false,
        })
    }

    /// The full profile of a person, as `people/@self` shows it.
    pub(super) fn profile(&self, person: Person, registered: Timestamp) -> Value {
        let (first, last) = person.name();
        let user = user_name(person);
        let own = json!({
            "firstName": first,
            "lastName": last,
            "userName": user,
            "email": format!("{user}@sandbox.example.test"),
            "status": 1,
            "activationStatus": 1,
            "department": "",
            "isAdmin": false,
            "isRoomAdmin": true,
            "isLDAP": false,
            "listAdminModules": [],
            "isOwner": person == Person::Owner,
            "isVisitor": false,
            "isCollaborator": false,
            "mobilePhoneActivationStatus": 0,
            "isSSO": false,
            "registrationDate": date(registered),
        });
        merged(self.person(person), own)
    }

    /// A webhook's configuration; the secret is never part of it.
    pub(super) fn webhook(&self, webhook: &Webhook) -> Value {
        let mut config = json!({
            "id": webhook.id,
            "name": webhook.name,
            "uri": webhook.url,
            "enabled": webhook.enabled,
            "ssl": webhook.ssl,
            "triggers": webhook.triggers,
            "targetId": webhook.target.clone().unwrap_or_default(),
            "createdBy": self.person(Person::Service),
            "createdOn": settings_date(webhook.created),
        });
        if let Some(modified) = webhook.modified {
            config["modifiedBy"] = self.person(Person::Service);
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

/// A row of the delivery log.
pub(super) fn log_row(row: &Row, webhooks: &Webhooks) -> Value {
    let mut shown = json!({
        "id": row.event,
        "trigger": triggers::bit(row.happening.trigger),
        "creationTime": row.created.to_string(),
        "requestPayload": row.body,
        "status": row.status,
    });
    if let Some(webhook) = webhooks.get(row.webhook) {
        shown["configName"] = webhook.name.as_str().into();
    }
    let texts = [
        ("requestHeaders", &row.request_headers),
        ("responseHeaders", &row.response_headers),
        ("responsePayload", &row.response),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            shown[key] = text.as_str().into();
        }
    }
    if let Some(delivered) = row.delivered {
        shown["delivery"] = delivered.to_string().into();
    }
    shown
}

fn merged(mut into: Value, from: Value) -> Value {
    if let (Value::Object(into), Value::Object(from)) = (&mut into, from) {
        into.extend(from);
    }
    into
}

fn user_name(person: Person) -> String {
    let (first, last) = person.name();
    format!("{first}.{last}").to_lowercase()
}

fn security(granted: &[&str], refused: &[&str], withheld: &[&str]) -> Value {
    let granted = granted
        .iter()
        .map(|right| (*right, !withheld.contains(right)));
    let refused = refused.iter().map(|right| (*right, false));
    let rights: Map<String, Value> = granted
        .chain(refused)
        .map(|(right, held)| (right.to_owned(), held.into()))
        .collect();
    rights.into()
}

fn file_security(forbidden: bool) -> Value {
    let withheld: &[&str] = if forbidden {
        &WITHHELD_FILE_RIGHTS
    } else {
        &[]
    };
    security(&FILE_RIGHTS, &NO_FILE_RIGHTS, withheld)
}

fn folder_security(forbidden: bool) -> Value {
    let withheld: &[&str] = if forbidden {
        &WITHHELD_FOLDER_RIGHTS
    } else {
        &[]
    };
    security(&FOLDER_RIGHTS, &NO_FOLDER_RIGHTS, withheld)
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

/// The kind of a room, as `roomType` gives it.
fn room_type(kind: RoomKind) -> u8 {
    match kind {
        RoomKind::FormFilling => 1,
        RoomKind::Custom => 5,
    }
}

/// The kind of a room, as `parentRoomType` and `folderType` give it.
fn folder_type(kind: RoomKind) -> u8 {
    match kind {
        RoomKind::FormFilling => 15,
        RoomKind::Custom => 19,
    }
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

/// A number of bytes as people read it: `47.08 KB`.
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
