//! Events: parses DocSpace's webhook JSON.
//!
//! This is the only code that reads or writes that JSON: the envelope of DocSpace 3.1 to 3.7, the newer payload
//! object, and the flat shapes of the vendor's samples (docs/DOCSPACE.md 1.1, 2, 9, 10). Unknown members may
//! contain anything at any depth; members of an unexpected type count as absent. Only a body that is not a
//! JSON object is rejected. There is no input or output here.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use serde_json::value::RawValue;

use crate::ids::{EventId, FileId, FolderId, WebhookId};
use crate::wire::{FolderType, parse_time};

pub mod fields;
pub mod nameless;

/// Maximum length of a trigger, a title or an account's id. DocSpace's own are shorter; longer ones would fill
/// pages and the log.
const MAX_TEXT_CHARS: usize = 500;

/// DocSpace's name for the kind of event, such as `file.uploaded`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Trigger(String);

impl Trigger {
    /// The trigger of a flat body that names a file but no trigger.
    const UPLOAD: &str = "file.uploaded";

    /// The trigger of a change that is not an upload.
    const UPDATE: &str = "file.updated";

    /// The trigger with this dotted name, which may be unknown.
    pub fn new(name: &str) -> Self {
        Self(name.trim().to_ascii_lowercase())
    }

    /// Whether it announces an upload: DocSpace raises both for one (docs/DOCSPACE.md 3).
    pub fn is_upload(&self) -> bool {
        [Self::UPLOAD, "file.created"].contains(&self.as_str())
    }

    /// Whether it is about a user or a group, and not about a file, folder or room (docs/DOCSPACE.md 2.4).
    pub fn is_about_account(&self) -> bool {
        self.0.starts_with("user.") || self.0.starts_with("group.")
    }

    /// Whether it is about a room, or an agent, which is one.
    pub fn is_about_room(&self) -> bool {
        self.0.starts_with("room.") || self.0.starts_with("agent.")
    }

    /// The dotted name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Something that happened in the portal, as one delivery reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `webhook.id`; flat bodies have none.
    pub webhook: Option<WebhookId>,
    /// `event.id`; flat bodies have none.
    pub id: Option<EventId>,
    /// The trigger; absent if the body names neither a trigger nor a file.
    pub trigger: Option<Trigger>,
    /// `event.createOn`, whole seconds.
    pub happened_at: Option<Timestamp>,
    /// `event.createBy`: the account that acted, not the owner of the file.
    pub actor: Option<String>,
    /// The file, folder or account it is about.
    pub entry: Option<Entry>,
}

/// The file, folder, room or account an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id; for a folder or an account, of that.
    pub id: FileId,
    /// File, folder or account.
    pub kind: EntryKind,
    /// The folder it is in.
    pub parent: Option<FolderId>,
    /// Every folder that the body names for it: its parent, the Rooms section, a flat body's room.
    pub named_folders: Vec<FolderId>,
    /// The kind of the section it is in (docs/DOCSPACE.md 2.1).
    pub root_kind: Option<FolderType>,
    /// Its title; the name of an account.
    pub title: Option<String>,
    /// When its content last changed, whole seconds.
    pub modified_at: Option<Timestamp>,
}

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// `fileEntryType` 2 or absent.
    File,
    /// `fileEntryType` 1; rooms are folders.
    Folder,
    /// A user or a group, by its trigger.
    Account,
}

/// The body is not a JSON object. The message says where parsing stopped and quotes nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not a JSON object (line {line}, column {column})")]
pub struct NotAnObject {
    line: usize,
    column: usize,
}

