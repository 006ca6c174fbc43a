//! Tests of parsing: the shapes of bodies, and members of unexpected types.

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
    let account = |name: &str| {
        let entry = fixture(name).entry.unwrap();
        (entry.kind, entry.title.unwrap(), entry.parent)
    };
    let dana = (EntryKind::Account, "Dana Klein".to_owned(), None);
    assert_eq!(account("user.created"), dana);
    let accounting = (EntryKind::Account, "Accounting".to_owned(), None);
    assert_eq!(account("group.created"), accounting);
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
        let (event, body) = Event::upload(&file, &folder, "a \"quoted\" title", changed_at, "new");
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
        r#"{"event": {"id": {}, "trigger": 5}, "payload": {"id": [1], "title": {}}}"#.to_owned(),
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
