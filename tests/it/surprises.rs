//! Statements of docs/DOCSPACE.md that the service depends on and that a change could easily forget.

use std::time::Duration;

use docspace_courier::actions::CopyTo;
use docspace_courier::docspace::Conflict;
use docspace_courier::rules::Rule;
use docspace_sandbox::{SIGNATURE_HEADER, UploadEvents, sign};
use serde_json::{Value, json};

use crate::scene::{Scene, folder_id, scenario};

/// The body of a delivery about a file that no webhook reports, changed by this.
fn changed_body(scene: &Scene, title: &str, change: impl FnOnce(&mut Value)) -> String {
    scene.portal.set_webhook_enabled(scene.webhook, false);
    let room = &scene.client_room;
    let content = title.as_bytes();
    let file = scene
        .portal
        .upload(room, title, content, UploadEvents::None);
    let file: i64 = file.as_str().parse().unwrap();
    let room: i64 = room.as_str().parse().unwrap();
    let mut body = json!({
        "event": { "id": 7, "createOn": "2026-03-02T09:00:00Z", "trigger": "file.uploaded" },
        "payload": {
            "id": file, "parentId": room, "title": title, "fileEntryType": 2,
            "modifiedOn": "2026-03-02T09:00:00Z",
        },
        "webhook": { "id": 417, "url": scene.address },
    });
    change(&mut body);
    body.to_string()
}

/// Posts a body with this signature.
async fn post(scene: &Scene, body: &str, signature: String) -> reqwest::Response {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .post(&scene.address)
        .header(SIGNATURE_HEADER, signature)
        .body(body.to_owned());
    request.send().await.unwrap()
}

async fn post_signed(scene: &Scene, body: &str) -> reqwest::Response {
    let signature = sign(scene.portal.secret(), body.as_bytes());
    post(scene, body, signature).await
}

// 1.5: a long response, or one beyond ASCII, breaks the portal's journal, and it would send cookies back.
#[tokio::test]
async fn every_response_to_a_delivery_is_short_ascii_without_cookies() {
    scenario(async |scene| {
        let body = changed_body(scene, "Übersicht 🎉.txt", |_| {});
        let wrong = sign("Another-Secret-1", body.as_bytes());
        let mut responses = vec![
            post_signed(scene, &body).await,
            post_signed(scene, &body).await,
            post(scene, &body, wrong).await,
            post(scene, &body, "sha256=short".to_owned()).await,
            post_signed(scene, "[]").await,
        ];
        let statuses: Vec<_> = responses.iter().map(|it| it.status().as_u16()).collect();
        assert_eq!(statuses, [200, 200, 401, 401, 400]);
        for response in responses.drain(..) {
            assert!(!response.headers().contains_key("set-cookie"));
            let text = response.text().await.unwrap();
            assert!(text.is_ascii() && text.len() < 200, "{text}");
        }
        scene.leaving(crate::scene::Leftover::UnreadableEvents, 1);
        scene.work().await;
    })
    .await;
}

// 1.5: the address in a body is that of the time of publishing, which may have been another one.
#[tokio::test]
async fn a_delivery_that_names_an_earlier_address_is_handled() {
    scenario(async |scene| {
        let body = changed_body(scene, "plan.docx", |body| {
            body["webhook"]["url"] = "https://earlier.example/webhook".into();
        });
        assert_eq!(post_signed(scene, &body).await.status().as_u16(), 200);
        scene.work().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}

// 2.1: what a body says about access is that of another webhook's owner.
#[tokio::test]
async fn what_a_body_says_about_access_is_ignored() {
    scenario(async |scene| {
        let body = changed_body(scene, "plan.docx", |body| {
            const RESTRICTED: u8 = 3;
            body["payload"]["access"] = RESTRICTED.into();
            body["payload"]["shareRecord"] =
                json!({ "entryId": 1, "parentId": 1, "entryType": 1, "share": RESTRICTED });
            body["payload"]["security"] = json!({ "Copy": false, "Read": false });
        });
        post_signed(scene, &body).await;
        scene.work().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}

// 1.5: a row of before 3.1, retried by hand, has the trigger * and the old body as a text.
#[tokio::test]
async fn a_retried_row_of_an_old_version_is_acknowledged_and_left() {
    scenario(async |scene| {
        let body = changed_body(scene, "plan.docx", |body| {
            let old = json!({ "response": body["payload"].clone() }).to_string();
            body["event"]["trigger"] = "*".into();
            body["payload"] = old.into();
        });
        let response = post_signed(scene, &body).await;
        assert_eq!(response.status().as_u16(), 200);
        scene.work().await;
        assert_eq!(scene.titles(&scene.internal), [""; 0]);
    })
    .await;
}

// 4.3: the file to be overwritten is open in an editor, which is refused like a missing right but passes.
#[tokio::test]
async fn a_copy_over_an_open_file_waits_until_it_is_closed() {
    scenario(async |scene| {
        let overwriting = CopyTo {
            path: None,
            to: folder_id(&scene.internal).into(),
            conflict: Conflict::Overwrite,
        };
        let rule = Rule {
            actions: vec![overwriting.into()],
            ..scene.rules().remove(0)
        };
        scene.change_rules(vec![rule]);
        let existing = scene.upload(&scene.internal, "plan.docx");
        scene.work().await;
        scene.portal.open_in_editor(&existing, true);
        scene.upload(&scene.client_room, "plan.docx");
        for _ in 0..20 {
            scene.work().await;
            scene.clock.advance(Duration::from_mins(3));
        }
        assert_eq!(
            scene.count("copy", "waiting").await,
            1,
            "{:?}",
            scene.actions().await
        );
        assert_eq!(scene.failures().await, 0);
        scene.portal.open_in_editor(&existing, false);
        scene.work_to_the_end().await;
        let files = scene.portal.files_in(&scene.internal);
        assert_eq!((files.len(), files[0].version), (1, 2));
    })
    .await;
}
