//! The responses of the public listener over real connections.

use std::time::Duration;

use docspace_courier::signature::WebhookSecret;
use prometheus_client::registry::Registry;
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::floods::WRONG;
use crate::page::Log;
use crate::scene::{Leftover, Scene, scenario};

const BODY: &[u8] = include_bytes!("../data/webhook/file.uploaded.other-room.json");
const LIMIT: usize = 2 * 1024 * 1024;

/// Posts to the receiver of a scene.
struct Sender<'scene> {
    scene: &'scene Scene,
    client: reqwest::Client,
}

impl<'scene> Sender<'scene> {
    fn new(scene: &'scene Scene) -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Self { scene, client }
    }

    fn sign(&self, body: &[u8]) -> String {
        WebhookSecret::new(self.scene.portal.secret()).sign(body)
    }

    async fn post(&self, signature: Option<&str>, body: &[u8]) -> (u16, String) {
        let mut request = self.client.post(&self.scene.address).body(body.to_vec());
        if let Some(signature) = signature {
            request = request.header("x-docspace-signature-256", signature);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn post_signed(&self, body: &[u8]) -> (u16, String) {
        self.post(Some(&self.sign(body)), body).await
    }

    async fn stored(&self) -> Vec<(String, Option<String>)> {
        self.scene
            .db
            .read(|sql| {
                sql.query("SELECT state, reason FROM events ORDER BY id", &[], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
            })
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn only_deliveries_with_a_valid_signature_are_stored() {
    scenario(async |scene| {
        let sender = Sender::new(scene);
        let good = sender.sign(BODY);
        let digits = good.strip_prefix("sha256=").unwrap();
        let mut changed = BODY.to_vec();
        changed[20] ^= 1;

        let refused = [
            (None, BODY),
            (Some(String::new()), BODY),
            (Some(digits.to_owned()), BODY),
            (Some(format!("sha1={digits}")), BODY),
            (Some(format!("SHA256={digits}")), BODY),
            (Some(format!("sha256={}", &digits[1..])), BODY),
            (Some(format!("sha256=zz{}", &digits[2..])), BODY),
            (Some(WebhookSecret::new("Other-Secret-2").sign(BODY)), BODY),
            (Some(good.clone()), changed.as_slice()),
            (Some(good.clone()), b"".as_slice()),
        ];
        for (signature, body) in &refused {
            let (status, text) = sender.post(signature.as_deref(), body).await;
            assert_eq!(status, 401, "{signature:?}");
            assert_eq!(text, "The signature is missing or does not match.\n");
        }
        assert_eq!(sender.stored().await, []);

        let accepted = (200, r#"{"status":"accepted"}"#.to_owned());
        let duplicate = (200, r#"{"status":"duplicate"}"#.to_owned());
        assert_eq!(sender.post(Some(&good), BODY).await, accepted);
        assert_eq!(
            sender.post(Some(&good.to_lowercase()), BODY).await,
            duplicate
        );
        sender.scene.work().await;
        assert_eq!(sender.stored().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn signed_bodies_of_every_kind_get_the_right_status() {
    scenario(async |scene| {
        scene.leaving(Leftover::UndecidedEvents, 1);
        scene.leaving(Leftover::UnreadableEvents, 6);
        let sender = Sender::new(scene);
        let deep_array = "[".repeat(100_000) + &"]".repeat(100_000);
        let deep_object = format!(r#"{{"a":{deep_array}}}"#);
        let deep_payload = r#"{"payload":"#.repeat(50_000) + "1" + &"}".repeat(50_000);
        let largest = format!(r#"{{"padding":"{}"}}"#, "x".repeat(LIMIT - 14));
        assert_eq!(largest.len(), LIMIT);

        let check = async |body: &[u8], expected: u16| {
            let (status, _) = sender.post_signed(body).await;
            let start = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            assert_eq!(status, expected, "{start}");
        };
        check(b"", 400).await;
        check(b"null", 400).await;
        check(b"[1, 2]", 400).await;
        check(b"{\"event\":", 400).await;
        check(b"{\"title\": \"\xff\xfe\"}", 400).await;
        check(deep_array.as_bytes(), 400).await;
        let unreadable = sender.stored().await;
        assert_eq!(unreadable.len(), 6);
        for (state, reason) in unreadable {
            assert_eq!(state, "unreadable");
            assert!(reason.unwrap().starts_with("the body is not a JSON object"));
        }

        check(b"{}", 200).await;
        check(deep_object.as_bytes(), 200).await;
        check(deep_payload.as_bytes(), 200).await;
        check(largest.as_bytes(), 200).await;
        check(
            include_bytes!("../data/webhook/legacy.pre31.upload.json"),
            200,
        )
        .await;
        check(
            include_bytes!("../data/webhook/future.unknown-trigger.json"),
            200,
        )
        .await;
        check(include_bytes!("../data/webhook/user.created.json"), 200).await;
        sender.scene.work().await;
        assert_eq!(sender.scene.actions().await, []);
        check(BODY, 200).await;
    })
    .await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_unread() {
    scenario(async |scene| {
        scene.leaving(Leftover::UndecidedEvents, 1);
        let sender = Sender::new(scene);
        for size in [LIMIT + 1, 2 * LIMIT] {
            let body = vec![b' '; size];
            assert_eq!(sender.post_signed(&body).await.0, 413, "{size}");
        }

        // A length in the header: the response comes before any byte of the body.
        let head = "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000000\r\n\r\n";
        assert!(
            exchange(&sender, head.as_bytes())
                .await
                .starts_with("HTTP/1.1 413 ")
        );

        // No length in the header: chunks until the limit is exceeded.
        let head = format!(
            "POST /webhook HTTP/1.1\r\nHost: x\r\n{WRONG}Transfer-Encoding: chunked\r\n\r\n"
        );
        let mut chunked = head.into_bytes();
        for _ in 0..33 {
            chunked.extend_from_slice(b"10000\r\n");
            chunked.extend_from_slice(&vec![b'x'; 0x10000]);
            chunked.extend_from_slice(b"\r\n");
        }
        assert!(
            exchange(&sender, &chunked)
                .await
                .starts_with("HTTP/1.1 413 ")
        );
        assert_eq!(sender.post_signed(BODY).await.0, 200);
    })
    .await;
}

/// Sends bytes, and reads the response until the connection is closed.
async fn exchange(sender: &Sender<'_>, bytes: &[u8]) -> String {
    let host = sender
        .scene
        .address
        .strip_prefix("http://")
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer))
        .await
        .expect("the connection is closed in time")
        .unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn slow_headers_and_bodies_time_out() {
    scenario(async |scene| {
        scene.leaving(Leftover::UndecidedEvents, 1);
        let sender = Sender::new(scene);
        let headers = exchange(&sender, b"POST /webhook HTTP/1.1\r\nHost: x\r\n");
        let body =
            format!("POST /webhook HTTP/1.1\r\nHost: x\r\n{WRONG}Content-Length: 9\r\n\r\n{{");
        let body = exchange(&sender, body.as_bytes());
        let (headers, body) = tokio::join!(headers, body);
        assert!(
            headers.is_empty() || headers.starts_with("HTTP/1.1 408 "),
            "{headers}"
        );
        assert!(body.starts_with("HTTP/1.1 408 "), "{body}");
        assert_eq!(sender.post_signed(BODY).await.0, 200);
    })
    .await;
}

#[tokio::test]
async fn both_webhook_paths_answer_checks() {
    scenario(async |scene| {
        let sender = Sender::new(scene);
        let other = sender
            .scene
            .address
            .replace("/webhook", "/docspace/webhook");
        let health = sender.scene.address.replace("/webhook", "/healthz");
        let unknown = sender.scene.address.replace("/webhook", "/admin");
        let check = async |method: Method, address: &str, expected: StatusCode| {
            let response = sender
                .client
                .request(method.clone(), address)
                .send()
                .await
                .unwrap();
            assert_eq!(response.status(), expected, "{method} {address}");
        };
        let slashes = [&sender.scene.address, &other].map(|address| format!("{address}/"));
        for address in [&sender.scene.address, &other].into_iter().chain(&slashes) {
            check(Method::HEAD, address, StatusCode::OK).await;
            check(Method::GET, address, StatusCode::OK).await;
            check(Method::POST, address, StatusCode::UNAUTHORIZED).await;
            check(Method::PUT, address, StatusCode::METHOD_NOT_ALLOWED).await;
        }
        check(Method::GET, &health, StatusCode::OK).await;
        check(Method::GET, &unknown, StatusCode::NOT_FOUND).await;
    })
    .await;
}

#[tokio::test]
async fn a_delivery_is_accepted_with_a_slash_at_the_end_of_the_path() {
    scenario(async |scene| {
        let sender = Sender::new(scene);
        let url = format!("{}/", sender.scene.address);
        let response = sender
            .client
            .post(url)
            .header("x-docspace-signature-256", sender.sign(BODY))
            .body(BODY)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        scene.work_to_the_end().await;
    })
    .await;
}

#[tokio::test]
async fn deliveries_to_an_unknown_path_are_counted_and_logged_rarely() {
    scenario(async |scene| {
        let log = Log::default();
        let _guard = log.capture();
        let sender = Sender::new(scene);
        let url = sender.scene.address.replace("/webhook", "/hooks/webhook");
        let post = async |signature: Option<&str>| {
            let mut request = sender.client.post(&url).body(BODY);
            if let Some(signature) = signature {
                request = request.header("x-docspace-signature-256", signature);
            }
            assert_eq!(
                request.send().await.unwrap().status(),
                StatusCode::NOT_FOUND
            );
        };
        post(None).await;
        assert_eq!(log.lines_with("unknown path"), 0);
        for _ in 0..3 {
            post(Some("sha256=")).await;
        }
        assert_eq!(log.lines_with("unknown path"), 1);
        let metrics = sender.scene.metrics.render(&Registry::default());
        let line = "courier_deliveries_total{answer=\"wrong_path\",reason=\"\"} 3";
        assert!(metrics.contains(line), "{metrics}");
    })
    .await;
}
