//! Memory under attack.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::Served;
use crate::children::Process;
use crate::deliveries::{Deliveries, SECRET};
use crate::load::send_all;
use crate::rows::store;
use crate::table::Table;

/// Connections that stay open as long as the service lets them.
const CONNECTIONS: usize = 4_000;

/// A body of the largest size that a delivery may have, of which half arrives.
const BODY_BYTES: usize = 1024 * 1024;

/// Four thousand connections: silent ones, half a head, half a large body, and requests whose responses are not read.
pub async fn measure(table: &mut Table) {
    let portal = Served::start(Duration::ZERO).await;
    let (_folder, store) = store();
    let service = Process::service(&portal, &store).await;
    let address = service.webhook.strip_prefix("http://").unwrap();
    let host = address.split_once('/').unwrap().0;
    let head = format!(
        "POST /webhook HTTP/1.1\r\nHost: localhost\r\nx-docspace-signature-256: sha256={}\r\n\
         Content-Length: {BODY_BYTES}\r\n\r\n",
        "0".repeat(64)
    );
    let half_a_body = [head.as_bytes(), &vec![b'x'; BODY_BYTES / 2]].concat();
    let half_a_head = [&head.as_bytes()[..60], &[b'a'; 7 * 1024]].concat();
    let greetings = b"GET /webhook HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200);
    let mut connections = Vec::new();
    for number in 0..CONNECTIONS {
        // It needs a limit of some 5,000 open files.
        let mut stream = TcpStream::connect(host).await.unwrap();
        let text: &[u8] = match number % 4 {
            0 => b"",
            1 => &half_a_head,
            2 => &half_a_body,
            _ => &greetings,
        };
        // The service may close the connection meanwhile, or stop reading.
        let _ = tokio::time::timeout(Duration::from_millis(5), stream.write_all(text)).await;
        connections.push(stream);
    }
    // What arrived last may still be read.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let memory = service.most_memory_mib();
    table.judge(
        "memory with 4,000 hostile connections",
        format!("{memory:.1} MiB at most"),
        "under 128 MiB",
        memory < 128.0,
    );
    drop(connections);
    // It still accepts deliveries.
    let deliveries = Deliveries::new(SECRET, &portal.portal.seed().other_room);
    send_all(&service.webhook, &deliveries, 100).await;
}
