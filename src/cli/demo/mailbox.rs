//! The manager's mailbox: a minimal mail server, so that the demo really sends its emails.
//!
//! It implements as much SMTP as one sender needs (RFC 5321), and accepts every email.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use docspace_sandbox::FileId;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Maximum size of a session, in bytes; the demo's emails have a few thousand.
const MAX_SESSION_BYTES: u64 = 1024 * 1024;

/// The emails received, oldest first.
#[derive(Clone, Debug)]
pub(super) struct DemoMailbox {
    mails: Arc<Mutex<Vec<String>>>,
    address: SocketAddr,
}

impl DemoMailbox {
    /// Opens a mailbox on a free loopback port, until it is stopped.
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

    /// The `SMTP_URL` of this mailbox.
    pub(super) fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// The number of emails about a file.
    pub(super) fn count_about(&self, file: &FileId) -> usize {
        let link = format!("fileid={}\r\n", file.as_str());
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.iter().filter(|mail| mail.contains(&link)).count()
    }

    /// The emails after the first so many, each as the lines that a mail program shows.
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
        let mut lines = BufReader::new(reader.take(MAX_SESSION_BYTES)).lines();
        writer.write_all(b"220 mailbox\r\n").await?;
        while let Some(line) = lines.next_line().await? {
            let verb = line.split([' ', ':']).next().unwrap_or_default();
            let answer: &[u8] = match verb.to_ascii_uppercase().as_str() {
                "DATA" => {
                    writer.write_all(b"354 continue\r\n").await?;
                    let mut mail = String::new();
                    while let Some(line) = lines.next_line().await?
                        && line != "."
                    {
                        // The sender doubles a dot at the start of a line (RFC 5321, 4.5.2).
                        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
                        mail.push_str("\r\n");
                    }
                    self.mails
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(decoded(&mail));
                    b"250 accepted\r\n"
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

/// The email with the bodies of its parts decoded. Each part has an encoding of its own.
fn decoded(mail: &str) -> String {
    const BOUNDARY: &str = "\r\n--";

    let parts = mail.split(BOUNDARY).map(decoded_part);
    parts.collect::<Vec<_>>().join(BOUNDARY)
}

fn decoded_part(part: &str) -> String {
    const ENCODED: &str = "Content-Transfer-Encoding: quoted-printable";
    const END_OF_HEADERS: &str = "\r\n\r\n";

    let encoded = part.split_once(END_OF_HEADERS);
    let encoded = encoded.filter(|(headers, _)| headers.contains(ENCODED));
    let body = encoded.and_then(|(headers, body)| {
        let body = quoted_printable::decode(body, quoted_printable::ParseMode::Robust).ok()?;
        Some((headers, body))
    });
    match body {
        Some((headers, body)) => {
            headers.to_owned() + END_OF_HEADERS + &String::from_utf8_lossy(&body)
        }
        None => part.to_owned(),
    }
}

/// The headers that a mail program shows and the plain text.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_decoded_by_its_own_encoding() {
        let mail = [
            "Subject: New invoice",
            "Content-Type: multipart/alternative; boundary=\"b\"",
            "",
            "--b",
            "Content-Transfer-Encoding: 7bit",
            "",
            "Open it: http://localhost/doceditor?fileid=82907",
            "--b",
            "Content-Transfer-Encoding: quoted-printable",
            "",
            "<a href=3D\"x\">",
            "--b--",
            "",
        ]
        .join("\r\n");
        let decoded = decoded(&mail);
        assert!(decoded.contains("fileid=82907\r\n"), "{decoded}");
        assert!(decoded.contains("<a href=\"x\">"), "{decoded}");
        let shown = readable(&decoded);
        let last = shown.last().map(String::as_str);
        assert_eq!(
            last,
            Some("Open it: http://localhost/doceditor?fileid=82907")
        );
    }
}
