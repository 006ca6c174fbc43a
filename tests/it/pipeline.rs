//! The pipeline is called after the move, with a signature, until it accepts the call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use docspace_courier::actions::{Call, Notify};
use docspace_courier::notify::Channels;
use docspace_courier::notify::chat::Chat;
use docspace_courier::pipeline::{self, Pipeline, Signer};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::mail_server::{MailServer, run_python};
use crate::scene::{Leftover, scenario};

/// A received request.
#[derive(Clone, Debug)]
pub struct Received {
    headers: HeaderMap,
    body: String,
    /// The status of the response.
    pub status: u16,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// A response.
#[derive(Clone, Copy)]
pub struct Answer {
    pub status: u16,
    /// The value of `Retry-After`.
    pub retry_after: Option<&'static str>,
    /// The body; `None` for more than the service reads.
    pub body: Option<&'static str>,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self {
            status,
            retry_after: None,
            body: None,
        }
    }
}

/// A server that receives JSON: a chat or a pipeline.
#[derive(Clone, Default)]
pub struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
    /// The next responses, the last one first; 200 after them.
    answers: Arc<Mutex<Vec<Answer>>>,
    /// Requests whose body contains this get 500.
    fails_for: Arc<Mutex<Option<String>>>,
}

impl Receiver {
    pub async fn start() -> Self {
        Self::start_on(0).await
    }

