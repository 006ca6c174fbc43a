//! The manager's mailbox: a mail server of a few lines, so that the demo's mails are really sent.
//!
//! It speaks as much SMTP as one sender needs (RFC 5321), takes every mail, and keeps it as it came.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use docspace_sandbox::FileId;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// The longest conversation, in bytes; the demo's mails have a few thousand.
const LONGEST: u64 = 1024 * 1024;

/// Mails that arrived, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Mailbox {
    mails: Arc<Mutex<Vec<String>>>,
    address: SocketAddr,
}

impl Mailbox {
    /// Opens one on a free loopback port, until it is told to stop.
    pub(super) async fn open(stop: CancellationToken) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("no free port on loopback")?;
        let mailbox = Self {
            mails: Arc::default(),
            address: listener.local_addr()?,
        };
        let receiving = mailbox.clone();
        tokio::spawn(async move {
            let serve = async {
                while let Ok((connection, _)) = listener.accept().await {
                    let receiving = receiving.clone();
                    tokio::spawn(async move { receiving.converse(connection).await });
                }
            };
            let _ = stop.run_until_cancelled(serve).await;
        });
        Ok(mailbox)
    }

    /// What `SMTP_URL` says to send mail here.
    pub(super) fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// How many mails are about a file.
    pub(super) fn count_about(&self, file: &FileId) -> usize {
        let link = format!("fileid={}\r\n", file.as_str());
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.iter().filter(|mail| mail.contains(&link)).count()
    }

    /// The mails after the first so many, each as a person sees it: its headers and its plain text.
    pub(super) fn read_from(&self, first: usize) -> Vec<Vec<String>> {
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails
            .iter()
            .skip(first)
            .map(|mail| readable(mail))
            .collect()
    }

    async fn converse(&self, connection: TcpStream) -> std::io::Result<()> {
        use tokio::io::AsyncReadExt as _;

        let (reader, mut writer) = connection.into_split();
        let mut lines = BufReader::new(reader.take(LONGEST)).lines();
        writer.write_all(b"220 mailbox\r\n").await?;
        while let Some(line) = lines.next_line().await? {
            let verb = line.split([' ', ':']).next().unwrap_or_default();
            let answer: &[u8] = match verb.to_ascii_uppercase().as_str() {
                "DATA" => {
                    writer.write_all(b"354 go on\r\n").await?;
                    let mut mail = String::new();
                    while let Some(line) = lines.next_line().await?
                        && line != "."
                    {
                        // A line that begins with a dot comes with one more (RFC 5321, 4.5.2).
                        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
                        mail.push_str("\r\n");
                    }
                    self.mails
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(mail);
                    b"250 taken\r\n"
                }
                "QUIT" => {
                    writer.write_all(b"221 bye\r\n").await?;
                    return Ok(());
                }
                _ => b"250 ok\r\n",
            };
            writer.write_all(answer).await?;
        }
        Ok(())
    }
}

/// The headers a mail program shows, and the plain text, which needs no decoding while it is ASCII.
fn readable(mail: &str) -> Vec<String> {
    const SHOWN: [&str; 4] = ["From: ", "To: ", "Subject: ", "Message-ID: "];

    let (headers, body) = mail.split_once("\r\n\r\n").unwrap_or((mail, ""));
    let shown = SHOWN
        .iter()
        .filter_map(|name| headers.lines().find(|line| line.starts_with(name)));
    let plain = body
        .split("\r\n\r\n")
        .skip(1)
        .collect::<Vec<_>>()
        .join("\r\n\r\n");
    let plain = plain.split("\r\n--").next().unwrap_or_default();
    shown
        .chain([""])
        .chain(plain.lines())
        .map(str::to_owned)
        .collect()
}
