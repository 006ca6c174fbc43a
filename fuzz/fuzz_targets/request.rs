//! Requests: whatever bytes a client without the secret sends to the public listener, it gets at most one
//! answer, no POST succeeds, nothing fails inside, and the connection is closed.
#![no_main]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use docspace_courier::clock::Clock;
use docspace_courier::config::PortalConfig;
use docspace_courier::db::{Db, Location};
use docspace_courier::server;
use docspace_courier::service::{Parts, ReceiverSettings};
use docspace_courier::signature::WebhookSecret;
use docspace_courier::webhook::{self, TransportPolicy, UnsignedPolicy};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// What precedes the answer to a client that asks whether it should send its body.
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

/// Longer than every timeout of the listener that a client which has sent everything can meet.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Serves the public listener until the process ends.
fn serve(folder: &TempDir) -> SocketAddr {
    let store = Location::File(folder.path().join("courier.db"));
    let portal = PortalConfig {
        host: "http://127.0.0.1:9".to_owned(),
        key: "sk-1".to_owned().into(),
        trusted: None,
    };
    let db = Db::open(&store).expect("a store");
    let parts = Parts::new(db, &portal, Vec::new(), Clock::system()).expect("the parts");
    let receiver = parts.receiver(ReceiverSettings {
        secrets: vec![WebhookSecret::new("Never-In-The-Corpus-1")],
        unsigned: UnsignedPolicy::Refuse,
        transport: TransportPolicy::Any,
        retention: Duration::from_hours(24 * 30),
    });
    let health = parts.health(parts.supervisor().health(), CancellationToken::new());
    let router = webhook::router(Arc::new(receiver), health);
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async {
            let listener = server::bind(([127, 0, 0, 1], 0).into()).expect("a listener");
            send.send(listener.local_addr().expect("an address"))
                .expect("it is awaited");
            let _ = server::serve(listener, router, CancellationToken::new()).await;
        });
    });
    receive.recv().expect("the listener starts")
}

fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("the listener accepts");
    stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    // The service may have closed the connection already.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("it is not closed"),
        _ => answer,
    }
}

fuzz_target!(|bytes: &[u8]| {
    static SERVED: OnceLock<(TempDir, SocketAddr)> = OnceLock::new();
    let (_, address) = SERVED.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder for the store");
        let address = serve(&folder);
        (folder, address)
    });
    let answer = exchange(*address, bytes);
    let answer = String::from_utf8_lossy(&answer);
    let answer = answer.strip_prefix(CONTINUE).unwrap_or(&answer);
    if answer.is_empty() {
        return;
    }
    let status = answer.get(9..12).expect("a status line");
    assert_eq!(answer.matches("HTTP/1.").count(), 1, "one answer: {answer}");
    assert!(status < "500", "{answer}");
    if bytes.trim_ascii_start().starts_with(b"POST") {
        assert!(status >= "400", "{answer}");
    }
});
