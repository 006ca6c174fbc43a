//! Arrivals: every way in which a file comes to a place.

use docspace_sandbox::{FileId, FolderId, UploadEvents};
use serde_json::{Value, json};

use crate::scene::{Scene, scenario};

/// A call that a person makes with the key's account.
async fn call(scene: &Scene, method: reqwest::Method, path: &str, body: Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let call = client.request(method, format!("{}/api/2.0/{path}", scene.host()));
    let call = call.bearer_auth(scene.portal.api_key()).json(&body);
    assert!(call.send().await.unwrap().status().is_success(), "{path}");
    scene.portal.wait_for_operations().await;
}

async fn transfer(scene: &Scene, how: &str, file: &FileId, to: &FolderId) {
    let number = |id: &str| id.parse::<i64>().unwrap();
    let body = json!({
        "fileIds": [number(file.as_str())],
        "destFolderId": number(to.as_str()),
        "conflictResolveType": 2,
        "deleteAfter": false,
    });
    let path = format!("files/fileops/{how}");
    call(scene, reqwest::Method::PUT, &path, body).await;
}

#[tokio::test]
async fn each_way_into_a_room_is_an_arrival() {
    scenario(async |scene| {
        let room = scene.client_room.clone();
        scene.use_rules(&format!(
            "[[rule]]\nname = \"arrived\"\narrivals = true\nroom = {room}\n\
             [[rule.action]]\ncomment = \"arrived\"\n"
        ));
        let silent = UploadEvents::None;
        let uploaded = UploadEvents::CreatedAndUploaded;
        scene.portal.upload(&room, "uploaded.docx", b"1", uploaded);
        let outside = |title| scene.portal.upload(&scene.internal, title, b"1", silent);
        transfer(scene, "copy", &outside("copied.docx"), &room).await;
        transfer(scene, "move", &outside("moved.docx"), &room).await;
        let restored = scene.portal.upload(&room, "restored.docx", b"1", silent);
        let path = format!("files/file/{restored}");
        call(scene, reqwest::Method::DELETE, &path, json!({})).await;
        transfer(scene, "move", &restored, &room).await;
        // Neither is one into this room.
        scene.portal.upload(&room, "present.docx", b"1", silent);
        transfer(scene, "move", &outside("elsewhere.docx"), &scene.incoming).await;
        scene.work_to_the_end().await;
        let arrived = scene.portal.files_in(&room).into_iter();
        let arrived = arrived.filter(|file| file.comment == "arrived");
        let mut titles: Vec<String> = arrived.map(|file| file.title).collect();
        titles.sort();
        let expected = [
            "copied.docx",
            "moved.docx",
            "restored.docx",
            "uploaded.docx",
        ];
        assert_eq!(titles, expected);
        assert_eq!(scene.count("comment", "done").await, expected.len());
    })
    .await;
}
