//! The body of a delivery: `event`, `payload` and `webhook`, in the portal's order of properties
//! and without the members that have their type's default value (docs/DOCSPACE.md 1.1, 2.1).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::triggers;
use super::webhooks::Webhook;
use super::world::{File, Folder};
use crate::ids::EventId;

/// `rootFolderType` of everything that lies in a room.
pub(super) const ROOMS: u8 = 14;

/// `fileEntryType` of a folder and of a file.
pub(super) const FOLDER_ENTRY: u8 = 1;
pub(super) const FILE_ENTRY: u8 = 2;

/// What happened: the part of a delivery that stays the same for every webhook and attempt, and
/// also after a manual retry.
#[derive(Clone, Debug)]
pub(super) struct Happening {
    pub(super) trigger: &'static str,
    pub(super) on: Timestamp,
    pub(super) by: &'static str,
    pub(super) payload: Payload,
}

/// The file or folder, in the flat shape DocSpace sends for both.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payload {
    id: serde_json::Value,
    #[serde(skip_serializing_if = "serde_json::Value::is_null")]
    parent_id: serde_json::Value,
    security_by_users: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "serde_json::Value::is_null")]
    folder_id_display: serde_json::Value,
    root_id: serde_json::Value,
    title: String,
    create_by: &'static str,
    modified_by: &'static str,
    create_on: String,
    modified_on: String,
    root_folder_type: u8,
    root_create_by: &'static str,
    file_entry_type: u8,
}

impl Payload {
    /// The payload of an event about a file.
    pub(super) fn of_file(file: &File, root: &Folder) -> Self {
        Self {
            id: serde_json::json!(file.id),
            parent_id: serde_json::json!(file.folder),
            security_by_users: BTreeMap::new(),
            folder_id_display: serde_json::json!(file.folder),
            root_id: serde_json::json!(root.id),
            title: file.title.clone(),
            create_by: file.created_by.id(),
            modified_by: file.updated_by.id(),
            create_on: file.created.to_string(),
            modified_on: file.updated.to_string(),
            root_folder_type: ROOMS,
            root_create_by: root.created_by.id(),
            file_entry_type: FILE_ENTRY,
        }
    }

    /// The payload of an event about a folder.
    pub(super) fn of_folder(folder: &Folder, root: &Folder) -> Self {
        Self {
            id: serde_json::json!(folder.id),
            parent_id: serde_json::json!(folder.parent),
            security_by_users: BTreeMap::new(),
            folder_id_display: serde_json::json!(folder.parent),
            root_id: serde_json::json!(root.id),
            title: folder.title.clone(),
            create_by: folder.created_by.id(),
            modified_by: folder.created_by.id(),
            create_on: folder.created.to_string(),
            modified_on: folder.updated.to_string(),
            root_folder_type: ROOMS,
            root_create_by: root.created_by.id(),
            file_entry_type: FOLDER_ENTRY,
        }
    }

    /// The title of the file or folder.
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// The id of the file or folder.
    pub(super) fn id(&self) -> &serde_json::Value {
        &self.id
    }
}

/// What a retry says about the attempt before it.
#[derive(Clone, Debug)]
pub(super) struct Retry {
    pub(super) count: u32,
    pub(super) on: Timestamp,
    pub(super) last_failure_on: Timestamp,
    pub(super) last_failure: String,
}

#[derive(Serialize)]
struct Body<'a> {
    event: EventPart<'a>,
    payload: &'a Payload,
    webhook: WebhookPart<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventPart<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<EventId>,
    create_on: String,
    create_by: &'a str,
    trigger: &'a str,
    trigger_id: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebhookPart<'a> {
    id: i64,
    name: &'a str,
    url: &'a str,
    triggers: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Target<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_success_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_on: Option<String>,
}

#[derive(Serialize)]
struct Target<'a> {
    id: &'a serde_json::Value,
    r#type: &'a str,
}

/// The text of a delivery's body; without an `event` it is the stored copy that was never sent.
pub(super) fn write(
    event: Option<EventId>,
    happening: &Happening,
    webhook: &Webhook,
    retry: Option<&Retry>,
) -> String {
    let kind = happening.trigger.split('.').next().unwrap_or_default();
    let last_success = webhook.last_success.filter(|_| retry.is_some());
    super::dotnet_json::to_string(&Body {
        event: EventPart {
            id: event,
            create_on: happening.on.to_string(),
            create_by: happening.by,
            trigger: happening.trigger,
            trigger_id: triggers::bit(happening.trigger),
        },
        payload: &happening.payload,
        webhook: WebhookPart {
            id: webhook.id.0,
            name: &webhook.name,
            url: &webhook.url,
            triggers: triggers::names(webhook.triggers),
            target: webhook.target.as_ref().map(|_| Target {
                id: happening.payload.id(),
                r#type: kind,
            }),
            last_failure_on: retry.map(|retry| retry.last_failure_on.to_string()),
            last_failure_content: retry.map(|retry| retry.last_failure.as_str()),
            last_success_on: last_success.map(without_zone),
            retry_count: retry.map(|retry| retry.count),
            retry_on: retry.map(|retry| retry.on.to_string()),
        },
    })
}

/// A time read back from the portal's `MySQL` has lost its zone.
fn without_zone(time: Timestamp) -> String {
    time.to_string().trim_end_matches('Z').to_owned()
}
