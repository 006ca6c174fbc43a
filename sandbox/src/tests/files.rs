//! Renaming, locking and deleting files, small text files, and the activity log.

use super::*;

/// The triggers of the deliveries so far, with the titles and parents in their payloads.
fn events(receiver: &Receiver) -> Vec<Value> {
    let bodies = receiver.bodies();
    let mut events: Vec<_> = bodies
        .iter()
        .map(|body| {
            let payload = &body["payload"];
            let id = body["event"]["id"].as_i64().unwrap();
            let event = json!([
                body["event"]["trigger"],
                payload["title"],
                payload["parentId"]
            ]);
            (id, event)
        })
        .collect();
    events.sort_by_key(|(id, _)| *id);
    events.into_iter().map(|(_, event)| event).collect()
}

impl Served {
    async fn observed() -> (Self, Receiver) {
        let (receiver, url) = Receiver::responding(&[]).await;
        let served = Self::new().await;
        served.portal.add_webhook(&url, &[]);
        (served, receiver)
    }

    async fn events(&self, receiver: &Receiver) -> Vec<Value> {
        self.portal.wait_for_deliveries().await;
        events(receiver)
    }

    async fn rename(&self, file: &FileId, title: &str) -> (u16, Value) {
        let body = json!({ "title": title });
        self.put(&format!("files/file/{file}"), body).await
    }

    async fn lock(&self, file: &FileId, lock: bool) -> (u16, Value) {
        let body = json!({ "lockFile": lock });
        self.put(&format!("files/file/{file}/lock"), body).await
    }

    /// Deletes a file and waits until the operation is completed.
    async fn delete(&self, file: &FileId) -> Value {
        let body = json!({ "fileIds": [file], "returnSingleOperation": true });
        let (status, started) = self.put("files/fileops/delete", body).await;
        assert_eq!(status, 200, "{started}");
        self.portal.wait_for_operations().await;
        let id = started["response"][0]["id"].as_str().unwrap();
        self.get(&format!("files/fileops?id={id}")).await[0].clone()
    }
}

