//! Receives the rehearsal's own deliveries. Those about entries that it did not create are answered and forgotten.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::server;
use crate::signature::{SIGNATURE_HEADER, Signature, WebhookSecret};

/// The largest body, in bytes, as the service accepts it.
const LARGEST_BODY: usize = 2 * 1024 * 1024;

/// How long a delivery may take: the portal may begin with it after 5 s, and the first retry follows after 1 s
/// (docs/DOCSPACE.md 1.5, 1.7).
const BOUND: Duration = Duration::from_mins(1);

/// The wait between two looks at the deliveries.
const INTERVAL: Duration = Duration::from_millis(50);

/// One attempt of a delivery, with a valid signature.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    /// The signature header.
    pub(super) signature: String,
    /// The body as it was sent.
    pub(super) body: String,
    /// The same as JSON.
    pub(super) json: Value,
    /// Whether it was answered with 503.
    pub(super) refused: bool,
}

impl Delivery {
    /// Whether it is about this entry, with this trigger.
    pub(super) fn is(&self, trigger: &str, id: &Value) -> bool {
        self.json["event"]["trigger"] == trigger && self.json["payload"]["id"] == *id
    }
}

/// The receiver of the rehearsal's own webhook.
#[derive(Debug)]
pub(super) struct Receiver {
    inner: Arc<Inner>,
    _stop: DropGuard,
}

#[derive(Debug)]
struct Inner {
    secret: WebhookSecret,
    /// Occurs in every title that the rehearsal gives.
    token: String,
    received: Mutex<Received>,
}

#[derive(Debug, Default)]
struct Received {
    probes: usize,
    invalid_signatures: usize,
    deliveries: Vec<Delivery>,
}

impl Receiver {
    /// Listens at an address.
    pub(super) fn listen(
        address: SocketAddr,
        secret: WebhookSecret,
        token: &str,
    ) -> std::io::Result<Self> {
        let listener = server::bind(address)?;
        let inner = Arc::new(Inner {
            secret,
            token: token.to_owned(),
            received: Mutex::default(),
        });
        let router = Router::new()
            .fallback(receive)
            .with_state(Arc::clone(&inner));
        let stop = CancellationToken::new();
        tokio::spawn(server::serve(listener, router, stop.clone()));
        Ok(Self {
            inner,
            _stop: stop.drop_guard(),
        })
    }

    /// How many HEAD requests there were.
    pub(super) fn probes(&self) -> usize {
        self.inner.received().probes
    }

    /// How many deliveries were not signed with the secret.
    pub(super) fn invalid_signatures(&self) -> usize {
        self.inner.received().invalid_signatures
    }

    /// The deliveries so far, in the order of their arrival.
    pub(super) fn deliveries(&self) -> Vec<Delivery> {
        self.inner.received().deliveries.clone()
    }

    /// Waits until the deliveries satisfy a condition; false if they do not in time.
    pub(super) async fn wait_until(&self, condition: impl Fn(&[Delivery]) -> bool) -> bool {
        let satisfied = async {
            while !condition(&self.deliveries()) {
                tokio::time::sleep(INTERVAL).await;
            }
        };
        tokio::time::timeout(BOUND, satisfied).await.is_ok()
    }
}

impl Inner {
    fn received(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn receive(State(inner): State<Arc<Inner>>, request: Request) -> StatusCode {
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        inner.received().probes += usize::from(head.method == Method::HEAD);
        return StatusCode::OK;
    }
    let header = head.headers.get(SIGNATURE_HEADER);
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    let verified = Signature::parse(header.map(HeaderValue::as_bytes))
        .and_then(|signature| signature.verify(std::slice::from_ref(&inner.secret), &body));
    if verified.is_err() {
        inner.received().invalid_signatures += 1;
        return StatusCode::UNAUTHORIZED;
    }
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    let title = json["payload"]["title"].as_str().unwrap_or_default();
    if !title.contains(&inner.token) {
        return StatusCode::OK;
    }
    let signature = header.and_then(|value| value.to_str().ok());
    let mut received = inner.received();
    // The first announcement of an upload is refused, to see it repeated.
    let is_upload = json["event"]["trigger"] == "file.uploaded";
    let refused = is_upload && !received.deliveries.iter().any(|earlier| earlier.refused);
    received.deliveries.push(Delivery {
        signature: signature.unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
        json,
        refused,
    });
    if refused {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    }
}
