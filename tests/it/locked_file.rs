//! A store whose file another process has locked.

use docspace_courier::signature::WebhookSecret;
use reqwest::StatusCode;
use rusqlite::Connection;

use crate::scene::{Leftover, scenario};

const BODY: &[u8] = include_bytes!("../data/webhook/file.uploaded.other-room.json");

#[tokio::test]
async fn a_locked_store_refuses_deliveries_until_it_is_free() {
    scenario(async |scene| {
        scene.leaving(Leftover::UndecidedEvents, 1);
        let client = reqwest::Client::builder().build().unwrap();
        let signature = WebhookSecret::new(scene.portal.secret()).sign(BODY);
        let post = || {
            client
                .post(&scene.address)
                .header("x-docspace-signature-256", &signature)
                .body(BODY)
                .send()
        };

        let other = Connection::open(scene.store.path()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let response = post().await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key("retry-after"));

        other.execute_batch("ROLLBACK").unwrap();
        let response = post().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.text().await.unwrap(), r#"{"status":"accepted"}"#);
    })
    .await;
}
