//! What the service is compared with: a handler that only verifies, and a receiver that asks the portal for
//! each file by itself and takes its answer for success, as the samples do.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::routing::{get, post};
use docspace_courier::signature::{SIGNATURE_HEADER, WebhookSecret, verify};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

struct Receiver {
    secrets: [WebhookSecret; 1],
    portal: Option<Portal>,
}

struct Portal {
    client: reqwest::Client,
    host: String,
    key: String,
    to: String,
    /// As many as the portal takes at a time.
    writes: Semaphore,
}

/// Serves until it is killed.
pub async fn serve(kind: &str, listen: &str, secret: String, portal: Option<String>) {
    let portal = portal.map(|portal| {
        let mut parts = portal.split(' ').map(str::to_owned);
        let mut part = || parts.next().unwrap();
        Portal {
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            host: part(),
            key: part(),
            to: part(),
            writes: Semaphore::new(15),
        }
    });
    let receiver = Arc::new(Receiver {
        secrets: [WebhookSecret::new(secret)],
        portal,
    });
    let handler = match kind {
        "bare" => post(bare),
        "naive" => post(naive),
        _ => panic!("{kind}"),
    };
    let router = Router::new()
        .route("/webhook", handler)
        .route("/healthz", get(async || "ok\n"))
        .with_state(receiver);
    let listener = TcpListener::bind(listen).await.unwrap();
    axum::serve(listener, router).await.unwrap();
}

fn is_signed(receiver: &Receiver, headers: &HeaderMap, body: &[u8]) -> bool {
    let header = headers.get(SIGNATURE_HEADER).map(HeaderValue::as_bytes);
    verify(&receiver.secrets, header, body).is_ok()
}

async fn bare(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    if is_signed(&receiver, &headers, &body) {
        (StatusCode::OK, r#"{"status":"accepted"}"#)
    } else {
        (StatusCode::UNAUTHORIZED, "")
    }
}

/// Answers at once and copies behind it; the samples copy first and let the portal wait for their answer.
async fn naive(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    if !is_signed(&receiver, &headers, &body) {
        return StatusCode::UNAUTHORIZED;
    }
    let event: Value = serde_json::from_slice(&body).unwrap();
    if event["event"]["trigger"] == "file.uploaded" {
        let file = event["payload"]["id"].clone();
        tokio::spawn(async move {
            let portal = receiver.portal.as_ref().unwrap();
            let _turn = portal.writes.acquire().await.unwrap();
            let request = portal
                .client
                .put(format!("{}/api/2.0/files/fileops/copy", portal.host))
                .bearer_auth(&portal.key)
                .json(&json!({
                    "fileIds": [file], "destFolderId": portal.to,
                    "conflictResolveType": 2, "deleteAfter": true,
                }));
            request.send().await.unwrap();
        });
    }
    StatusCode::OK
}
