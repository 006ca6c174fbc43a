//! Copies and moves: the check inside the request, conflicts, and reading results.

use super::*;
use crate::json::Renderer;
use crate::operations::{OperationOptions, Selection, Stage, Task};
use crate::state::State;
use crate::transfer::{Conflict, Transfer, TransferRequest};

/// The message of an error.
fn message(body: &Value) -> &str {
    body["error"]["message"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_copy_is_a_new_file_of_the_service_account() {
    let served = Served::new().await;
    let file = served.file("a.pdf");
    let finished = served.operate("copy", &file, 0).await;
    assert_eq!(finished["Operation"], 1);
    assert_eq!(
        (&finished["processed"], &finished["error"]),
        (&json!("1"), &json!(""))
    );
    assert_eq!(finished.get("folders"), None);
    let result = &finished["files"][0];
    assert_eq!(result["id"], 1_482_902);
    assert_eq!(result["createdBy"]["displayName"], "Docflow Bot");
    let [copy] = &served.inbox()[..] else {
        panic!()
    };
    assert_eq!(
        (copy.title.as_str(), &copy.content[..], copy.version),
        ("a.pdf", &b"content"[..], 1)
    );
    assert!(served.portal.file(&file).is_some());
}

#[tokio::test]
async fn a_move_keeps_the_file() {
    let served = Served::new().await;
    let file = served.file("a.pdf");
    let finished = served.operate("move", &file, 0).await;
    assert_eq!(
        (&finished["Operation"], &finished["files"][0]["id"]),
        (&json!(0), &json!(file))
    );
    let moved = served.portal.file(&file).unwrap();
    assert_eq!(moved.folder, served.portal.seed().internal_folder);
}

#[tokio::test]
async fn conflicts() {
    const SKIP: u8 = 0;
    const OVERWRITE: u8 = 1;
    const DUPLICATE: u8 = 2;
    let check = async |kind: &str, conflict: u8, processed: &str, inbox: &[(&str, u32)]| {
        let served = Served::new().await;
        let file = served.file("a.pdf");
        let folder = &served.portal.seed().internal_folder;
        served
            .portal
            .upload(folder, "a.pdf", b"old", UploadEvents::None);
        let finished = served.operate(kind, &file, conflict).await;
        assert_eq!(finished["processed"], processed, "{kind} {conflict}");
        assert_eq!(finished["error"], "");
        assert_eq!(finished.get("files").is_some(), processed == "1");
        assert_eq!(finished.get("folders").is_some(), processed == "0");
        let mut found: Vec<_> = served
            .inbox()
            .into_iter()
            .map(|file| (file.title, file.version))
            .collect();
        found.sort();
        let found: Vec<_> = found
            .iter()
            .map(|(title, version)| (title.as_str(), *version))
            .collect();
        assert_eq!(found, inbox, "{kind} {conflict}");
        let source_stays = kind == "copy" || conflict == SKIP;
        let room = &served.portal.seed().client_room;
        assert_eq!(
            served.portal.files_in(room).len(),
            usize::from(source_stays)
        );
    };
    check("copy", SKIP, "0", &[("a.pdf", 1)]).await;
    check("move", SKIP, "0", &[("a.pdf", 1)]).await;
    check("copy", OVERWRITE, "1", &[("a.pdf", 2)]).await;
    check("move", OVERWRITE, "1", &[("a.pdf", 2)]).await;
    check("copy", DUPLICATE, "1", &[("a (1).pdf", 1), ("a.pdf", 1)]).await;
    check("move", DUPLICATE, "1", &[("a.pdf", 1), ("a.pdf", 1)]).await;
}

#[tokio::test]
async fn an_administrator_who_is_not_a_member_can_only_read() {
    let served = Served::new().await;
    let seed = served.portal.seed();
    let file = served.file("plan.pdf");
    served.portal.remove_service_account(&seed.client_room);
    let (status, body) = served
        .call("GET", &format!("files/file/{file}"), None)
        .await;
    let rights = &body["response"]["security"];
    assert_eq!(
        (status, &rights["Read"], &rights["Copy"]),
        (200, &true.into(), &false.into())
    );
    let path = format!("files/folder/{}", seed.client_room);
    let (_, body) = served.call("GET", &path, None).await;
    assert_eq!(body["response"]["inRoom"], false);
    for (kind, to) in [
        ("copy", &seed.internal_folder),
        ("move", &seed.internal_folder),
        ("copy", &seed.client_subfolder),
    ] {
        let request = json!({ "fileIds": [&file], "destFolderId": to });
        let (status, body) = served.put(&format!("files/fileops/{kind}"), request).await;
        assert_eq!(
            (status, message(&body)),
            (403, "Access denied"),
            "{kind} {to}"
        );
    }
}

#[tokio::test]
async fn requests_that_are_refused() {
    let served = Served::new().await;
    let portal = &served.portal;
    let seed = portal.seed();
    let valid = served.file("valid.pdf");
    let locked = served.file("locked.pdf");
    portal.lock(&locked, true);
    let open = served.file("open.pdf");
    portal.open_in_editor(&open, true);
    let read_only = served.file("read-only.pdf");
    portal.make_file_read_only(&read_only);
    let read_only_folder = portal.create_folder(&seed.internal_room, "read-only");
    portal.make_folder_read_only(&read_only_folder);
    portal.make_form_room(&seed.other_room);
    let target = portal.upload(&seed.internal_folder, "valid.pdf", b"", UploadEvents::None);
    portal.lock(&target, true);
    let missing = FileId::from(5);
    let inbox = &seed.internal_folder;

    let check = async |kind: &str,
                       files: &[&FileId],
                       to: &FolderId,
                       conflict: u8,
                       status: u16,
                       text: &str| {
        let request =
            json!({ "fileIds": files, "destFolderId": to, "conflictResolveType": conflict });
        let (found, body) = served.put(&format!("files/fileops/{kind}"), request).await;
        assert_eq!((found, message(&body)), (status, text), "{kind} {files:?}");
    };
    let denied = "Access denied";
    check(
        "copy",
        &[&valid],
        &FolderId::from(5),
        0,
        404,
        "The required folder was not found",
    )
    .await;
    check("copy", &[&missing], inbox, 0, 403, denied).await;
    check(
        "copy",
        &[&valid, &missing],
        inbox,
        0,
        404,
        "The required file was not found",
    )
    .await;
    check("copy", &[&read_only], inbox, 0, 403, denied).await;
    check("copy", &[&valid, &read_only], inbox, 0, 403, denied).await;
    check("move", &[&locked], inbox, 0, 403, denied).await;
    check("move", &[&open], inbox, 0, 403, denied).await;
    check("copy", &[&valid], &read_only_folder, 0, 403, denied).await;
    check("copy", &[&valid], &seed.rooms_section, 0, 403, denied).await;
    check(
        "copy",
        &[&valid],
        &seed.other_room,
        0,
        403,
        "The file cannot be uploaded to this room. Please try to upload the ONLYOFFICE PDF form.",
    )
    .await;
    check(
        "copy",
        &[&valid],
        inbox,
        1,
        403,
        "The file is locked and cannot be overwritten",
    )
    .await;
    check("copy", &[&locked, &open], inbox, 0, 200, "").await;
    portal.wait_for_operations().await;
    assert_eq!(served.inbox().len(), 3);
}

#[tokio::test]
async fn ids_and_conflicts_may_be_strings() {
    let served = Served::new().await;
    let file = served.file("a.pdf");
    let request = json!({
        "fileIds": [file.as_str()],
        "destFolderId": served.portal.seed().internal_folder.as_str(),
        "conflictResolveType": "Duplicate",
    });
    let (status, _) = served.put("files/fileops/copy", request).await;
    assert_eq!(status, 200);
    served.portal.wait_for_operations().await;
    assert_eq!(served.inbox().len(), 1);
}

/// Queues a copy of the file to the Inbox, which [`advance_and_read`] advances.
fn queue(portal: &Portal, file: &FileId) -> String {
    let request = TransferRequest {
        transfer: Transfer::Copy,
        files: vec![file.clone()],
        folders: Vec::new(),
        destination: portal.seed().internal_folder.clone(),
        conflict: Conflict::default(),
    };
    let options = OperationOptions::default();
    let task = Task::Transfer(request);
    portal.state().operations.queue(task, options)
}

/// Advances an operation to a stage and reads it.
fn advance_and_read(portal: &Portal, id: &str, reached: Stage) -> Vec<Value> {
    let now = portal.now();
    let mut state = portal.state();
    let State {
        operations,
        storage,
        ..
    } = &mut *state;
    operations.advance(id, reached, storage, now);
    let renderer = Renderer {
        storage,
        base_url: "",
    };
    operations.read(Selection::One(id, None), &renderer, false, now)
}

#[test]
fn an_operation_passes_through_its_stages() {
    let portal = Portal::new(PortalSettings::default());
    let room = &portal.seed().client_room;
    let file = portal.upload(room, "a.pdf", b"1", UploadEvents::None);
    let id = queue(&portal, &file);
    let mut stages = Vec::new();
    for stage in [
        Stage::Queued,
        Stage::Running,
        Stage::Processed,
        Stage::Finished,
        Stage::Completed,
        Stage::Completed,
    ] {
        stages.extend(
            advance_and_read(&portal, &id, stage)
                .into_iter()
                .map(|read| {
                    let file = read["files"][0]["id"].clone();
                    let folder = read["folders"][0]["id"].clone();
                    json!([
                        read["progress"],
                        read["finished"],
                        read["status"],
                        file,
                        folder
                    ])
                }),
        );
    }
    assert_eq!(
        json!(stages),
        json!([
            [0, false, 0, null, null],
            [0, false, 1, null, null],
            [100, false, 1, 1_482_901, 341_029],
            [100, true, 1, 1_482_902, null],
            [100, true, 2, 1_482_902, null],
        ])
    );
}

#[tokio::test]
async fn a_file_deleted_before_the_copy_is_an_error_of_the_operation() {
    let portal = Portal::new(PortalSettings::default());
    let room = &portal.seed().client_room;
    let file = portal.upload(room, "a.pdf", b"1", UploadEvents::None);
    let id = queue(&portal, &file);
    portal.delete(&file);
    let finished = &advance_and_read(&portal, &id, Stage::Completed)[0];
    assert_eq!(finished["error"], "The required file was not found");
    assert_eq!(
        (&finished["processed"], &finished["status"]),
        (&json!("0"), &json!(2))
    );
}

#[tokio::test]
async fn a_completed_operation_can_be_read_once() {
    let served = Served::new().await;
    served.portal.set_operation_time(Duration::ZERO);
    let request = |file| served.to_inbox(file, 2);
    let file = served.file("a.pdf");

    let (_, started) = served.put("files/fileops/copy", request(&file)).await;
    assert_eq!(started["response"][0]["status"], 2);
    assert_eq!(served.get("files/fileops").await, json!([]));

    served.portal.set_operation_time(Duration::from_millis(4));
    let (_, started) = served.put("files/fileops/copy", request(&file)).await;
    assert_eq!(started["response"][0]["status"], 0);
    served.portal.wait_for_operations().await;
    let id = started["response"][0]["id"].as_str().unwrap();
    assert_eq!(served.get("files/fileops?id=another").await, json!([]));
    let found = served.get(&format!("files/fileops/1?id={id}")).await;
    assert_eq!(found[0]["id"], id);
    assert_eq!(
        served.get(&format!("files/fileops?id={id}")).await,
        json!([])
    );
}

#[tokio::test]
async fn a_call_without_single_operation_takes_the_other_results() {
    let served = Served::new().await;
    let start = async |kind: &str, single: bool| {
        let mut request = served.to_inbox(&served.file("a.pdf"), 2);
        request["returnSingleOperation"] = single.into();
        let (_, body) = served.put(&format!("files/fileops/{kind}"), request).await;
        served.portal.wait_for_operations().await;
        body["response"].clone()
    };
    let copied = start("copy", true).await;
    let moved = start("move", true).await;
    let all = start("copy", false).await;
    let ids: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|operation| &operation["id"])
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], &copied[0]["id"]);
    let moved = moved[0]["id"].as_str().unwrap();
    assert_eq!(
        served.get(&format!("files/fileops?id={moved}")).await,
        json!([])
    );
    assert_eq!(
        served.get("files/fileops").await.as_array().unwrap().len(),
        1
    );
    assert_eq!(served.get("files/fileops").await, json!([]));
}

