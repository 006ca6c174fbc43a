//! The portal as its clients see it: over HTTP, and as a receiver of its webhooks.

mod access;
mod clients;
mod control;
mod conversion;
mod deliveries;
mod faults;
mod files;
mod folders;
mod operations;
mod pages;
mod rooms;
mod shapes;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::routing::any;
use axum::{Router, extract};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;

/// A portal that is served, and a client.
struct Served {
    portal: Portal,
    base: String,
    client: reqwest::Client,
    _stop: DropGuard,
}

impl Served {
    async fn new() -> Self {
        Self::with(PortalSettings::default()).await
    }

    async fn with(settings: PortalSettings) -> Self {
        Self::on("127.0.0.1:0", settings).await
    }

    async fn on(address: &str, settings: PortalSettings) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let portal = Portal::new(settings);
        let stop = CancellationToken::new();
        tokio::spawn({
            let (portal, stop) = (portal.clone(), stop.clone());
            async move { portal.serve(listener, stop).await }
        });
        Self {
            portal,
            base,
            client: portal::delivery_client(),
            _stop: stop.drop_guard(),
        }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().unwrap();
        self.client
            .request(method, format!("{}/api/2.0/{path}", self.base))
            .bearer_auth(self.portal.api_key())
    }

    /// The status and the body; null for an empty body.
    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body["response"].clone()
    }

    async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.call("PUT", path, Some(body)).await
    }

    /// A file in the client's room.
    fn file(&self, title: &str) -> FileId {
        let room = &self.portal.seed().client_room;
        self.portal
            .upload(room, title, b"content", UploadEvents::None)
    }

    /// Copies or moves one file to the Inbox and waits until the operation is completed.
    async fn operate(&self, kind: &str, file: &FileId, conflict: u8) -> Value {
        let path = format!("files/fileops/{kind}");
        let (status, started) = self.put(&path, self.to_inbox(file, conflict)).await;
        assert_eq!(status, 200, "{started}");
        self.portal.wait_for_operations().await;
        let id = started["response"][0]["id"].as_str().unwrap();
        let read = self.get(&format!("files/fileops?id={id}")).await;
        read[0].clone()
    }

    fn to_inbox(&self, file: &FileId, conflict: u8) -> Value {
        json!({
            "fileIds": [file],
            "destFolderId": self.portal.seed().internal_folder,
            "conflictResolveType": conflict,
            "returnSingleOperation": true,
        })
    }

    fn inbox(&self) -> Vec<FileView> {
        self.portal.files_in(&self.portal.seed().internal_folder)
    }
}

/// A receiver of webhooks that keeps the deliveries.
#[derive(Clone, Default)]
struct Receiver {
    deliveries: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    statuses: Arc<Mutex<VecDeque<u16>>>,
}

impl Receiver {
    /// Serves a receiver that responds with these statuses first, then with 200. Returns it with its address.
    async fn responding(statuses: &[u16]) -> (Self, String) {
        let receiver = Self::default();
        receiver.statuses.lock().unwrap().extend(statuses);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/docspace", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/docspace", any(receive))
            .with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, url)
    }

    fn bodies(&self) -> Vec<Value> {
        let deliveries = self.deliveries.lock().unwrap();
        deliveries
            .iter()
            .map(|(_, body)| serde_json::from_str(body).unwrap())
            .collect()
    }
}

async fn receive(
    extract::State(receiver): extract::State<Receiver>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    if !body.is_empty() {
        receiver.deliveries.lock().unwrap().push((headers, body));
    }
    let status = receiver.statuses.lock().unwrap().pop_front();
    StatusCode::from_u16(status.unwrap_or(200)).unwrap()
}

/// Settings without waits before retries.
fn immediate_retries() -> PortalSettings {
    PortalSettings {
        retry_waits: vec![Duration::from_millis(1); 5],
        ..PortalSettings::default()
    }
}

/// A clock that a test moves.
#[derive(Clone)]
struct TestClock(Arc<Mutex<Timestamp>>);

impl TestClock {
    fn new(start: &str) -> Self {
        Self(Arc::new(Mutex::new(start.parse().unwrap())))
    }

    fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }

    fn source(&self) -> TimeSource {
        let time = Arc::clone(&self.0);
        TimeSource::new(move || *time.lock().unwrap())
    }
}
