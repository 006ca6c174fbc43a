//! Many clients that send one byte per second, and one that delivers promptly.

use std::time::{Duration, Instant};

use docspace_courier::signature::WebhookSecret;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::bounds::STATE_BOUND;
use crate::floods::WRONG;
use crate::scene::scenario;

/// Number of slow clients; half of them are slow in their headers, half in their bodies.
const CLIENTS: usize = 500;

/// How long the service lets a client take for a head, or for a body.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How much later a client may notice on a busy machine that it was closed.
const TOLERANCE: Duration = Duration::from_secs(2);

/// Sends the start at once and then one byte per second, until the service closes the connection. Returns the answer
/// and how long that took.
async fn crawl(host: String, start: String) -> (String, Duration) {
    let stream = TcpStream::connect(host).await.unwrap();
    let started = Instant::now();
    let (mut reader, mut writer) = stream.into_split();
    let writing = tokio::spawn(async move {
        let mut interval = tokio::time::interval(Duration::from_secs(1));
        let mut rest: &[u8] = start.as_bytes();
        while writer.write_all(rest).await.is_ok() {
            interval.tick().await;
            rest = b"x";
        }
    });
    let mut answer = Vec::new();
    let _ = reader.read_to_end(&mut answer).await;
    writing.abort();
    (String::from_utf8(answer).unwrap(), started.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_clients_do_not_delay_deliveries_and_are_closed() {
    scenario(async |scene| {
        let host = scene.address.strip_prefix("http://").unwrap();
        let host = host.split('/').next().unwrap().to_owned();
        let mut crawling = JoinSet::new();
        for number in 0..CLIENTS {
            let start = if number % 2 == 0 {
                "POST /webhook HTTP/1.1\r\nHost: ".to_owned()
            } else {
                format!("POST /webhook HTTP/1.1\r\nHost: x\r\n{WRONG}Content-Length: 1000\r\n\r\n")
            };
            crawling.spawn(crawl(host.clone(), start));
        }

        let secret = WebhookSecret::new(scene.portal.secret());
        let mut served = 0;
        let closed = tokio::time::timeout(STATE_BOUND, async {
            let client = reqwest::Client::builder()
                .no_proxy()
                .pool_max_idle_per_host(0);
            let client = client.build().unwrap();
            let mut answers = Vec::new();
            while answers.len() < CLIENTS {
                let body = format!(r#"{{"event": {{"id": {served}, "trigger": "user.created"}}}}"#);
                let response = client
                    .post(&scene.address)
                    .header("x-docspace-signature-256", secret.sign(body.as_bytes()))
                    .body(body)
                    .send();
                assert_eq!(response.await.unwrap().status(), 200);
                served += 1;
                while let Some(answer) = crawling.try_join_next() {
                    answers.push(answer.unwrap());
                }
                tokio::task::yield_now().await;
            }
            answers
        });
        let answers: Vec<(String, Duration)> = closed.await.expect("slow clients are closed");
        assert!(served > 50, "{served} served");
        for (answer, took) in &answers {
            assert!(
                *took < TIMEOUT + TOLERANCE,
                "closed after {took:?}: {answer}"
            );
        }
        let timed_out = answers
            .iter()
            .filter(|(answer, _)| answer.starts_with("HTTP/1.1 408 "));
        assert!(timed_out.count() >= CLIENTS / 2, "every slow body gets 408");
    })
    .await;
}