fn message(body: &Value) -> &str {
    body["error"]["message"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_file_is_renamed_once() {
    let (served, receiver) = Served::observed().await;
    let file = served.file("Letter.docx");
    let before = served.get(&format!("files/file/{file}")).await;
    for (title, kept) in [
        ("Acme: invoice 3/11", "Acme_ invoice 3_11.docx"),
        ("Acme: invoice 3/11.docx", "Acme_ invoice 3_11.docx"),
        (" ", "Acme_ invoice 3_11.docx"),
    ] {
        let (status, body) = served.rename(&file, title).await;
        assert_eq!((status, &body["response"]["title"]), (200, &json!(kept)));
    }
    let after = served.get(&format!("files/file/{file}")).await;
    assert_eq!(after["version"], before["version"]);
    assert_ne!(after["updated"], before["updated"]);
    assert_eq!(after["updatedBy"]["displayName"], "Docflow Bot");
    assert_eq!(
        served.events(&receiver).await,
        [json!(["file.updated", "Acme_ invoice 3_11.docx", 539_564])]
    );
    let log = served.get(&format!("files/file/{file}/log")).await;
    assert_eq!(log[0]["action"]["key"], "FileRenamed");
    assert_eq!(log[0]["data"]["oldTitle"], "Letter.docx");
}

#[tokio::test]
async fn renames_that_are_refused() {
    let served = Served::new().await;
    let locked = served.file("locked.pdf");
    served.portal.lock(&locked, true);
    let read_only = served.file("read-only.pdf");
    served.portal.make_file_read_only(&read_only);
    let trashed = served.file("trashed.pdf");
    served.delete(&trashed).await;
    for (file, status, text) in [
        (&locked, 500, "The file is currently locked by another user"),
        (&read_only, 403, "Access denied"),
        (&trashed, 500, "The file is in the Trash"),
        (&FileId::from(1), 404, "The required file was not found"),
    ] {
        let (found, body) = served.rename(file, "new.pdf").await;
        assert_eq!((found, message(&body)), (status, text));
    }
    let (status, _) = served.rename(&read_only, &"x".repeat(166)).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_lock_of_another_user_stays_and_unlocking_frees_all_files_of_its_holder() {
    let (served, receiver) = Served::observed().await;
    let (own, foreign, other) = (
        served.file("a.pdf"),
        served.file("b.pdf"),
        served.file("c.pdf"),
    );
    let (_, body) = served.lock(&own, true).await;
    assert_eq!(body["response"]["locked"], true);
    assert_eq!(body["response"].get("lockedBy"), None);
    served.portal.lock(&foreign, true);
    served.portal.lock(&other, true);
    let (status, body) = served.lock(&foreign, true).await;
    assert_eq!(
        (status, &body["response"]["lockedBy"]),
        (200, &json!("Chris Client"))
    );
    assert_eq!(served.events(&receiver).await.len(), 4);

    let (status, body) = served.lock(&foreign, false).await;
    assert_eq!(
        (status, &body["response"]["comment"]),
        (200, &json!("The file is unlocked"))
    );
    assert_eq!(served.events(&receiver).await.len(), 6);
    let is_locked = |file| served.portal.file(file).unwrap().locked;
    assert_eq!(
        [&own, &foreign, &other].map(is_locked),
        [true, false, false]
    );
    assert_eq!(served.lock(&FileId::from(1), true).await.0, 404);
    served.portal.make_file_read_only(&other);
    assert_eq!(served.lock(&other, true).await.0, 403);
}

#[tokio::test]
async fn deleting_a_file_twice_destroys_it() {
    let (served, receiver) = Served::observed().await;
    let file = served.file("a.pdf");
    let path = format!("files/file/{file}");
    let deleted = served.delete(&file).await;
    assert_eq!(
        (&deleted["processed"], &deleted["error"]),
        (&json!("1"), &json!(""))
    );
    assert_eq!(deleted.get("files"), None);
    let trashed = served.get(&path).await;
    assert_eq!(
        (&trashed["rootFolderType"], &trashed["folderId"]),
        (&json!(3), &json!(91_007))
    );
    assert!(trashed["autoDelete"].is_string());
    served.delete(&file).await;
    assert_eq!(served.call("GET", &path, None).await.0, 404);
    assert_eq!(
        served.events(&receiver).await,
        [
            json!(["file.trashed", "a.pdf", 539_564]),
            json!(["file.deleted", "a.pdf", 91_007]),
        ]
    );
    let log = served.get("files/folder/539564/log").await;
    assert_eq!(log[0]["action"]["key"], "FileMovedToTrash");
    assert_eq!(log[0]["initiator"]["displayName"], "Docflow Bot");
}

#[tokio::test]
async fn a_file_is_restored_by_moving_it_out_of_the_trash() {
    let (served, receiver) = Served::observed().await;
    let file = served.file("a.pdf");
    served.delete(&file).await;
    served.operate("move", &file, 2).await;
    assert_eq!(served.inbox().len(), 1);
    let events = served.events(&receiver).await;
    assert_eq!(events[1], json!(["file.restored", "a.pdf", 341_029]));
}

#[tokio::test]
async fn files_in_the_trash_of_another_account_are_hidden() {
    let served = Served::new().await;
    let file = served.file("a.pdf");
    served.portal.trash(&file);
    let (status, body) = served
        .call("GET", &format!("files/file/{file}"), None)
        .await;
    assert_eq!(
        (status, message(&body)),
        (403, "You don't have enough permission to view the file")
    );
    assert_eq!(served.rename(&file, "b.pdf").await.0, 403);
    let restore = served.to_inbox(&file, 2);
    assert_eq!(served.put("files/fileops/move", restore).await.0, 403);
}

#[tokio::test]
async fn deletions_that_are_refused() {
    let served = Served::new().await;
    let (locked, open) = (served.file("locked.pdf"), served.file("open.pdf"));
    served.portal.lock(&locked, true);
    served.portal.open_in_editor(&open, true);
    for (file, status) in [(&locked, 403), (&open, 403), (&FileId::from(1), 404)] {
        let body = json!({ "fileIds": [file] });
        assert_eq!(served.put("files/fileops/delete", body).await.0, status);
        let path = format!("files/file/{file}");
        let body = Some(json!({ "deleteAfter": false, "immediately": false }));
        assert_eq!(served.call("DELETE", &path, body).await.0, status);
    }
    let path = format!("files/file/{open}");
    assert_eq!(served.call("DELETE", &path, None).await.0, 415);
    let room = json!({ "folderIds": [served.portal.seed().client_room] });
    assert_eq!(served.put("files/fileops/delete", room).await.0, 403);
}

#[tokio::test]
async fn a_folder_goes_to_the_trash_as_a_whole_or_not_at_all() {
    let (served, receiver) = Served::observed().await;
    let folder = &served.portal.seed().client_subfolder;
    let file = served
        .portal
        .upload(folder, "a.pdf", b"1", UploadEvents::None);
    let path = format!("files/folder/{folder}");
    let delete = async || {
        let body = json!({ "deleteAfter": false, "immediately": false });
        let (status, started) = served.call("DELETE", &path, Some(body)).await;
        assert_eq!(status, 200);
        served.portal.wait_for_operations().await;
        let id = started["response"][0]["id"].as_str().unwrap();
        served.get(&format!("files/fileops?id={id}")).await[0].clone()
    };
    served.portal.open_in_editor(&file, true);
    let refused = delete().await;
    assert_eq!(refused["processed"], "0");
    assert_ne!(refused["error"], "");
    served.portal.open_in_editor(&file, false);
    assert_eq!(delete().await["processed"], "1");
    assert_eq!(served.get(&path).await["rootFolderType"], 3);
    assert_eq!(
        served.events(&receiver).await,
        [json!(["folder.trashed", "2026 uploads", 539_564])]
    );
    let (status, _) = served.put("files/fileops/emptytrash", json!({})).await;
    assert_eq!(status, 200);
    served.portal.wait_for_operations().await;
    assert_eq!(served.call("GET", &path, None).await.0, 404);
}

#[tokio::test]
async fn a_text_file_gets_an_extension_and_is_overwritten_when_a_new_one_is_asked_for() {
    let (served, receiver) = Served::observed().await;
    let write = async |title: &str, content: &str, create: bool| {
        let body = json!({ "title": title, "content": content, "createNewIfExist": create });
        let (status, body) = served.call("POST", "files/539564/text", Some(body)).await;
        assert_eq!(status, 200, "{body}");
        body["response"].clone()
    };
    let first = write("log.csv", "a", false).await;
    assert_eq!(
        (&first["title"], &first["version"]),
        (&json!("log.csv.txt"), &json!(1))
    );
    let second = write("log.csv", "ab", true).await;
    assert_eq!(
        (&second["id"], &second["version"]),
        (&first["id"], &json!(2))
    );
    let third = write("log.csv", "abc", false).await;
    assert_eq!(third["title"], "log.csv (1).txt");
    let html = write("page", "<a href=\"x\">x</a>", false).await;
    assert_eq!(html["title"], "page.html");
    let triggers: Vec<_> = served.events(&receiver).await;
    let triggers: Vec<_> = triggers.iter().map(|event| event[0].clone()).collect();
    assert_eq!(triggers, ["file.created"; 4]);
    let body = Some(json!({ "title": "a" }));
    assert_eq!(served.call("POST", "files/539564/text", body).await.0, 400);
    let body = Some(json!({ "title": "a", "content": "" }));
    assert_eq!(served.call("POST", "files/1/text", body).await.0, 404);
}

#[tokio::test]
async fn a_file_is_inserted_and_updated() {
    let (served, receiver) = Served::observed().await;
    let form = |fields: &str| {
        format!(
            "--b\r\n{fields}Content-Disposition: form-data; name=\"file\"; filename=\"x.bin\"\r\n\r\ncontent\r\n--b--\r\n"
        )
    };
    let send = async |method: &str, path: &str, form: String| {
        let request = served.request(method, path);
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        let response = request.body(form).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let text = response.text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["response"].clone()
    };
    let title = "Content-Disposition: form-data; name=\"title\"\r\n\r\nLines.CSV\r\n--b\r\n";
    let file = send("POST", "files/539564/insert", form(title)).await;
    assert_eq!(file["title"], "Lines.csv");
    let path = format!("files/{}/update", file["id"]);
    let updated = send("PUT", &path, form("")).await;
    assert_eq!(
        (&updated["id"], &updated["version"]),
        (&file["id"], &json!(2))
    );
    let triggers: Vec<_> = served.events(&receiver).await;
    let triggers: Vec<_> = triggers.iter().map(|event| event[0].clone()).collect();
    assert_eq!(triggers, ["file.created", "file.uploaded", "file.updated"]);
}

#[tokio::test]
async fn a_deletion_can_fail_or_lose_its_result() {
    let served = Served::new().await;
    let file = served.file("a.pdf");
    let inject = |effect| {
        served.portal.inject_fault(Fault {
            method: None,
            path_contains: "fileops/delete",
            times: 1,
            effect,
        });
    };
    inject(FaultEffect::OperationError("The file is being edited"));
    let failed = served.delete(&file).await;
    assert_eq!(
        (&failed["error"], &failed["processed"]),
        (&json!("The file is being edited"), &json!("0"))
    );
    inject(FaultEffect::OperationResultLost);
    assert_eq!(served.delete(&file).await, Value::Null);
    let trash = &served.portal.seed().trash;
    assert_eq!(served.portal.file(&file).unwrap().folder, *trash);
}

#[tokio::test]
async fn a_file_shows_its_room_when_it_is_read_or_renamed() {
    let served = Served::new().await;
    let seed = served.portal.seed();
    let file = served
        .portal
        .upload(&seed.client_subfolder, "a.pdf", b"1", UploadEvents::None);
    let read = served.get(&format!("files/file/{file}")).await;
    assert_eq!(
        (&read["originRoomId"], &read["originTitle"]),
        (&json!(seed.client_room), &json!("2026 uploads"))
    );
    let (_, renamed) = served.rename(&file, "b.pdf").await;
    assert_eq!(
        renamed["response"]["originId"],
        json!(seed.client_subfolder)
    );
    let (_, locked) = served.lock(&file, true).await;
    assert_eq!(locked["response"].get("originRoomId"), None);
    served.delete(&file).await;
    let trashed = served.get(&format!("files/file/{file}")).await;
    assert_eq!(
        (trashed.get("originRoomId"), &trashed["originId"]),
        (None, &json!(seed.trash))
    );
}

#[tokio::test]
async fn the_content_of_a_file_is_streamed_to_those_who_may_download_it() {
    let served = Served::new().await;
    let file = served.file("plan.docx");
    let read = async |query: &str, key: &str| {
        let url = format!("{}/filehandler.ashx?{query}", served.base);
        let sent = served.client.get(url).bearer_auth(key).send().await;
        let response = sent.unwrap();
        let status = response.status().as_u16();
        (status, response.text().await.unwrap())
    };
    let stream = |file: &FileId| format!("action=stream&fileid={file}");
    let key = served.portal.api_key();
    let content = (200, "content".to_owned());
    assert_eq!(read(&stream(&file), key).await, content);
    let nothing = |status| (status, String::new());
    assert_eq!(read(&stream(&file), "sk-other").await, nothing(403));
    assert_eq!(read(&stream(&FileId::from(1)), key).await, nothing(404));
    assert_eq!(read("action=redirect", key).await, nothing(400));
    let calls = served.portal.calls();
    assert!(!calls.is_empty());
    assert!(
        calls
            .iter()
            .all(|call| call.path.starts_with("/filehandler.ashx"))
    );
}
