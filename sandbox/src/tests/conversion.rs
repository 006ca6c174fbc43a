//! Copies in another format, and conversions.

use super::*;

fn message(body: &Value) -> &str {
    body["error"]["message"].as_str().unwrap_or_default()
}

impl Served {
    async fn copy_as(&self, file: &FileId, body: Value) -> (u16, Value) {
        let path = format!("files/file/{file}/copyas");
        self.call("POST", &path, Some(body)).await
    }
}

#[tokio::test]
async fn a_copy_with_another_extension_is_converted_and_never_overwrites() {
    let (receiver, url) = Receiver::responding(&[]).await;
    let served = Served::new().await;
    served.portal.add_webhook(&url, &[]);
    let file = served.file("Contract.docx");
    let copy = |title: &str| json!({ "destTitle": title, "destFolderId": 341_029 });
    for title in ["Contract.pdf", "Contract (1).pdf"] {
        let (status, body) = served.copy_as(&file, copy("Contract.pdf")).await;
        assert_eq!((status, &body["response"]["title"]), (200, &json!(title)));
    }
    for _ in 0..2 {
        let (_, body) = served.copy_as(&file, copy("Contract.DOCX")).await;
        assert_eq!(body["response"]["title"], "Contract.DOCX");
    }
    let (_, unchanged) = served.copy_as(&file, copy("Contract.xyz")).await;
    assert_eq!(unchanged["response"]["fileExst"], ".xyz");
    let contents: Vec<_> = served
        .inbox()
        .into_iter()
        .map(|file| (file.title, file.content))
        .collect();
    let content = |title: &str| {
        let found = contents.iter().find(|(known, _)| known == title);
        String::from_utf8(found.unwrap().1.clone()).unwrap()
    };
    assert_eq!(content("Contract.pdf"), "converted to .pdf\ncontent");
    assert_eq!(content("Contract.DOCX"), "content");
    assert_eq!(content("Contract.xyz"), "content");
    served.portal.wait_for_deliveries().await;
    let bodies = receiver.bodies();
    let count = |trigger: &str| {
        bodies
            .iter()
            .filter(|body| body["event"]["trigger"] == trigger)
            .count()
    };
    assert_eq!((count("file.created"), count("file.uploaded")), (5, 3));
}

#[tokio::test]
async fn copies_that_are_refused() {
    let served = Served::new().await;
    let file = served.file("Contract.docx");
    served.portal.protect(&file, "secret");
    let (status, nothing) = served
        .copy_as(&file, json!({ "destTitle": "a.pdf", "destFolderId": null }))
        .await;
    assert_eq!((status, nothing.get("response")), (200, None));
    for (title, folder, status) in [
        ("a.docx", 1, 403),
        ("a.pdf", 1, 404),
        ("a.pdf", 0, 404),
        ("a.pdf", 86_193, 403),
    ] {
        let body = json!({ "destTitle": title, "destFolderId": folder, "password": "secret" });
        assert_eq!(
            served.copy_as(&file, body).await.0,
            status,
            "{title} {folder}"
        );
    }
    let body = json!({ "destTitle": "a.pdf", "destFolderId": 341_029 });
    let (status, refused) = served.copy_as(&file, body.clone()).await;
    assert_eq!(
        (status, message(&refused)),
        (500, "Error occurred in the Documents Service (password)")
    );
    assert_eq!(served.copy_as(&FileId::from(1), body).await.0, 404);
    assert!(served.inbox().is_empty());
    let own = json!({ "destTitle": "a.docx", "destFolderId": 0 });
    assert_eq!(served.copy_as(&file, own).await.0, 200);
    let mine = &served.portal.seed().my_documents;
    assert_eq!(served.portal.files_in(mine).len(), 1);
}

#[tokio::test]
async fn a_conversion_is_shown_once_when_it_is_done() {
    let served = Served::new().await;
    served.portal.set_operation_time(Duration::from_millis(4));
    let file = served.file("Letter.rtf");
    let path = format!("files/file/{file}/checkconversion");
    let (status, started) = served.put(&path, json!({ "sync": false })).await;
    assert_eq!(
        (status, &started["response"][0]["progress"]),
        (200, &json!(0))
    );
    served.portal.wait_for_operations().await;
    let done = served.get(&path).await;
    assert_eq!(
        (&done[0]["progress"], &done[0]["Operation"]),
        (&json!(100), &json!(6))
    );
    assert_eq!(done[0]["result"]["title"], "Letter.docx");
    assert_eq!(served.get(&path).await, json!([]));

    let (_, at_once) = served.put(&path, json!({ "sync": true })).await;
    assert_eq!(at_once["response"][0]["result"]["title"], "Letter (1).docx");
    for file in [served.file("Contract.docx"), FileId::from(1)] {
        let path = format!("files/file/{file}/checkconversion");
        let (status, nothing) = served.call("PUT", &path, None).await;
        assert_eq!((status, &nothing["response"]), (200, &json!([])));
    }
}

#[tokio::test]
async fn a_file_is_saved_as_pdf() {
    let served = Served::new().await;
    let file = served.file("Contract.docx");
    let path = format!("files/file/{file}/saveaspdf");
    let body = json!({ "folderId": 341_029, "title": "Contract.pdf" });
    let (status, saved) = served.call("POST", &path, Some(body)).await;
    assert_eq!(
        (status, &saved["response"]["title"]),
        (200, &json!("Contract.pdf.pdf"))
    );
}
