//! Clients that send a byte a second, many of them, and one in a hurry.

use std::time::{Duration, Instant};

use docspace_courier::signature::WebhookSecret;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::scene::{Leftover, scenario};

/// Slow clients, half of them in their headers, half in their bodies.
const CLIENTS: usize = 500;

/// How long a delivery may take beside them, on a machine that does other things, too.
const PROMPT: Duration = Duration::from_secs(2);

/// When the last of them must have been closed.
const BOUND: Duration = Duration::from_secs(40);

/// Sends the start at once and then a byte a second, until the other side closes.
async fn crawl(host: String, start: &'static str) -> String {
    let stream = TcpStream::connect(host).await.unwrap();
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
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_clients_keep_nobody_from_being_served() {
    scenario(async |scene| {
        let host = scene.address.strip_prefix("http://").unwrap();
        let host = host.split('/').next().unwrap().to_owned();
        let mut crawling = JoinSet::new();
        for number in 0..CLIENTS {
            let start = if number % 2 == 0 {
                "POST /webhook HTTP/1.1\r\nHost: "
            } else {
                "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
            };
            crawling.spawn(crawl(host.clone(), start));
        }

        let secret = WebhookSecret::new(scene.portal.secret());
        let mut served = 0;
        let mut slowest = Duration::ZERO;
        let ended = tokio::time::timeout(BOUND, async {
            let client = reqwest::Client::builder()
                .no_proxy()
                .pool_max_idle_per_host(0);
            let client = client.build().unwrap();
            let mut answers = Vec::new();
            while answers.len() < CLIENTS {
                let body = format!(r#"{{"event": {{"id": {served}, "trigger": "user.created"}}}}"#);
                let signature = secret.sign(body.as_bytes());
                let request = client.post(&scene.address);
                let begun = Instant::now();
                let answer = request
                    .header("x-docspace-signature-256", signature)
                    .body(body)
                    .send();
                assert_eq!(answer.await.unwrap().status(), 200);
                slowest = slowest.max(begun.elapsed());
                served += 1;
                while let Some(answer) = crawling.try_join_next() {
                    answers.push(answer.unwrap());
                }
                tokio::task::yield_now().await;
            }
            answers
        });
        let answers = ended.await.expect("slow clients are closed in time");
        assert!(served > 50, "{served} served");
        scene.leaving(Leftover::UndecidedEvents, served);
        assert!(slowest < PROMPT, "{slowest:?}");
        let told = answers
            .iter()
            .filter(|answer| answer.starts_with("HTTP/1.1 408 "))
            .count();
        // Where a client's next byte meets the end of its connection, the reset can overtake the answer.
        assert!(told > CLIENTS / 4, "of the slow bodies {told} are told why");
    })
    .await;
}