    /// Starts on this port; 0 means any.
    pub async fn start_on(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let receiver = Self {
            url: format!("http://{}/hook", listener.local_addr().unwrap()),
            ..Self::default()
        };
        let router = Router::new()
            .fallback(post(receive))
            .with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    /// The address to post to.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Responds to one request with this status.
    pub fn answer_once(&self, status: u16) {
        self.answer(Answer::status(status));
    }

    /// Responds to one request with this.
    pub fn answer(&self, answer: Answer) {
        self.answers.lock().unwrap().push(answer);
    }

    /// Responds with 500 to requests whose body contains this, from now on.
    pub fn fail_for(&self, text: &str) {
        *self.fails_for.lock().unwrap() = Some(text.to_owned());
    }

    fn ask_to_wait(&self, status: u16, retry_after: &'static str) {
        self.answer(Answer {
            retry_after: Some(retry_after),
            ..Answer::status(status)
        });
    }

    pub fn calls(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub fn chat(&self) -> Chat {
        Chat::new(self.url.clone().into()).unwrap()
    }

    /// The address with another path, by which the service recognizes the kind of chat.
    pub fn url_at(&self, path: &str) -> String {
        self.url.replace("/hook", path)
    }

    pub fn as_chat(&self) -> Channels {
        Channels {
            chat: Some(self.chat()),
            ..Channels::default()
        }
    }

    pub fn as_pipeline(&self, secret: Option<&str>) -> Channels {
        let settings = pipeline::PipelineSettings {
            name: "pipeline".to_owned(),
            url: self.url.clone().into(),
            signer: secret.map(|secret| Signer::new(secret).unwrap()),
        };
        Channels {
            pipeline: Some(Pipeline::new(settings).unwrap()),
            ..Channels::default()
        }
    }
}

async fn receive(
    State(receiver): State<Receiver>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap, String) {
    let body = String::from_utf8(body.to_vec()).unwrap();
    let fails = {
        let fails_for = receiver.fails_for.lock().unwrap();
        fails_for.as_ref().is_some_and(|text| body.contains(text))
    };
    let answer = if fails {
        Answer::status(500)
    } else {
        let next = receiver.answers.lock().unwrap().pop();
        next.unwrap_or(Answer::status(200))
    };
    receiver.received.lock().unwrap().push(Received {
        headers,
        body,
        status: answer.status,
    });
    let mut headers = HeaderMap::new();
    if let Some(wait) = answer.retry_after {
        headers.insert("retry-after", wait.parse().unwrap());
    }
    headers.insert("location", "http://127.0.0.1:1/".parse().unwrap());
    let body = answer.body.map(str::to_owned);
    (
        StatusCode::from_u16(answer.status).unwrap(),
        headers,
        body.unwrap_or_else(|| "x".repeat(1_000_000)),
    )
}

#[tokio::test]
async fn another_implementation_accepts_the_signature_of_a_call() {
    for secret in ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "any other text"] {
        scenario(async |scene| {
            let pipeline = Receiver::start().await;
            #[expect(
                clippy::disallowed_methods,
                reason = "the other side reads its own clock"
            )]
            let ahead = jiff::Timestamp::now().duration_since(scene.clock.now());
            scene.clock.advance(ahead.try_into().unwrap());
            scene.notify_after_move(pipeline.as_pipeline(Some(secret)), vec![Call::Call.into()]);
            scene.upload(&scene.client_room, "Invoice №42.pdf");
            scene.work().await;

            let calls = pipeline.calls();
            assert_eq!(calls.len(), 1);
            let headers: BTreeMap<&str, &str> = ["id", "timestamp", "signature"]
                .map(|name| match name {
                    "id" => ("webhook-id", calls[0].header("webhook-id")),
                    "timestamp" => ("webhook-timestamp", calls[0].header("webhook-timestamp")),
                    _ => ("webhook-signature", calls[0].header("webhook-signature")),
                })
                .into();
            let verify = |body: &str| {
                let given = json!({ "secret": secret, "headers": headers, "body": body });
                run_python("verify.py", &given.to_string())
            };
            verify(&calls[0].body).unwrap();
            let changed = calls[0].body.replace("Invoice", "Invoicf");
            let refused = verify(&changed).unwrap_err();
            assert!(refused.contains("refused"), "{refused}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_call_contains_event_file_result_and_links() {
    scenario(async |scene| {
        let pipeline = Receiver::start().await;
        scene.notify_after_move(pipeline.as_pipeline(None), vec![Call::Call.into()]);
        let invoice = scene.upload(&scene.subfolder, "Invoice.pdf");
        scene.work().await;
        let calls = pipeline.calls();
        assert!(!calls[0].headers.contains_key("webhook-signature"));
        assert_eq!(calls[0].header("content-type"), "application/json");
        let document = calls[0].json();
        let id: Value = serde_json::from_str(invoice.as_str()).unwrap();
        assert_eq!(document["rule"], "invoice");
        assert_eq!(document["event"]["trigger"], "file.uploaded");
        assert_eq!(document["event"]["happened_at"], "2026-03-02T09:00:00Z");
        assert_eq!(document["event"]["actor"], scene.portal.seed().client_user);
        assert_eq!(
            document["file"],
            json!({ "id": id, "title": "Invoice.pdf", "folder_id": 539_702 })
        );
        assert_eq!(
            document["result"],
            json!({ "action": "move", "file_id": id, "folder_id": 748_239 })
        );
        assert_eq!(document["results"], json!({ "folder": "748239" }));
        let link = document["links"]["file"].as_str().unwrap();
        assert!(
            link.ends_with(&format!("/doceditor?fileid={invoice}")),
            "{link}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_call_is_retried_with_the_same_id_after_the_requested_wait() {
    scenario(async |scene| {
        let pipeline = Receiver::start().await;
        scene.notify_after_move(pipeline.as_pipeline(None), vec![Call::Call.into()]);
        pipeline.answer_once(302);
        pipeline.answer_once(500);
        pipeline.ask_to_wait(429, "600");
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work().await;
        scene.clock.advance(Duration::from_secs(599));
        scene.work().await;
        assert_eq!(pipeline.calls().len(), 1);
        scene.work_to_the_end().await;
        let calls = pipeline.calls();
        assert_eq!(calls.len(), 4);
        for call in &calls {
            assert_eq!(call.header("webhook-id"), calls[0].header("webhook-id"));
            assert_eq!(call.body, calls[0].body);
        }
        assert_eq!(scene.calls("PUT", "fileops/move"), 1);
    })
    .await;
}

#[tokio::test]
async fn a_call_that_the_pipeline_rejects_is_a_dead_letter() {
    for (status, code) in [(410, "gone"), (400, "refused"), (422, "refused")] {
        scenario(async |scene| {
            scene.leaving(Leftover::DeadLetters, 1);
            let pipeline = Receiver::start().await;
            scene.notify_after_move(pipeline.as_pipeline(None), vec![Call::Call.into()]);
            pipeline.answer_once(status);
            scene.upload(&scene.client_room, "Invoice.pdf");
            scene.work_to_the_end().await;
            assert_eq!(scene.dead_code().await.as_deref(), Some(code), "{status}");
            assert_eq!(pipeline.calls().len(), 1);
        })
        .await;
    }
}

#[tokio::test]
async fn a_refused_mail_does_not_stop_the_call() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let pipeline = Receiver::start().await;
        let server = MailServer::start(&["--refuse", "gone@example.com"]);
        let channels = Channels {
            mailer: Some(server.mailer()),
            ..pipeline.as_pipeline(None)
        };
        let gone = Notify::email(Some("gone@example.com".to_owned())).into();
        scene.notify_after_move(channels, vec![gone, Call::Call.into()]);
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work_to_the_end().await;
        assert_eq!(pipeline.calls().len(), 1);
        assert_eq!(scene.dead_code().await.as_deref(), Some("mail_refused"));
        assert_eq!(scene.count("call", "done").await, 1);
    })
    .await;
}
