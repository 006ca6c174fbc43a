//! The portal seen from outside: over HTTP, and by a receiver of its webhooks.

mod access;
mod deliveries;
mod faults;
mod operations;
mod shapes;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::{Router, extract};

use axum::http::{HeaderMap, StatusCode};
use axum::routing::any;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::world::NewFile;
use super::*;

/// A portal that is served, and somebody who calls it.
struct Served {
    portal: Portal,
    base: String,
    client: reqwest::Client,
    _stop: DropGuard,
}

impl Served {
    async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    async fn with(settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
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
            client: delivery_client(),
            _stop: stop.drop_guard(),
        }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().unwrap();
        self.client
            .request(method, format!("{}/api/2.0/{path}", self.base))
            .bearer_auth(self.portal.api_key())
    }

    /// The status and the body, which is null when it is empty.
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
            .upload(room, title, b"content", Announced::Silently)
    }

    /// Copies or moves one file to the Inbox and waits until that is done.
    async fn operate(&self, kind: &str, file: &FileId, conflict: u8) -> Value {
        let path = format!("files/fileops/{kind}");
        let (status, started) = self.put(&path, self.to_inbox(file, conflict)).await;
        assert_eq!(status, 200, "{started}");
        self.portal.operations_settled().await;
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

/// A receiver of webhooks that keeps what it gets.
#[derive(Clone, Default)]
struct Receiver {
    got: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl Receiver {
    /// Serves a receiver that gives these answers first and 200 from then on; with its address.
    async fn answering(answers: &[u16]) -> (Self, String) {
        let receiver = Self::default();
        receiver.answers.lock().unwrap().extend(answers);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/docspace", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/docspace", any(receive))
            .with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, url)
    }

    fn bodies(&self) -> Vec<Value> {
        let got = self.got.lock().unwrap();
        let bodies = got.iter();
        bodies
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
        receiver.got.lock().unwrap().push((headers, body));
    }
    let answer = receiver.answers.lock().unwrap().pop_front();
    StatusCode::from_u16(answer.unwrap_or(200)).unwrap()
}

/// Settings under which retries follow at once.
fn hasty() -> Settings {
    Settings {
        retry_waits: vec![Duration::from_millis(1); 5],
        ..Settings::default()
    }
}
