//! Creating and deleting rooms, folders and files, uploads that overwrite, and deviations.

use super::*;

impl Served {
    /// Creates something and returns its id.
    async fn create(&self, path: &str, body: Value) -> Value {
        let (status, created) = self.call("POST", path, Some(body)).await;
        assert_eq!(status, 200, "{created}");
        created["response"]["id"].clone()
    }

    async fn upload_by_api(&self, folder: &Value, query: &str, title: &str) -> Value {
        let form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"T\"\r\n\r\ncontent\r\n--b--\r\n";
        let response = self
            .request("POST", &format!("files/{folder}/upload{query}"))
            .header("content-type", "multipart/form-data; boundary=b")
            .body(form.replace('T', title))
            .send()
            .await
            .unwrap();
        let text = response.text().await.unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        body["response"][0].clone()
    }
}

#[tokio::test]
async fn a_room_is_created_read_and_deleted_with_its_content() {
    let served = Served::new().await;
    let room = json!({ "title": "Scratch", "roomType": 5 });
    let room = served.create("files/rooms", room).await;
    let read = served.get(&format!("files/rooms/{room}")).await;
    assert_eq!(
        (&read["title"], &read["roomType"]),
        (&json!("Scratch"), &json!(5))
    );
    assert_eq!(
        read["createdBy"]["id"],
        served.portal.seed().service_account
    );
    let folder = json!({ "title": "Below" });
    let folder = served.create(&format!("files/folder/{room}"), folder).await;
    served.upload_by_api(&folder, "", "a.txt").await;

    let foreign = format!("files/rooms/{}", served.portal.seed().client_room);
    let body = json!({ "deleteAfter": false });
    assert_eq!(
        served.call("DELETE", &foreign, Some(body.clone())).await.0,
        403
    );
    let own = format!("files/rooms/{room}");
    let (status, started) = served.call("DELETE", &own, Some(body)).await;
    assert_eq!(
        (status, &started["response"]["Operation"]),
        (200, &json!(2))
    );
    served.portal.wait_for_operations().await;
    assert_eq!(served.call("GET", &own, None).await.0, 404);
    let folder = format!("files/folder/{folder}");
    assert_eq!(served.call("GET", &folder, None).await.0, 404);
}

#[tokio::test]
async fn invalid_rooms_and_folders_are_refused() {
    let served = Served::new().await;
    for (path, body, status) in [
        ("files/rooms", json!({ "title": " ", "roomType": 5 }), 400),
        ("files/rooms", json!({ "title": "a" }), 400),
        ("files/folder/539564", json!({}), 400),
        ("files/folder/1", json!({ "title": "a" }), 403),
        ("files/folder/86193", json!({ "title": "a" }), 403),
    ] {
        let (found, _) = served.call("POST", path, Some(body.clone())).await;
        assert_eq!(found, status, "{path} {body}");
    }
}

#[tokio::test]
async fn listed_entries_are_deleted_with_one_event_each() {
    let (receiver, url) = Receiver::responding(&[]).await;
    let served = Served::new().await;
    served
        .portal
        .add_webhook(&url, &["file.deleted", "folder.deleted"]);
    let file = served.file("a.pdf");
    let folder = &served.portal.seed().client_subfolder;
    served
        .portal
        .upload(folder, "b.pdf", b"", UploadEvents::None);
    let body = json!({
        "fileIds": [file],
        "folderIds": [folder],
        "immediately": true,
        "returnSingleOperation": true,
    });
    let (status, started) = served.put("files/fileops/delete", body).await;
    assert_eq!(status, 200, "{started}");
    served.portal.wait_for_operations().await;
    served.portal.wait_for_deliveries().await;
    let id = started["response"][0]["id"].as_str().unwrap();
    let ended = served.get(&format!("files/fileops?id={id}")).await;
    assert_eq!(
        (&ended[0]["processed"], &ended[0]["error"]),
        (&json!("2"), &json!(""))
    );
    assert!(ended[0].get("files").is_none() && ended[0].get("folders").is_none());
    let mut triggers: Vec<_> = receiver
        .bodies()
        .iter()
        .map(|body| body["event"]["trigger"].clone())
        .collect();
    triggers.sort_by_key(ToString::to_string);
    assert_eq!(triggers, ["file.deleted", "folder.deleted"]);
    assert_eq!(served.portal.file(&file), None);
}

