//! Clients without the secret that use up memory, connections or the log, while deliveries arrive.

use std::time::Duration;

use docspace_courier::signature::WebhookSecret;
use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::bounds::{STATE_BOUND, until};
use crate::page::Log;
use crate::scene::{Leftover, Scene, scenario};

/// Number of connections that hold back the end of a body; their bodies exceed the body memory.
const HALF_SENT: usize = 48;

/// The largest body that is accepted.
const LARGEST: usize = 2 * 1024 * 1024;

/// A well-formed signature that matches no body.
pub const WRONG: &str = "x-docspace-signature-256: \
                     sha256=B86BEE2F6CCD63EF28E8AD8820E8738D6B5FB9C71B14479A6CAA7300DBA72A54\r\n";

/// The receiver's host and port.
fn host(scene: &Scene) -> &str {
    let host = scene.address.strip_prefix("http://").unwrap();
    host.split('/').next().unwrap()
}

async fn connect(scene: &Scene) -> TcpStream {
    TcpStream::connect(host(scene)).await.unwrap()
}

/// Sends bytes to the receiver, and reads until the connection is closed.
async fn exchange(scene: &Scene, bytes: &[u8]) -> String {
    exchange_with(host(scene), bytes).await
}

/// Sends bytes to an address, and reads until the connection is closed.
pub async fn exchange_with(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut response = Vec::new();
    let read = tokio::time::timeout(STATE_BOUND, stream.read_to_end(&mut response));
    read.await.expect("the connection is closed").unwrap();
    String::from_utf8(response).unwrap()
}

/// Delivers an event that no rule wants. Returns the status of the response.
pub async fn deliver(scene: &Scene, id: usize) -> u16 {
    let body = format!(r#"{{"event": {{"id": {id}, "trigger": "user.created"}}}}"#);
    let signature = WebhookSecret::new(scene.portal.secret()).sign(body.as_bytes());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .post(&scene.address)
        .header("x-docspace-signature-256", signature);
    request.body(body).send().await.unwrap().status().as_u16()
}

/// What the service counted as `answer`.
fn counted(scene: &Scene, answer: &str) -> u64 {
    let metrics = scene.metrics.render(&Registry::default());
    let start = format!("courier_deliveries_total{{answer=\"{answer}\"");
    let lines = metrics.lines().filter(|line| line.starts_with(&start));
    let counts = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    counts.sum()
}

#[tokio::test]
async fn a_request_without_a_well_formed_signature_is_rejected_before_its_body() {
    scenario(async |scene| {
        for signature in ["", "x-docspace-signature-256: sha256=12\r\n"] {
            let head = format!(
                "POST /webhook HTTP/1.1\r\nHost: x\r\n{signature}Content-Length: 100\r\n\r\n"
            );
            let response = exchange(scene, head.as_bytes()).await;
            assert!(response.starts_with("HTTP/1.1 401 "), "{response}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_that_never_end_do_not_make_a_delivery_fail() {
    scenario(async |scene| {
        let head = format!(
            "POST /webhook HTTP/1.1\r\nHost: x\r\n{WRONG}Content-Length: {LARGEST}\r\n\r\n"
        );
        let mut half_sent = Vec::new();
        for _ in 0..HALF_SENT {
            let mut stream = connect(scene).await;
            let body = vec![b' '; LARGEST - 1];
            let bytes = [head.as_bytes(), &body].concat();
            // The service may close the connection first.
            half_sent.push(tokio::spawn(async move {
                let _ = stream.write_all(&bytes).await;
                stream
            }));
        }
        until(STATE_BOUND, "the body memory is full", async || {
            counted(scene, "unavailable") > 0
        })
        .await;
        for id in 1..=20 {
            assert_eq!(deliver(scene, id).await, 200, "{id}");
        }
        for sending in half_sent {
            sending.abort();
        }
    })
    .await;
}

#[tokio::test]
async fn a_request_without_exactly_one_host_is_rejected() {
    scenario(async |scene| {
        for hosts in ["", "Host: x\r\nHost: x\r\n", "Host: x\r\nHost: y\r\n"] {
            let request = format!("GET /healthz HTTP/1.1\r\n{hosts}\r\n");
            let response = exchange(scene, request.as_bytes()).await;
            assert!(
                response.starts_with("HTTP/1.1 400 "),
                "{hosts:?}: {response}"
            );
        }
        let response = exchange(scene, b"GET /healthz HTTP/1.0\r\n\r\n").await;
        assert!(response.starts_with("HTTP/1.0 200 "), "{response}");
    })
    .await;
}

#[tokio::test]
async fn rejections_are_counted_and_logged_rarely() {
    scenario(async |scene| {
        let log = Log::default();
        let _guard = log.capture();
        let post = "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n";
        for _ in 0..50 {
            exchange(scene, format!("{post}\r\n").as_bytes()).await;
            exchange(scene, format!("{post}{WRONG}\r\n").as_bytes()).await;
        }
        assert_eq!(log.lines_with("rejected"), 2, "one line for each reason");
        scene.clock.advance(Duration::from_secs(10));
        exchange(scene, format!("{post}\r\n").as_bytes()).await;
        assert_eq!(log.lines_with("rejected"), 3);
        assert_eq!(counted(scene, "unauthorized"), 101);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_cannot_be_parsed_is_stored_once() {
    scenario(async |scene| {
        scene.leaving(Leftover::UnreadableEvents, 2);
        let sign = |body: &[u8]| WebhookSecret::new(scene.portal.secret()).sign(body);
        for body in ["[1]", "[2]", "[1]", "[2]", "[1]"] {
            let request = format!(
                "POST /webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                 x-docspace-signature-256: {}\r\nContent-Length: 3\r\n\r\n{body}",
                sign(body.as_bytes())
            );
            let response = exchange(scene, request.as_bytes()).await;
            assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
        }
        let count = scene.db.read(|sql| {
            let query = "SELECT count(*), CAST(sum(deliveries) AS BIGINT) FROM events";
            sql.query_one(query, &[], |row| Ok((row.get(0)?, row.get(1)?)))
        });
        let (events, deliveries): (i64, i64) = count.await.unwrap();
        assert_eq!((events, deliveries), (2, 5));
    })
    .await;
}