impl Event {
    /// Parses a body whose signature has been verified.
    pub fn parse(body: &[u8]) -> Result<Self, NotAnObject> {
        let body: Members<'_> = serde_json::from_slice(body).map_err(|error| NotAnObject {
            line: error.line(),
            column: error.column(),
        })?;
        let event = body.members("event").unwrap_or_default();
        let webhook = body.members("webhook").unwrap_or_default();
        let named_trigger = event
            .text("trigger")
            .or_else(|| body.text("event"))
            .or_else(|| body.text("trigger"));
        let named_trigger = named_trigger.as_deref().map(Trigger::new);

        let is_about_account = named_trigger
            .as_ref()
            .is_some_and(Trigger::is_about_account);
        let (entry, default_trigger) = match body.members("payload") {
            Some(payload) if is_about_account => (Entry::account(&payload), None),
            Some(payload) => (Entry::from_payload(&payload), None),
            None => (Entry::from_flat(&body), Some(Trigger::UPLOAD)),
        };
        let trigger = match (named_trigger, &entry) {
            (Some(named), _) => Some(named),
            (None, Some(_)) => default_trigger.map(Trigger::new),
            (None, None) => None,
        };
        Ok(Self {
            webhook: webhook.id_number().map(WebhookId),
            id: event.id_number().map(EventId),
            trigger,
            happened_at: event.time("createOn"),
            actor: event.text("createBy"),
            entry,
        })
    }

    /// The upload of a file that no delivery reported, found in a listing; and the body that its delivery would
    /// have had, with the evidence for it. `changed_at` has whole seconds.
    pub fn upload(
        file: &FileId,
        folder: &FolderId,
        title: &str,
        changed_at: Timestamp,
        evidence: &str,
    ) -> (Self, Vec<u8>) {
        Self::listed(Trigger::UPLOAD, file, folder, title, changed_at, evidence)
    }

    /// A change of a file that no delivery reported and that is not an upload; otherwise as [`Event::upload`].
    pub fn update(
        file: &FileId,
        folder: &FolderId,
        title: &str,
        changed_at: Timestamp,
        evidence: &str,
    ) -> (Self, Vec<u8>) {
        Self::listed(Trigger::UPDATE, file, folder, title, changed_at, evidence)
    }

    fn listed(
        trigger: &str,
        file: &FileId,
        folder: &FolderId,
        title: &str,
        changed_at: Timestamp,
        evidence: &str,
    ) -> (Self, Vec<u8>) {
        let body = json!({
            "event": { "createOn": changed_at.to_string(), "trigger": trigger },
            "listing": { "evidence": evidence },
            "payload": {
                "id": file,
                "parentId": folder,
                "title": title,
                "modifiedOn": changed_at.to_string(),
                "fileEntryType": 2,
            },
        });
        let event = Self {
            webhook: None,
            id: None,
            trigger: Some(Trigger::new(trigger)),
            happened_at: Some(changed_at),
            actor: None,
            entry: Some(Entry {
                id: file.clone(),
                kind: EntryKind::File,
                parent: Some(folder.clone()),
                named_folders: vec![folder.clone()],
                root_kind: None,
                title: Some(title.to_owned()),
                modified_at: Some(changed_at),
            }),
        };
        (event, body.to_string().into_bytes())
    }
}

impl Entry {
    /// The folder that it is, or the one that contains it.
    pub fn folder(&self) -> Option<FolderId> {
        match self.kind {
            EntryKind::File => self.parent.clone(),
            EntryKind::Folder => FolderId::new(self.id.as_str()),
            EntryKind::Account => None,
        }
    }

    fn from_payload(payload: &Members<'_>) -> Option<Self> {
        // Only `form.submit` contains two entries; the submitted form is the new one.
        let submitted = payload.members("submittedForm");
        Self::read(submitted.as_ref().unwrap_or(payload), "id", "parentId")
    }

    /// A user or a group (docs/DOCSPACE.md 2.4).
    fn account(payload: &Members<'_>) -> Option<Self> {
        let names = [payload.text("firstName"), payload.text("lastName")];
        let names: Vec<String> = names.into_iter().flatten().collect();
        let full_name = Some(names.join(" ")).filter(|name| !name.is_empty());
        Some(Self {
            id: FileId::new(&payload.id("id")?)?,
            kind: EntryKind::Account,
            parent: None,
            named_folders: Vec::new(),
            root_kind: None,
            title: full_name
                .or_else(|| payload.text("name"))
                .or_else(|| payload.text("userName")),
            modified_at: payload.time("lastModified"),
        })
    }