#[tokio::test]
async fn an_upload_overwrites_unless_it_asks_for_a_new_file() {
    let served = Served::new().await;
    let room = json!(served.portal.seed().client_room);
    let first = served.upload_by_api(&room, "", "a.txt").await;
    let again = served.upload_by_api(&room, "", "a.txt").await;
    assert_eq!((&again["id"], &again["version"]), (&first["id"], &json!(2)));
    let new = served
        .upload_by_api(&room, "?createNewIfExist=true", "a.txt")
        .await;
    assert_eq!(new["title"], "a (1).txt");
    let id = FileId::from(first["id"].as_i64().unwrap());
    served.portal.open_in_editor(&id, true);
    let beside = served.upload_by_api(&room, "", "a.txt").await;
    assert_ne!(beside["id"], first["id"]);
    assert_eq!(beside["title"], "a.txt");
}

#[tokio::test]
async fn rooms_are_filtered_by_title_and_area() {
    let served = Served::new().await;
    for (query, count) in [
        ("", 3),
        ("?filterValue=CLIENT", 2),
        ("?filterValue=nothing", 0),
        ("?searchArea=Archive", 0),
        ("?searchArea=Any&filterValue=acme", 1),
    ] {
        let found = served.get(&format!("files/rooms{query}")).await;
        assert_eq!(found["total"], count, "{query}");
    }
}

#[tokio::test]
async fn the_version_is_shown_without_a_key() {
    let served = Served::new().await;
    let url = format!("{}/api/2.0/settings/version/build", served.base);
    let response = served.client.get(url).send().await.unwrap();
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(body["response"]["docSpace"], "3.7.2");
}

#[tokio::test]
async fn a_portal_deviates_only_as_it_is_told() {
    for name in Deviation::ALL.map(Deviation::name) {
        assert_eq!(name.parse::<Deviation>().unwrap().name(), name);
    }
    assert!("lower-case".parse::<Deviation>().is_err());

    let (receiver, url) = Receiver::responding(&[503]).await;
    let served = Served::with(immediate_retries()).await;
    served.portal.set_deviations(&Deviation::ALL);
    served.portal.add_webhook(&url, &["file.copied"]);
    let file = served.file("a.pdf");
    let first = served.operate("copy", &file, 2).await;
    served.operate("copy", &file, 2).await;
    served.portal.wait_for_deliveries().await;
    let titles: Vec<_> = served.inbox().into_iter().map(|file| file.title).collect();
    assert_eq!(titles, ["a.pdf", "a.pdf"]);
    let id = first["id"].as_str().unwrap();
    assert_eq!(
        served.get(&format!("files/fileops?id={id}")).await[0]["id"],
        id
    );
    let deliveries = receiver.deliveries.lock().unwrap().clone();
    assert_eq!(deliveries.len(), 3);
    for (headers, body) in deliveries {
        let sent = headers[SIGNATURE_HEADER].to_str().unwrap().to_owned();
        assert_eq!(
            sent,
            sign(served.portal.secret(), body.as_bytes()).to_lowercase()
        );
        assert!(!body.contains("retryCount"), "{body}");
    }
}

#[tokio::test]
async fn a_dry_run_starts_and_reads_nothing() {
    let served = Served::new().await;
    let (file, other) = (served.file("a.pdf"), served.file("b.pdf"));
    let to = &served.portal.seed().internal_folder;
    let body = served.to_inbox(&file, 2);
    let (_, started) = served.put("files/fileops/copy", body).await;
    served.portal.wait_for_operations().await;
    let query = format!("fileIds={file}&fileIds={other}&destFolderId={to}");
    let conflicts = served.get(&format!("files/fileops/move?{query}")).await;
    assert_eq!(conflicts.as_array().unwrap().len(), 1);
    assert_eq!(conflicts[0]["title"], "a.pdf");
    let path = format!("files/fileops/checkdestfolder?{query}");
    let checked = served.get(&path).await;
    assert_eq!(
        (
            &checked["result"],
            checked["files"].as_array().unwrap().len()
        ),
        (&json!(0), 2)
    );
    served
        .portal
        .make_form_room(&served.portal.seed().internal_room);
    assert_eq!(served.get(&path).await, json!({ "result": 2, "files": [] }));
    let (status, _) = served
        .call("GET", "files/fileops/move?fileIds=1", None)
        .await;
    assert_eq!(status, 400);

    let id = started["response"][0]["id"].as_str().unwrap();
    let read = served.get(&format!("files/fileops?id={id}")).await;
    assert_eq!(read[0]["finished"], true, "the result is still there");
    assert_eq!(served.inbox().len(), 1);
}

