//! Servers whose answers never end: what is read of them is bounded in bytes and in time.

use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use docspace_courier::clock::Clock;
use docspace_courier::docspace::{Client, Error};
use docspace_courier::ids::FolderId;
use docspace_courier::notify::mail::{Email, Mailer, Security, SmtpSettings};
use docspace_courier::outgoing::{Failure, HttpEndpoint};
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::bounds::bounded;
use crate::certificates::{Authority, Signed};
use crate::mail_server::MailServer;
use crate::process::binary;
use crate::send::FIXTURE;

/// The most that a server sends; it sends all of it if nothing stops reading.
const FLOOD_BYTES: usize = 256 * 1024 * 1024;

/// The most that a server may be able to send: the largest bound of a response, and what the kernel buffers.
const MOST_SENT_BYTES: usize = 48 * 1024 * 1024;

/// The injected bound of the whole time.
const TIMEOUT: Duration = Duration::from_millis(400);

/// The pause between the bytes of a slow server, far below the bound.
const DRIP: Duration = Duration::from_millis(10);

/// What a server does, step by step; it repeats the last step.
#[derive(Clone, Copy)]
enum Step {
    /// Reads up to these bytes.
    Await(&'static [u8]),
    Say(&'static str),
    /// Sends this byte very often.
    Flood(u8),
    /// Sends this byte slowly and without end.
    Drip(u8),
}

use Step::{Await, Drip, Flood, Say};

/// The end of a request's head.
const HEAD: Step = Await(b"\r\n\r\n");

const OK: Step = Say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffff\r\n");

/// A server on loopback, for as long as the test's runtime.
struct Server {
    port: u16,
    sent_bytes: Arc<AtomicUsize>,
}

impl Server {
    async fn start(steps: &[Step], tls: Option<TlsAcceptor>) -> Self {
        let steps: Arc<[Step]> = steps.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let sent_bytes = Arc::new(AtomicUsize::new(0));
        let sent = Arc::clone(&sent_bytes);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (steps, tls, sent) = (Arc::clone(&steps), tls.clone(), Arc::clone(&sent));
                tokio::spawn(async move {
                    match tls {
                        None => drop(play(stream, &steps, &sent).await),
                        Some(tls) => {
                            let stream = tls.accept(stream).await.unwrap();
                            drop(play(stream, &steps, &sent).await);
                        }
                    }
                });
            }
        });
        Self { port, sent_bytes }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn assert_bounded(&self, what: &str) {
        let sent = self.sent_bytes.load(Ordering::Relaxed);
        assert!(sent < MOST_SENT_BYTES, "{what}: {sent} bytes were read");
    }
}

async fn play(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    steps: &[Step],
    sent_bytes: &AtomicUsize,
) -> std::io::Result<()> {
    for step in steps {
        match *step {
            Await(end) => {
                let mut read = Vec::new();
                while !read.ends_with(end) {
                    read.push(stream.read_u8().await?);
                }
            }
            Say(text) => stream.write_all(text.as_bytes()).await?,
            Flood(byte) => {
                let block = vec![byte; 64 * 1024];
                while sent_bytes.load(Ordering::Relaxed) < FLOOD_BYTES {
                    let sent = stream.write(&block).await?;
                    sent_bytes.fetch_add(sent, Ordering::Relaxed);
                }
            }
            Drip(byte) => loop {
                stream.write_all(&[byte]).await?;
                stream.flush().await?;
                tokio::time::sleep(DRIP).await;
            },
        }
    }
    Ok(())
}

/// Fails unless this ends in time; it would never end by itself.
async fn in_time<T>(what: &str, ends: impl Future<Output = T>) -> T {
    let ended = tokio::time::timeout(20 * TIMEOUT, ends).await;
    ended.unwrap_or_else(|_| panic!("{what} is still being read"))
}

fn clock() -> Clock {
    Clock::manual(Timestamp::UNIX_EPOCH)
}