    /// The shapes of the vendor's samples: ids at the top level, or inside `data` or `entity`.
    fn from_flat(body: &Members<'_>) -> Option<Self> {
        let inner = body.members("data").or_else(|| body.members("entity"));
        let data = inner.as_ref().unwrap_or(body);
        let id_member = if data.has("fileId") { "fileId" } else { "id" };
        let parent_member = ["folderId", "roomId", "parentId"]
            .into_iter()
            .find(|name| data.has(name))
            .unwrap_or("parentId");
        let mut entry = Self::read(data, id_member, parent_member)
            .or_else(|| Self::read(body, "fileId", "folderId"))?;
        if entry.parent.is_none() {
            entry.parent = body.folder("folderId");
            entry.named_folders.extend(entry.parent.clone());
        }
        Some(entry)
    }

    fn read(members: &Members<'_>, id_member: &str, parent_member: &str) -> Option<Self> {
        const FOLDER_MEMBERS: [&str; 6] = [
            "parentId",
            "folderIdDisplay",
            "rootId",
            "rootFolderId",
            "folderId",
            "roomId",
        ];
        const FOLDER: i64 = 1;

        let mut named_folders: Vec<FolderId> = Vec::new();
        for folder in FOLDER_MEMBERS
            .iter()
            .filter_map(|name| members.folder(name))
        {
            if !named_folders.contains(&folder) {
                named_folders.push(folder);
            }
        }
        Some(Self {
            id: FileId::new(&members.id(id_member)?)?,
            kind: match members.number("fileEntryType") {
                Some(FOLDER) => EntryKind::Folder,
                _ => EntryKind::File,
            },
            parent: members.folder(parent_member),
            named_folders,
            root_kind: members.number("rootFolderType").map(FolderType::from),
            title: members.text("title"),
            modified_at: members
                .time("modifiedOn")
                .or_else(|| members.time("updated")),
        })
    }
}

/// The members of a JSON object, each parsed on demand. There are few, and each is read once or twice, so a
/// list is enough.
#[derive(Default)]
struct Members<'a>(Vec<(Name<'a>, &'a RawValue)>);

/// A member's name, which is copied only if it contains an escape.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for List<'a> {
            type Value = Members<'a>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(List(PhantomData))
    }
}

impl<'a> Members<'a> {
    fn read<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        // Of several members with one name the last one counts, as in other JSON parsers.
        let (_, value) = self.0.iter().rev().find(|(Name(other), _)| other == name)?;
        serde_json::from_str(value.get()).ok()
    }

    fn has(&self, name: &str) -> bool {
        self.id(name).is_some()
    }

    fn members(&self, name: &str) -> Option<Members<'a>> {
        self.read(name)
    }

    /// A text, cut after [`MAX_TEXT_CHARS`].
    fn text(&self, name: &str) -> Option<String> {
        let mut text: String = self.read(name)?;
        if let Some((end, _)) = text.char_indices().nth(MAX_TEXT_CHARS) {
            text.truncate(end);
        }
        Some(text)
    }

    /// An integer, or a string that is one.
    fn number(&self, name: &str) -> Option<i64> {
        self.read(name)
            .or_else(|| self.text(name)?.trim().parse().ok())
    }

    /// The member `id` as a number; 0 is not an id.
    fn id_number(&self) -> Option<i64> {
        self.number("id").filter(|id| *id != 0)
    }

    fn id(&self, name: &str) -> Option<String> {
        self.read::<FileId>(name).map(|id| id.as_str().to_owned())
    }

    fn folder(&self, name: &str) -> Option<FolderId> {
        self.read(name)
    }

    /// A time with an offset, or in UTC without one, cut to whole seconds: some server versions send
    /// fractions, and the effect key must not depend on which event reported the file.
    fn time(&self, name: &str) -> Option<Timestamp> {
        parse_time(&self.text(name)?)
    }
}

#[cfg(test)]
mod tests;