#[tokio::test]
async fn a_folder_is_filtered_by_title_and_type_at_any_depth() {
    let served = Served::new().await;
    served.file("plan.docx");
    served.file("Plan.pdf");
    let below = &served.portal.seed().client_subfolder;
    served
        .portal
        .upload(below, "plan.xlsx", b"", UploadEvents::None);
    for (query, files, folders) in [
        ("", 2, 1),
        ("?withSubfolders=true", 2, 1),
        ("?filterType=1", 3, 0),
        ("?filterType=1&withSubfolders=false", 2, 0),
        ("?filterType=2", 0, 1),
        ("?filterType=5", 1, 0),
        ("?filterValue=PLAN.", 3, 0),
        ("?filterValue=uploads", 0, 1),
    ] {
        let found = served.get(&format!("files/539564{query}")).await;
        let count = |member: &str| found[member].as_array().unwrap().len();
        assert_eq!(
            (count("files"), count("folders")),
            (files, folders),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_in_the_portals_form() {
    let served = Served::new().await;
    for (path, method, content_type, body, status) in [
        ("files/fileops/copy", "PUT", "application/json", "{", 400),
        (
            "files/fileops/copy",
            "PUT",
            "application/json",
            r#"{"fileIds":7}"#,
            400,
        ),
        ("files/fileops/copy", "PUT", "text/plain", "{}", 415),
        ("files/rooms", "POST", "text/plain", "", 415),
        ("files/539564/upload", "POST", "application/json", "{}", 415),
    ] {
        let request = served
            .request(method, path)
            .header("content-type", content_type);
        let response = request.body(body).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path} {body}");
        let text = response.text().await.unwrap();
        let refused: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(refused["statusCode"], status, "{path} {body}");
    }
}

#[tokio::test]
async fn sections_are_listed_by_their_aliases() {
    let served = Served::new().await;
    let created = served
        .create("files/@my/file", json!({ "title": "Notes" }))
        .await;
    let mine = served.get("files/@my").await;
    assert_eq!(
        (&mine["files"][0]["id"], &mine["files"][0]["title"]),
        (&created, &json!("Notes.docx"))
    );
    assert_eq!(mine["current"]["rootFolderType"], 5);
    let body = json!({ "fileIds": [created] });
    served.put("files/fileops/delete", body).await;
    served.portal.wait_for_operations().await;
    assert_eq!(served.get("files/@trash").await["total"], 1);
    let root = served.get("files/@root").await;
    let sections: Vec<_> = root
        .as_array()
        .unwrap()
        .iter()
        .map(|section| json!([section["current"]["title"], section["total"]]))
        .collect();
    let expected = json!([
        ["My documents", 0],
        ["Rooms", 3],
        ["Archive", 0],
        ["Trash", 1]
    ]);
    assert_eq!(json!(sections), expected);
}

#[tokio::test]
async fn a_folder_has_links_and_lists_its_subfolders() {
    let served = Served::new().await;
    let folder = &served.portal.seed().client_subfolder;
    let path = format!("files/folder/{folder}");
    let primary = served.get(&format!("{path}/link")).await;
    assert_eq!(primary["sharedLink"]["primary"], true);
    let body = json!({ "access": 2, "title": "Auditor" });
    assert_eq!(served.put(&format!("{path}/links"), body).await.0, 200);
    let titles: Vec<_> = served
        .portal
        .links_to_folder(folder)
        .into_iter()
        .map(|link| link.title)
        .collect();
    assert_eq!(titles, ["Shared link", "Auditor"]);
    assert_eq!(
        served
            .get(&format!("{path}/links"))
            .await
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let below = served.get("files/539564/subfolders").await;
    assert_eq!(below[0]["id"], json!(folder));
    assert_eq!(served.call("GET", "files/1/subfolders", None).await.0, 404);
}