#[tokio::test]
async fn delete_after_hides_the_result() {
    let served = Served::new().await;
    let mut request = served.to_inbox(&served.file("a.pdf"), 0);
    request["deleteAfter"] = true.into();
    let (_, started) = served.put("files/fileops/move", request).await;
    assert_eq!(started["response"][0]["progress"], 0);
    served.portal.wait_for_operations().await;
    assert_eq!(served.get("files/fileops").await, json!([]));
    assert_eq!(served.inbox().len(), 1);
}

#[tokio::test]
async fn unread_results_are_dropped_after_a_minute() {
    let clock = TestClock::new("2026-03-02T09:00:00Z");
    let served = Served::with(PortalSettings {
        time: clock.source(),
        ..PortalSettings::default()
    })
    .await;
    let mut request = served.to_inbox(&served.file("a.pdf"), 2);
    request["deleteAfter"] = false.into();
    for (wait, left) in [(60, 1), (61, 0)] {
        served.put("files/fileops/copy", request.clone()).await;
        served.portal.wait_for_operations().await;
        clock.advance(Duration::from_secs(wait));
        let found = served.get("files/fileops").await;
        assert_eq!(found.as_array().unwrap().len(), left, "after {wait} s");
    }
    served.put("files/fileops/copy", request).await;
    served.portal.wait_for_operations().await;
    served.portal.forget_results();
    assert_eq!(served.get("files/fileops").await, json!([]));
}

