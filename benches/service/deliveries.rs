//! Signed deliveries as DocSpace sends them, each with an event and a file of its own.

use docspace_courier::signature::WebhookSecret;
use docspace_sandbox::FolderId;

/// The secret of every receiver that is started here.
pub const SECRET: &str = "Sandbox-Secret-1";

const TEMPLATE: &str = include_str!("../../tests/data/webhook/file.uploaded.json");

/// Makes deliveries.
#[derive(Clone)]
pub struct Deliveries {
    secret: WebhookSecret,
    /// The template around the event's id, the file's id and the folder.
    parts: [String; 3],
}

impl Deliveries {
    /// Uploads into this folder.
    pub fn new(secret: &str, folder: &FolderId) -> Self {
        let template = TEMPLATE.replace("539564", folder.as_str());
        let (before_event, rest) = template.split_once("902341").unwrap();
        let (before_file, rest) = rest.split_once("1482901").unwrap();
        Self {
            secret: WebhookSecret::new(secret),
            parts: [before_event, before_file, rest].map(str::to_owned),
        }
    }

    /// The body with this number.
    pub fn body(&self, number: u64) -> String {
        let [before_event, before_file, rest] = &self.parts;
        let file = 2_000_000 + number;
        format!("{before_event}{number}{before_file}{file}{rest}")
    }

    /// The whole request with this number.
    pub fn request(&self, number: u64, path: &str) -> Vec<u8> {
        let body = self.body(number);
        let signature = self.secret.sign(body.as_bytes());
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\
             Content-Type: application/json; charset=utf-8\r\n\
             x-docspace-signature-256: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}
