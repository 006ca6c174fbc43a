//! What ONLYOFFICE's own clients use beyond the rest: folders, uploads in chunks, downloads and accounts.

use super::*;

const COLLEAGUE: &str = "c4f0a9d2-1e57-4a3e-8b66-52d7e1f09a48";

impl Served {
    /// Starts an operation, waits for its end, and reads it.
    async fn finish(&self, path: &str, mut body: Value) -> Value {
        body["returnSingleOperation"] = true.into();
        let (status, started) = self.put(path, body).await;
        assert_eq!(status, 200, "{started}");
        self.portal.wait_for_operations().await;
        let id = started["response"][0]["id"].as_str().unwrap();
        self.get(&format!("files/fileops?id={id}")).await[0].clone()
    }

    /// A folder of the service account in the Inbox, with a file and a folder in it.
    fn full_folder(&self, title: &str) -> FolderId {
        let inbox = &self.portal.seed().internal_folder;
        let outer = self.portal.create_folder(inbox, title);
        self.portal.create_folder(&outer, "inner");
        self.portal
            .upload(&outer, "a.pdf", b"1", UploadEvents::None);
        outer
    }

    async fn titles(&self, folder: &str, kind: &str) -> Vec<String> {
        let content = self.get(&format!("files/{folder}")).await;
        let entries = content[kind].as_array().unwrap();
        let titles = entries.iter().map(|entry| entry["title"].as_str().unwrap());
        titles.map(str::to_owned).collect()
    }
}

async fn triggers(receiver: &Receiver, served: &Served) -> Vec<String> {
    served.portal.wait_for_deliveries().await;
    let bodies = receiver.bodies();
    let triggers = bodies.iter().map(|body| body["event"]["trigger"].as_str());
    let mut triggers: Vec<_> = triggers.map(|name| name.unwrap().to_owned()).collect();
    triggers.sort();
    triggers
}

#[tokio::test]
async fn a_folder_is_copied_with_everything_in_it() {
    let served = Served::new().await;
    let (receiver, url) = Receiver::responding(&[]).await;
    let folder = served.full_folder("outer");
    served
        .portal
        .add_webhook(&url, &["folder.copied", "folder.moved", "file.copied"]);
    let room = &served.portal.seed().client_room;
    let request = json!({ "folderIds": [folder], "destFolderId": room, "conflictResolveType": 2 });
    let copied = served.finish("files/fileops/copy", request).await;
    assert_eq!(
        (&copied["processed"], &copied["error"]),
        (&json!("1"), &json!(""))
    );
    let copy = copied["folders"][0]["id"].to_string();
    assert_ne!(copy, folder.to_string());
    assert_eq!(served.titles(&copy, "files").await, ["a.pdf"]);
    assert_eq!(served.titles(&copy, "folders").await, ["inner"]);
    assert_eq!(served.titles(folder.as_str(), "files").await, ["a.pdf"]);
    assert_eq!(
        triggers(&receiver, &served).await,
        ["file.copied", "folder.copied", "folder.copied"]
    );
}

#[tokio::test]
async fn a_folder_is_moved_with_one_event() {
    let served = Served::new().await;
    let (receiver, url) = Receiver::responding(&[]).await;
    let folder = served.full_folder("outer");
    served
        .portal
        .add_webhook(&url, &["folder.copied", "folder.moved", "file.moved"]);
    let room = &served.portal.seed().client_room;
    let request = json!({ "folderIds": [folder], "destFolderId": room });
    let moved = served.finish("files/fileops/move", request).await;
    assert_eq!(moved["folders"][0]["id"].to_string(), folder.to_string());
    let found = served.get(&format!("files/folder/{folder}")).await;
    assert_eq!(found["parentId"].to_string(), room.to_string());
    assert_eq!(triggers(&receiver, &served).await, ["folder.moved"]);
}