#[tokio::test]
async fn a_cancelled_operation_does_nothing() {
    let served = Served::new().await;
    served.portal.set_operation_time(Duration::from_hours(1));
    let file = served.file("a.pdf");
    let (_, started) = served
        .put("files/fileops/copy", served.to_inbox(&file, 0))
        .await;
    let id = started["response"][0]["id"].as_str().unwrap();
    let path = format!("files/fileops/terminate/{id}");
    let (_, cancelled) = served.call("PUT", &path, None).await;
    assert_eq!(cancelled["response"][0]["status"], 3);
    assert_eq!(served.get("files/fileops").await, json!([]));
    assert!(served.inbox().is_empty());
}

#[tokio::test]
async fn a_comment_keeps_the_time_of_change_and_needs_an_unlocked_file() {
    let served = Served::new().await;
    let file = served.file("a.pdf");
    let path = format!("files/file/{file}");
    let before = served.get(&path).await;
    let set = async |comment: &str| {
        let request = json!({"version": 1, "comment": comment});
        served.put(&format!("{path}/comment"), request).await
    };
    let (status, body) = set(&"x".repeat(300)).await;
    assert_eq!((status, &body["response"]), (200, &json!("x".repeat(255))));
    let after = served.get(&path).await;
    assert_eq!(after["comment"], "x".repeat(255));
    assert_eq!(after["updated"], before["updated"]);
    served.portal.lock(&file, true);
    assert_eq!(set("no").await.0, 403);
}
