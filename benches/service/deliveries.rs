//! Signed deliveries as DocSpace sends them, each with an event and a file of its own.

use docspace_courier::clock::Clock;
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
    is_lower_case: bool,
}

impl Deliveries {
    /// Uploads into this folder.
    pub fn new(secret: &str, folder: &FolderId) -> Self {
        // Only what happened lately is acted on.
        let now = Clock::system()
            .now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string();
        let template = TEMPLATE
            .replace("539564", folder.as_str())
            .replace("2026-03-02T09:14:31Z", &now);
        let (before_event, rest) = template.split_once("902341").unwrap();
        let (before_file, rest) = rest.split_once("1482901").unwrap();
        Self {
            secret: WebhookSecret::new(secret),
            parts: [before_event, before_file, rest].map(str::to_owned),
            is_lower_case: false,
        }
    }

    /// The same with signatures in lower case, which some receivers expect. DocSpace sends upper case.
    pub fn with_lower_case_signature(self) -> Self {
        Self {
            is_lower_case: true,
            ..self
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
        let mut signature = self.secret.sign(body.as_bytes());
        if self.is_lower_case {
            signature.make_ascii_lowercase();
        }
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\
             Content-Type: application/json; charset=utf-8\r\n\
             x-docspace-signature-256: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}
