//! The body of a delivery: `event`, `payload` and `webhook`, with the properties in the portal's order and without
//! those that have the default value of their type (docs/DOCSPACE.md 1.1, 2.1).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::dotnet_json;
use super::ids::{EventId, WebhookId};
use super::storage::{File, Folder};
use super::triggers;
use super::webhooks::Webhook;

/// `rootFolderType` of everything in a room.
pub(super) const ROOMS: u8 = 14;

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

impl Payload {
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
            root_folder_type: ROOMS,
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
            root_folder_type: ROOMS,
            root_create_by: root.created_by.id(),
            file_entry_type: FOLDER_ENTRY,
        }
    }

    /// The title of the file or folder.
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// The id of the file or folder as text.
    pub(super) fn id_text(&self) -> String {
        self.id
            .as_str()
            .map_or_else(|| self.id.to_string(), str::to_owned)
    }
}

/// What the body of a retry says about the attempt before it.
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
    id: WebhookId,
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
    id: &'a Value,
    r#type: &'a str,
}

/// The text of a delivery's body; without `id` the copy that is stored before the first attempt.
pub(super) fn write(
    id: Option<EventId>,
    event: &Event,
    webhook: &Webhook,
    retry: Option<&Retry>,
) -> String {
    let kind = event.trigger.split('.').next().unwrap_or_default();
    let last_success = webhook.last_success.filter(|_| retry.is_some());
    dotnet_json::to_string(&Body {
        event: EventPart {
            id,
            create_on: event.on.to_string(),
            create_by: event.by,
            trigger: event.trigger,
            trigger_id: triggers::bit(event.trigger),
        },
        payload: &event.payload,
        webhook: WebhookPart {
            id: webhook.id,
            name: &webhook.config.name,
            url: &webhook.config.url,
            triggers: triggers::names(webhook.config.triggers),
            target: webhook.config.target.as_ref().map(|_| Target {
                id: &event.payload.id,
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

/// A time that the portal has read from `MySQL`, which drops the zone.
fn without_zone(time: Timestamp) -> String {
    time.to_string().trim_end_matches('Z').to_owned()
}