fn portal(server: &Server) -> Client {
    Client::new(&server.url(), "sk-1".into(), clock()).unwrap()
}

#[tokio::test]
async fn an_answer_of_the_portal_is_read_to_a_bound() {
    bounded(async {
        for steps in [
            &[HEAD, OK, Flood(b' ')] as &[Step],
            &[
                HEAD,
                Say("HTTP/1.1 500 X\r\ncontent-length: 999999999\r\n\r\n"),
                Flood(b'x'),
            ],
            &[HEAD, Say("HTTP/1.1 200 OK\r\nx: "), Flood(b'x')],
        ] {
            let server = Server::start(steps, None).await;
            let folder = FolderId::from(1);
            portal(&server).files().folder(&folder).await.unwrap_err();
            server.assert_bounded("a folder");
            let server = Server::start(steps, None).await;
            portal(&server)
                .files()
                .folder_page(&folder, 0)
                .await
                .unwrap_err();
            server.assert_bounded("a listing");
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_of_the_portal_that_drips_is_given_up_in_time() {
    bounded(async {
        for steps in [
            &[HEAD, OK, Drip(b' ')] as &[Step],
            &[HEAD, Say("HTTP/1.1 500 X\r\n\r\n"), Drip(b'x')],
            &[HEAD, Drip(b'x')],
        ] {
            let server = Server::start(steps, None).await;
            let portal = portal(&server).with_read_timeout(TIMEOUT);
            let folder = FolderId::from(1);
            let read = in_time("a folder", portal.files().folder(&folder)).await;
            let error = read.unwrap_err();
            assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_of_a_chat_or_pipeline_that_drips_is_given_up_in_time() {
    bounded(async {
        for (start, accepted) in [(OK, true), (Say("HTTP/1.1 200 OK\r\nx: "), false)] {
            let steps = [HEAD, Await(b"{}"), start, Drip(b'x')];
            let server = Server::start(&steps, None).await;
            let endpoint = HttpEndpoint::new(server.url().into(), "the chat").unwrap();
            let endpoint = endpoint.with_timeout(TIMEOUT);
            let clock = clock();
            let post = endpoint.post(HeaderMap::new(), "{}".to_owned(), &clock);
            assert_eq!(in_time("an answer", post).await.is_ok(), accepted);
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_of_a_chat_or_pipeline_is_read_to_a_bound() {
    bounded(async {
        let server = Server::start(&[HEAD, Await(b"{}"), OK, Flood(b'x')], None).await;
        let endpoint = HttpEndpoint::new(server.url().into(), "the chat").unwrap();
        let clock = clock();
        let post = endpoint.post(HeaderMap::new(), "{}".to_owned(), &clock);
        post.await.unwrap();
        server.assert_bounded("an answer");
    })
    .await;
}

fn letter() -> Email {
    Email {
        id: "test".to_owned(),
        subject: "Test".to_owned(),
        text: "Text".to_owned(),
        html: None,
    }
}

/// The settings and the acceptor of a server with TLS from the first byte.
fn implicit_tls() -> (SmtpSettings, TlsAcceptor) {
    let authority = Authority::new();
    let Signed { certificate, key } = authority.sign();
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let settings = SmtpSettings {
        security: Security::Implicit,
        trusted: Some(authority.pem()),
        ..MailServer::plain(0)
    };
    (settings, TlsAcceptor::from(Arc::new(config)))
}

async fn send(settings: SmtpSettings, server: &Server, timeout: Duration) -> Result<(), Failure> {
    let settings = SmtpSettings {
        port: server.port,
        ..settings
    };
    let mailer = Mailer::new(settings).unwrap().with_timeout(timeout);
    mailer
        .send(&letter(), "manager@example.com", &clock())
        .await
}

const LINE: Step = Await(b"\r\n");

#[tokio::test]
async fn a_reply_of_the_mail_server_is_read_to_a_bound() {
    bounded(async {
        let long = Duration::from_mins(1);
        for steps in [
            &[Flood(b'x')] as &[Step],
            &[Say("220 mail\r\n"), LINE, Say("250-"), Flood(b'x')],
            &[
                Say("220 mail\r\n"),
                LINE,
                Say("250-mail\r\n250-X\r\n"),
                Flood(b'\n'),
            ],
        ] {
            let server = Server::start(steps, None).await;
            send(MailServer::plain(0), &server, long).await.unwrap_err();
            server.assert_bounded("a reply");
        }
        let (settings, acceptor) = implicit_tls();
        let server = Server::start(&[Flood(b'x')], Some(acceptor)).await;
        send(settings, &server, long).await.unwrap_err();
        server.assert_bounded("an encrypted reply");
    })
    .await;
}

#[tokio::test]
async fn a_mail_server_that_drips_is_given_up_in_time() {
    bounded(async {
        for steps in [
            &[Drip(b'x')] as &[Step],
            &[Say("220 mail\r\n"), LINE, Say("250-"), Drip(b'x')],
        ] {
            let server = Server::start(steps, None).await;
            let sent = send(MailServer::plain(0), &server, TIMEOUT);
            in_time("a reply", sent).await.unwrap_err();
        }
        let (settings, acceptor) = implicit_tls();
        let server = Server::start(&[Drip(b'x')], Some(acceptor)).await;
        let sent = send(settings, &server, TIMEOUT);
        in_time("an encrypted reply", sent).await.unwrap_err();
    })
    .await;
}

/// The steps of a server that accepts an email, up to QUIT.
const ACCEPTS: [Step; 12] = [
    Say("220 mail\r\n"),
    LINE,
    Say("250 mail\r\n"),
    LINE,
    Say("250 sender\r\n"),
    LINE,
    Say("250 recipient\r\n"),
    LINE,
    Say("354 go ahead\r\n"),
    Await(b"\r\n.\r\n"),
    Say("250 accepted\r\n"),
    LINE,
];

#[tokio::test]
async fn an_accepted_email_is_sent_whatever_follows() {
    bounded(async {
        for last in [Drip(b'x'), Flood(b'x')] {
            let server = Server::start(&[&ACCEPTS as &[Step], &[last]].concat(), None).await;
            let sent = send(MailServer::plain(0), &server, TIMEOUT);
            in_time("the reply to QUIT", sent).await.unwrap();
            server.assert_bounded("the reply to QUIT");
        }
    })
    .await;
}

/// Runs the command with these variables in a thread that may wait for it.
async fn run(arguments: Vec<String>, variable: (&'static str, String)) -> Output {
    let run = move || {
        let mut command = binary();
        command.args(arguments).env(variable.0, variable.1);
        command.output().unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn a_command_reads_an_answer_to_a_bound() {
    bounded(async {
        let steps = [
            HEAD,
            Say("HTTP/1.1 503 X\r\ntransfer-encoding: chunked\r\n\r\nfffffff\r\n"),
            Flood(b'x'),
        ];
        let server = Server::start(&steps, None).await;
        let admin = format!("127.0.0.1:{}", server.port);
        let output = run(vec!["health".to_owned()], ("ADMIN_ADDR", admin)).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        server.assert_bounded("health");

        let server = Server::start(&steps, None).await;
        let send = ["send", FIXTURE, "--to", &server.url()].map(str::to_owned);
        let secret = "Sandbox-Secret-1".to_owned();
        let output = run(send.to_vec(), ("DOCSPACE_WEBHOOK_SECRET", secret)).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        server.assert_bounded("send");
    })
    .await;
}

#[tokio::test]
async fn a_file_of_a_setting_is_read_to_a_bound() {
    bounded(async {
        let endless = ("DOCSPACE_API_KEY_FILE", "/dev/zero".to_owned());
        let check = run(vec!["check".to_owned()], endless);
        let output = in_time("the file", check).await;
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("DOCSPACE_API_KEY_FILE"), "{said}");
    })
    .await;
}