#[tokio::test]
async fn a_folder_joins_one_of_the_same_title() {
    let served = Served::new().await;
    let folder = served.full_folder("outer");
    let room = &served.portal.seed().client_room;
    let existing = served.portal.create_folder(room, "outer");
    let request = json!({ "folderIds": [folder], "destFolderId": room });
    let moved = served.finish("files/fileops/move", request).await;
    assert_eq!(moved["folders"][0]["id"].to_string(), existing.to_string());
    assert_eq!(served.titles(existing.as_str(), "files").await, ["a.pdf"]);
    assert_eq!(served.titles(existing.as_str(), "folders").await, ["inner"]);
    let (status, _) = served
        .call("GET", &format!("files/folder/{folder}"), None)
        .await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn folders_that_are_not_copied_or_moved() {
    let served = Served::new().await;
    let folder = served.full_folder("outer");
    let seed = served.portal.seed();
    let check = async |folder: &FolderId, to: &FolderId, expected: u16| {
        let request = json!({ "folderIds": [folder], "destFolderId": to });
        for kind in ["copy", "move"] {
            let path = format!("files/fileops/{kind}");
            let (status, body) = served.put(&path, request.clone()).await;
            assert_eq!(status, expected, "{body}");
        }
    };
    check(&folder, &folder, 403).await;
    check(&FolderId::from(1), &seed.client_room, 404).await;
    check(&seed.client_room, &seed.internal_folder, 403).await;
    let in_use = &served
        .portal
        .upload(&folder, "b.pdf", b"", UploadEvents::None);
    served.portal.open_in_editor(in_use, true);
    let request = json!({ "folderIds": [folder], "destFolderId": seed.client_room });
    let refused = served.finish("files/fileops/move", request).await;
    assert_ne!(refused["error"], "");
    assert_eq!(refused["processed"], "0");
}

#[tokio::test]
async fn files_and_folders_are_duplicated_beside_themselves() {
    let served = Served::new().await;
    let folder = served.full_folder("outer");
    let inbox = served.portal.seed().internal_folder.clone();
    let file = served
        .portal
        .upload(&inbox, "b.pdf", b"1", UploadEvents::None);
    let request = json!({ "fileIds": [file], "folderIds": [folder] });
    let done = served.finish("files/fileops/duplicate", request).await;
    assert_eq!(
        (&done["Operation"], &done["processed"]),
        (&json!(7), &json!("2"))
    );
    let inbox = inbox.as_str();
    assert_eq!(served.titles(inbox, "files").await, ["b (1).pdf", "b.pdf"]);
    assert_eq!(
        served.titles(inbox, "folders").await,
        ["outer", "outer (1)"]
    );
}

#[tokio::test]
async fn a_download_of_one_file_or_of_several() {
    let served = Served::new().await;
    let folder = served.full_folder("outer");
    let file = served.file("a.docx");
    let download = async |request: Value| {
        let done = served.finish("files/fileops/bulkdownload", request).await;
        assert_eq!(done["Operation"], 3);
        let url = done["url"].as_str().unwrap();
        let request = served.client.get(url).bearer_auth(served.portal.api_key());
        let response = request.send().await.unwrap();
        let name = response.headers()["content-disposition"].clone();
        (name, response.bytes().await.unwrap())
    };
    let (name, content) = download(json!({ "fileIds": [file] })).await;
    assert_eq!(name, "attachment; filename*=UTF-8''a.docx");
    assert_eq!(content, "content");
    let converted = json!({ "fileConvertIds": [{ "key": file, "value": ".pdf" }] });
    let (name, _) = download(converted).await;
    assert_eq!(name, "attachment; filename*=UTF-8''a.pdf");
    let (name, content) = download(json!({ "fileIds": [file], "folderIds": [folder] })).await;
    assert!(name.to_str().unwrap().contains(".zip"));
    let content = String::from_utf8_lossy(&content);
    assert!(content.starts_with("PK") && content.contains("outer/a.pdf"));
    let unknown = json!({ "fileIds": [1] });
    let (status, _) = served.put("files/fileops/bulkdownload", unknown).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_presigned_address_needs_no_key() {
    let served = Served::new().await;
    let file = served.file("a.pdf");
    let presigned = served.get(&format!("files/file/{file}/presigned")).await;
    assert_eq!(presigned["filetype"], ".pdf");
    let url = presigned["url"].as_str().unwrap();
    let get = async |url: &str| served.client.get(url).send().await.unwrap().status();
    assert_eq!(get(url).await, 200);
    assert_eq!(
        get(&url.replace("stream_auth=", "stream_auth=0")).await,
        403
    );
    let address = served.get(&format!("files/file/{file}/presigneduri")).await;
    assert_eq!(address, url);
}

#[tokio::test]
async fn an_upload_in_chunks() {
    let served = Served::new().await;
    let (receiver, url) = Receiver::responding(&[]).await;
    served.portal.add_webhook(&url, &["*"]);
    let room = &served.portal.seed().client_room;
    let path = format!("files/{room}/upload/create_session");
    // The members of a body may start with capitals.
    let request = json!({ "FileName": "a.pdf", "FileSize": 10 });
    let (_, session) = served.call("POST", &path, Some(request)).await;
    let session = &session["response"]["data"];
    assert_eq!(session["bytes_total"], 10);
    let location = session["location"].as_str().unwrap();
    let send = async |location: &str, content: &'static str| {
        let body = format!(
            "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n{content}\r\n--x--\r\n"
        );
        let request = served.client.post(location).body(body);
        let request = request.header("content-type", "multipart/form-data; boundary=x");
        let request = request.bearer_auth(served.portal.api_key());
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        (status, body)
    };
    let (status, body) = send(location, "01234").await;
    assert_eq!((status, &body["success"]), (200, &json!(true)));
    let (status, body) = send(location, "56789").await;
    assert_eq!(status, 201);
    let file = FileId::from(body["data"]["id"].to_string().as_str());
    assert_eq!(served.portal.file(&file).unwrap().content, b"0123456789");
    assert_eq!(triggers(&receiver, &served).await, ["file.uploaded"]);
    // The session is over.
    let (status, body) = send(location, "x").await;
    assert_eq!((status, &body["success"]), (200, &json!(false)));
}

#[tokio::test]
async fn the_trash_knows_where_its_entries_were() {
    let served = Served::new().await;
    let file = served.file("a.pdf");
    served
        .finish("files/fileops/delete", json!({ "fileIds": [file] }))
        .await;
    let trash = served.get("files/@trash?filterType=FilesOnly").await;
    let room = &served.portal.seed().client_room;
    assert_eq!(trash["files"][0]["originId"].to_string(), room.to_string());
    assert_eq!(
        trash["files"][0]["originRoomId"].to_string(),
        room.to_string()
    );
}

#[tokio::test]
async fn lists_of_people() {
    let served = Served::new().await;
    let room = &served.portal.seed().client_room;
    let ids = async |path: &str| {
        let people = served.get(path).await;
        let people = people.as_array().unwrap().iter();
        let ids = people.map(|person| person["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids("people").await.len(), 4);
    assert_eq!(ids("people/status/2").await.len(), 0);
    assert_eq!(ids("people/search?query=anna").await, [COLLEAGUE]);
    assert_eq!(ids("people/@search/anna").await, [COLLEAGUE]);
    let members = ids(&format!("people/room/{room}?includeShared=true")).await;
    assert!(!members.contains(&COLLEAGUE.to_owned()));
    let others = ids(&format!("people/room/{room}?excludeShared=true")).await;
    assert_eq!(others, [COLLEAGUE]);
    let path = "people/status/1/search?query=anna";
    assert_eq!(served.call("GET", path, None).await.0, 403);
    served.portal.make_service_account_administrator();
    assert_eq!(ids(path).await, [COLLEAGUE]);
}

#[tokio::test]
async fn accounts_are_invited_changed_and_deleted() {
    let served = Served::new().await;
    let invite = async |account_type: u8| {
        let invitation = json!({ "email": "new@sandbox.example.test", "type": account_type });
        let body = json!({ "invitations": [invitation] });
        served.call("POST", "people/invite", Some(body)).await
    };
    assert_eq!(invite(1).await.0, 403);
    let (status, body) = invite(4).await;
    assert_eq!(status, 200, "{body}");
    let id = body["response"][0]["id"].as_str().unwrap();
    let accounts = json!({ "userIds": [id] });
    for path in ["people/status/2", "people/type/1", "people/delete"] {
        assert_eq!(served.put(path, accounts.clone()).await.0, 403, "{path}");
    }
    served.portal.make_service_account_administrator();
    let (_, body) = served.put("people/type/1", accounts.clone()).await;
    assert_eq!(body["response"][0]["isRoomAdmin"], true);
    let lower = json!({ "userId": id, "type": 4 });
    assert_eq!(served.call("POST", "people/type", Some(lower)).await.0, 200);
    assert_eq!(
        served.get(&format!("people/{id}")).await["isCollaborator"],
        true
    );
    // Only a disabled account is deleted.
    assert_eq!(served.put("people/delete", accounts.clone()).await.0, 403);
    let (_, body) = served.put("people/status/2", accounts.clone()).await;
    assert_eq!(body["response"][0]["status"], 2);
    assert_eq!(served.put("people/delete", accounts).await.0, 200);
    let path = format!("people/{id}");
    assert_eq!(served.call("GET", &path, None).await.0, 404);
    let own = json!({ "userIds": [served.portal.seed().service_account] });
    assert_eq!(served.put("people/status/2", own).await.0, 403);
}

#[tokio::test]
async fn languages_and_formats() {
    let served = Served::new().await;
    let languages = served.get("settings/cultures").await;
    assert!(languages.as_array().unwrap().contains(&json!("de")));
    let settings = served.get("files/settings").await;
    let targets = settings["extsConvertible"][".docx"].as_array().unwrap();
    assert!(targets.contains(&json!(".pdf")));
}

#[tokio::test]
async fn html_files_and_titles_that_are_taken() {
    let served = Served::new().await;
    let room = &served.portal.seed().client_room;
    let page = json!({ "title": "page", "content": "text" });
    let (status, _) = served
        .call("POST", &format!("files/{room}/html"), Some(page))
        .await;
    assert_eq!(status, 200);
    let titles = json!({ "filesTitle": ["page.html", "other.html"] });
    let path = format!("files/{room}/upload/check");
    let (_, body) = served.call("POST", &path, Some(titles)).await;
    assert_eq!(body["response"], json!(["page.html"]));
}

#[tokio::test]
async fn a_link_of_a_folder() {
    let served = Served::new().await;
    let folder = &served.portal.seed().client_subfolder;
    let path = format!("files/folder/{folder}/link");
    let link = json!({ "access": 2, "primary": true });
    let (status, body) = served.call("POST", &path, Some(link)).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["response"]["sharedTo"]["primary"], true);
}
