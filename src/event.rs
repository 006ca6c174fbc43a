//! Events: parses DocSpace's webhook JSON.
//!
//! This is the only code that knows that JSON: the envelope of DocSpace 3.1 to 3.7, the newer payload
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
    /// The file or folder it is about.
    pub entry: Option<Entry>,
}

/// The file, folder or room an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id; for a folder, of the folder.
    pub id: FileId,
    /// File or folder.
    pub kind: EntryKind,
    /// The folder it is in.
    pub parent: Option<FolderId>,
    /// Every folder that the body names for it: its parent, the Rooms section, a flat body's room.
    pub named_folders: Vec<FolderId>,
    /// The kind of the section it is in (docs/DOCSPACE.md 2.1).
    pub root_kind: Option<FolderType>,
    /// Its title.
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

        let (entry, default_trigger) = match body.members("payload") {
            Some(payload) => (Entry::from_payload(&payload), None),
            None => (Entry::from_flat(&body), Some(Trigger::UPLOAD)),
        };
        let trigger = match (&named_trigger, &entry) {
            (Some(name), _) => Some(Trigger::new(name)),
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
    fn from_payload(payload: &Members<'_>) -> Option<Self> {
        // Only `form.submit` contains two entries; the submitted form is the new one.
        let submitted = payload.members("submittedForm");
        Self::read(submitted.as_ref().unwrap_or(payload), "id", "parentId")
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
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut() {
        let long = "é".repeat(100_000);
        let body = json!({
            "event": { "id": 1, "trigger": long, "createBy": long },
            "payload": { "id": 7, "title": long },
        });
        let event = Event::parse(body.to_string().as_bytes()).unwrap();
        let chars = |text: Option<&str>| text.map(|text| text.chars().count());
        let trigger = event.trigger.as_ref().map(Trigger::as_str);
        assert_eq!(chars(trigger), Some(MAX_TEXT_CHARS));
        assert_eq!(chars(event.actor.as_deref()), Some(MAX_TEXT_CHARS));
        let title = event.entry.unwrap().title;
        assert_eq!(chars(title.as_deref()), Some(MAX_TEXT_CHARS));

        let body = json!({ "event": { "id": 1 }, "payload": { "id": long } });
        let event = Event::parse(body.to_string().as_bytes()).unwrap();
        assert_eq!(event.entry, None);
    }

    fn fixture(name: &str) -> Event {
        let path = format!(
            "{}/tests/data/webhook/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        Event::parse(&std::fs::read(path).unwrap()).unwrap()
    }

    fn file(id: &str, parent: &str, title: &str) -> (FileId, Option<FolderId>, Option<String>) {
        (
            FileId::new(id).unwrap(),
            FolderId::new(parent),
            Some(title.to_owned()),
        )
    }

    fn seen(event: &Event) -> (FileId, Option<FolderId>, Option<String>) {
        let entry = event.entry.clone().expect("the event names a file");
        (entry.id, entry.parent, entry.title)
    }

    #[test]
    fn the_envelope_is_read_whole() {
        let event = fixture("file.uploaded");
        assert_eq!(event.webhook, Some(WebhookId(417)));
        assert_eq!(event.id, Some(EventId(902_341)));
        assert_eq!(event.trigger, Some(Trigger::new("file.uploaded")));
        assert_eq!(event.happened_at, parse_time("2026-03-02T09:14:31Z"));
        assert_eq!(
            event.actor.as_deref(),
            Some("5f1d0c52-7a1e-4d1b-9c3b-2f6f0d6a1b11")
        );
        assert_eq!(
            seen(&event),
            file("1482901", "539564", "Invoice-2026-0311.pdf")
        );
        let entry = event.entry.unwrap();
        assert_eq!(
            entry.named_folders,
            [FolderId::from(539_564), FolderId::from(86_193)]
        );
        assert_eq!(entry.root_kind, Some(FolderType::Rooms));
        assert_eq!(entry.modified_at, parse_time("2026-03-02T09:14:31Z"));
    }

    #[test]
    fn retries_and_newer_payloads_say_the_same() {
        let first = fixture("file.uploaded");
        for name in [
            "file.uploaded.retry1",
            "file.uploaded.retry5",
            "file.uploaded.next-dto",
        ] {
            assert_eq!(fixture(name), first, "{name}");
        }
        let by_hand = fixture("file.uploaded.manual-retry");
        assert_ne!(by_hand.id, first.id);
        assert_eq!(
            Event {
                id: first.id,
                ..by_hand
            },
            first
        );
    }

    #[test]
    fn other_payloads() {
        let check = |name: &str, trigger: &str, expected| {
            let event = fixture(name);
            assert_eq!(event.trigger, Some(Trigger::new(trigger)), "{name}");
            assert_eq!(seen(&event), expected, "{name}");
        };
        check(
            "file.uploaded.escaped",
            "file.uploaded",
            file(
                "1482911",
                "539564",
                "Рахунок №42 — Müller & Söhne's März.pdf",
            ),
        );
        check(
            "file.uploaded.thirdparty",
            "file.uploaded",
            file(
                "drive-12-|1Zk3QpX7r0aSb2Tq9LmNoPqRsTuVwXyZ",
                "drive-12-|0B7aYk2FolderIdAbCdEf",
                "Invoice-2026-0313.pdf",
            ),
        );
        check(
            "file.uploaded.member-owner",
            "file.uploaded",
            file("1482920", "539564", "contract.docx"),
        );
        check(
            "form.submit",
            "form.submit",
            file(
                "1482940",
                "539702",
                "1 - Dana Klein - Onboarding form (03-02-2026 10_40).pdf",
            ),
        );
        check(
            "future.unknown-trigger",
            "file.reviewed",
            file("1482901", "539564", "Invoice-2026-0311.pdf"),
        );
        assert_eq!(
            fixture("folder.created").entry.unwrap().kind,
            EntryKind::Folder
        );
        assert_eq!(
            fixture("room.created").entry.unwrap().kind,
            EntryKind::Folder
        );
        assert_eq!(
            fixture("group.created").trigger,
            Some(Trigger::new("group.created"))
        );
        let legacy = fixture("legacy.pre31.upload");
        assert_eq!((legacy.trigger, legacy.entry), (None, None));
    }

    /// A row from before 3.1 that is retried by hand (docs/DOCSPACE.md 1.5).
    #[test]
    fn an_old_row_is_an_event_about_no_file() {
        let body = json!({
            "event": { "id": 5, "createOn": "2024-03-02T09:14:31Z", "trigger": "*" },
            "payload": "{\"response\":{\"id\":7,\"folderId\":8}}",
            "webhook": { "id": 417, "triggers": ["*"] },
        });
        let event = Event::parse(body.to_string().as_bytes()).unwrap();
        assert_eq!(event.id, Some(EventId(5)));
        assert_eq!(event.trigger, Some(Trigger::new("*")));
        assert_eq!(event.entry, None);
    }

    #[test]
    fn fractions_of_seconds_are_cut_and_null_is_absent() {
        let body = json!({
            "event": { "id": 5, "createOn": "2026-03-02T09:14:31.9876543Z", "createBy": null },
            "payload": {
                "id": 7, "parentId": 8, "createdBy": null, "isPdf": true,
                "updated": "2026-03-02T09:14:31.5Z", "access": 3,
                "shareRecord": { "entryId": 9, "parentId": 9, "share": 3 },
            },
        });
        let event = Event::parse(body.to_string().as_bytes()).unwrap();
        let second = parse_time("2026-03-02T09:14:31Z");
        assert_eq!((event.happened_at, event.actor), (second, None));
        let entry = event.entry.unwrap();
        assert_eq!(entry.modified_at, second);
        assert_eq!(entry.named_folders, [FolderId::from(8)]);
    }

    #[test]
    fn an_upload_is_what_its_body_says() {
        let changed_at = "2026-03-02T09:14:31Z".parse().unwrap();
        for (file, folder) in [("7", "8"), ("drive-12-|1Zk3Qp", "drive-12-|0B7a")] {
            let file = FileId::new(file).unwrap();
            let folder = FolderId::new(folder).unwrap();
            let (event, body) =
                Event::upload(&file, &folder, "a \"quoted\" title", changed_at, "new");
            assert_eq!(Event::parse(&body).unwrap(), event);
            assert_eq!(event.trigger, Some(Trigger::new("file.uploaded")));
        }
    }

    #[test]
    fn flat_bodies_count_as_uploads() {
        let check = |body: &str, id: &str, parent: Option<i64>| {
            let event = Event::parse(body.as_bytes()).unwrap();
            assert_eq!(event.trigger, Some(Trigger::new("file.uploaded")), "{body}");
            let entry = event.entry.expect(body);
            assert_eq!(entry.id.as_str(), id, "{body}");
            assert_eq!(entry.parent, parent.map(FolderId::from), "{body}");
        };
        check(r#"{"fileId": 7, "folderId": 8}"#, "7", Some(8));
        check(r#"{"id": "7", "roomId": "8"}"#, "7", Some(8));
        check(r#"{"id": 7, "parentId": 8}"#, "7", Some(8));
        check(r#"{"id": 7}"#, "7", None);
        check(r#"{"data": {"id": 7, "folderId": 8}}"#, "7", Some(8));
        check(r#"{"entity": {"fileId": 7, "roomId": 8}}"#, "7", Some(8));
        check(
            r#"{"data": {"title": "a"}, "fileId": 7, "folderId": 8}"#,
            "7",
            Some(8),
        );
        check(r#"{"data": {"fileId": 7}, "folderId": 8}"#, "7", Some(8));
        check(
            r#"{"data": null, "fileId": 7, "folderId": 8}"#,
            "7",
            Some(8),
        );
    }

    #[test]
    fn a_flat_body_may_name_its_trigger() {
        for body in [
            r#"{"event": "file.trashed", "id": 7}"#,
            r#"{"trigger": "file.trashed", "id": 7}"#,
            r#"{"event": {"trigger": "file.trashed"}, "data": {"id": 7}}"#,
        ] {
            let event = Event::parse(body.as_bytes()).unwrap();
            assert_eq!(event.trigger, Some(Trigger::new("file.trashed")), "{body}");
        }
    }

    #[test]
    fn any_object_is_read_and_nothing_else() {
        let deep = "[".repeat(50_000) + &"]".repeat(50_000);
        for body in [
            "{}".to_owned(),
            r#"{"event": 3, "payload": [], "webhook": "x"}"#.to_owned(),
            r#"{"event": {"id": {}, "trigger": 5}, "payload": {"id": [1], "title": {}}}"#
                .to_owned(),
            r#"{"id": 1, "id": 2}"#.to_owned(),
            format!(r#"{{"unknown": {deep}}}"#),
            format!(r#"{{"payload": {{"id": 1, "title": {deep}}}}}"#),
        ] {
            assert!(
                Event::parse(body.as_bytes()).is_ok(),
                "{}",
                &body[..body.len().min(60)]
            );
        }
        for body in [
            "",
            " ",
            "null",
            "[]",
            "\"text\"",
            "{",
            "{}x",
            "{\"a\":}",
            deep.as_str(),
        ] {
            assert!(
                Event::parse(body.as_bytes()).is_err(),
                "{}",
                &body[..body.len().min(60)]
            );
        }
        assert!(Event::parse(b"{\"title\": \"\xff\xfe\"}").is_err());
    }
}
