//! Request smuggling: requests whose end a proxy may see elsewhere, with a valid delivery hidden behind them.
//!
//! Of the shapes below, hyper accepts bare line feeds and a repeated `Content-Length`. What must hold for
//! every shape is that the hidden delivery is not served.

use std::time::Duration;

use docspace_courier::signature::WebhookSecret;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::scene::{Scene, scenario};

struct Attacker<'scene>(&'scene Scene);

impl Attacker<'_> {
    /// A complete request that would be accepted.
    fn delivery(&self) -> String {
        let body = format!(r#"{{"event": {{"id": {}}}}}"#, fastrand::u32(..));
        let signature = WebhookSecret::new(self.0.portal.secret()).sign(body.as_bytes());
        format!(
            "POST /webhook HTTP/1.1\r\nHost: x\r\nx-docspace-signature-256: {signature}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// Sends bytes and reads until the connection is closed.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let host = self.0.address.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host.split('/').next().unwrap())
            .await
            .unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let closed = stream.read_to_end(&mut answer);
        let closed = tokio::time::timeout(Duration::from_secs(30), closed).await;
        closed.expect("the connection is closed in time").unwrap();
        String::from_utf8(answer).unwrap()
    }

    async fn stored(&self) -> i64 {
        let events = self
            .0
            .db
            .read(|sql| sql.query_one("SELECT count(*) FROM events", &[], |row| row.get(0)));
        events.await.unwrap()
    }

    /// Sends a request with a valid delivery hidden behind it: there is one response, which accepts nothing and
    /// closes the connection, and the hidden delivery is not stored.
    async fn check_not_served(&self, start: &str) {
        let text = format!("{start}{}", self.delivery());
        let answers = self.exchange(text.as_bytes()).await;
        let status = answers.strip_prefix("HTTP/1.1 ").unwrap_or_default();
        let is_rejected = ["400 ", "401 "].iter().any(|code| status.starts_with(code));
        assert!(is_rejected, "{start:?}: {answers}");
        self.check_single(start, &answers).await;
    }

    async fn check_single(&self, start: &str, answers: &str) {
        let count = answers.matches("HTTP/1.1 ").count();
        assert_eq!(count, 1, "{start:?}: {answers}");
        assert!(
            answers.contains("\r\nconnection: close\r\n"),
            "{start:?}: {answers}"
        );
        assert_eq!(self.stored().await, 0, "{start:?}");
    }
}

#[tokio::test]
async fn well_formed_requests_on_one_connection_are_served() {
    scenario(async |scene| {
        let attacker = Attacker(scene);
        let bye = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let text = format!("{}{}{bye}", attacker.delivery(), attacker.delivery());
        let answers = attacker.exchange(text.as_bytes()).await;
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
        assert_eq!(attacker.stored().await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_hidden_request_is_not_served() {
    scenario(async |scene| {
        let attacker = Attacker(scene);
        let post = "POST /webhook HTTP/1.1\r\nHost: x\r\n";
        for head in [
            // Two lengths.
            "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
            "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
            "Content-Length: 0, 0\r\n\r\n",
            // Lengths that some parsers accept and others do not.
            "Content-Length: +0\r\n\r\n",
            "Content-Length: -1\r\n\r\n",
            "Content-Length: 0x0\r\n\r\n",
            "Content-Length:\r\n\r\n",
            "Content-Length : 0\r\n\r\n",
            "Content-Length\u{b}: 0\r\n\r\n",
            "Content-Length: 99999999999999999999999\r\n\r\n",
            // Encodings that some parsers accept and others do not.
            "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
            // Line ends that some parsers accept and others do not.
            "A: b\r\n c: d\r\nContent-Length: 0\r\n\r\n",
            "A: b\nContent-Length: 0\r\n\r\n",
            "A: b\rContent-Length: 0\r\n\r\n",
            "Content-Length: 0\n\n",
            "Content-Length: 0\r\n\n",
            "Content-Length: 0\n\r\n",
            "A: b\0c\r\nContent-Length: 0\r\n\r\n",
            "A\r\nContent-Length: 0\r\n\r\n",
            // Chunk sizes that parsers read differently.
            "Transfer-Encoding: chunked\r\n\r\n0\n\n",
            "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n0 0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n0;a\nb\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
            "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n",
        ] {
            attacker.check_not_served(&format!("{post}{head}")).await;
        }
        for start in [
            "POST /webhook HTTP/1.1\nHost: x\r\nContent-Length: 0\r\n\r\n",
            "POST  /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
            "POST /webhook HTTP/1.1 \r\nHost: x\r\nContent-Length: 0\r\n\r\n",
            "POST /webhook HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST /webhook HTTP/0.9\r\n\r\n",
            "POST /webhook\r\n\r\n",
            " POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        ] {
            attacker.check_not_served(start).await;
        }
    })
    .await;
}

#[tokio::test]
async fn only_a_verified_delivery_keeps_its_connection_open() {
    scenario(async |scene| {
        let attacker = Attacker(scene);
        for (start, status) in [
            ("GET /webhook HTTP/1.1\r\nHost: x\r\n\r\n", "200"),
            ("GET /webhook HTTP/1.1\nHost: x\n\n", "200"),
            (
                "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
                "200",
            ),
            ("HEAD /webhook HTTP/1.1\r\nHost: x\r\n\r\n", "200"),
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
            (
                "PUT /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
                "405",
            ),
            (
                "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
                "401",
            ),
            (
                "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n",
                "413",
            ),
        ] {
            let text = format!("{start}{}", attacker.delivery());
            let answers = attacker.exchange(text.as_bytes()).await;
            let line = format!("HTTP/1.1 {status} ");
            assert!(answers.starts_with(&line), "{start:?}: {answers}");
            attacker.check_single(start, &answers).await;
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_is_read_after_a_chunked_body() {
    scenario(async |scene| {
        let attacker = Attacker(scene);
        let chunked = attacker.delivery().replacen(
            "Content-Length",
            "Transfer-Encoding: chunked\r\nX-Length",
            1,
        );
        let (head, body) = chunked.split_once("\r\n\r\n").unwrap();
        let chunked = format!("{head}\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        let answers = attacker
            .exchange(format!("{chunked}{}", attacker.delivery()).as_bytes())
            .await;
        assert!(answers.starts_with("HTTP/1.1 200 "), "{answers}");
        assert!(answers.contains("connection: close"), "{answers}");
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
        assert_eq!(attacker.stored().await, 1);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_read_after_a_chunked_body_without_a_signature() {
    scenario(async |scene| {
        let attacker = Attacker(scene);
        let start =
            "POST /webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        let text = format!("{start}{}", attacker.delivery());
        let answers = attacker.exchange(text.as_bytes()).await;
        assert!(answers.starts_with("HTTP/1.1 401 "), "{answers}");
        attacker.check_single(start, &answers).await;
    })
    .await;
}

#[tokio::test]
async fn a_delivery_is_not_served_from_within_a_body() {
    scenario(async |scene| {
        let attacker = Attacker(scene);
        let hidden = attacker.delivery();
        let length = hidden.len();
        let text = format!(
            "POST /webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{hidden}"
        );
        let answers = attacker.exchange(text.as_bytes()).await;
        assert!(answers.starts_with("HTTP/1.1 401 "), "{answers}");
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
        assert_eq!(attacker.stored().await, 0);
    })
    .await;
}

#[tokio::test]
async fn heads_have_bounds() {
    scenario(async |scene| {
        let attacker = Attacker(scene);
        let check = async |text: String, status: &str| {
            let answer = attacker.exchange(text.as_bytes()).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{answer}"
            );
        };
        let get = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
        let headers = |count: usize| "A: b\r\n".repeat(count);
        check(format!("{get}{}\r\n", headers(60)), "200").await;
        check(format!("{get}{}\r\n", headers(70)), "431").await;
        let long = |length: usize| format!("A: {}\r\n", "b".repeat(length));
        check(format!("{get}{}\r\n", long(7_000)), "200").await;
        check(format!("{get}{}\r\n", long(9_000)), "431").await;
        check(format!("{get}{}\r\n", long(5_000).repeat(4)), "431").await;
        check(format!("{get}{}\r\n", long(100_000)), "431").await;
        let path = "x".repeat(9_000);
        check(format!("GET /{path} HTTP/1.1\r\nHost: x\r\n\r\n"), "431").await;
    })
    .await;
}

#[tokio::test]
async fn compressed_bodies_are_refused_unread() {
    scenario(async |scene| {
        let attacker = Attacker(scene);
        let encoded = |encoding: &str| {
            let header =
                format!("Host: x\r\nConnection: close\r\nContent-Encoding: {encoding}\r\n");
            attacker.delivery().replacen("Host: x\r\n", &header, 1)
        };
        for encoding in [
            "gzip",
            "br",
            "deflate",
            "gzip, identity",
            "identity\r\nContent-Encoding: gzip",
        ] {
            let answer = attacker.exchange(encoded(encoding).as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 415 "), "{encoding}: {answer}");
        }
        assert_eq!(attacker.stored().await, 0);
        let answer = attacker.exchange(encoded("identity").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    })
    .await;
}
