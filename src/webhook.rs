//! Receive: the handlers of the public listener.
//!
//! Every delivery passes the extractor `VerifiedDelivery`, which rejects a missing or malformed signature and
//! too large a body unread, reads the body, and verifies the signature over the raw bytes. Only then is it parsed
//! and stored in the inbox; the response follows the commit. Rules decide with it what needs nothing else; the portal is not called. The status is never 410, which makes
//! DocSpace delete the webhook, and never a redirect, which DocSpace does not follow (docs/DOCSPACE.md 1.5,
//! 1.6).
//!
//! Only the response to a verified delivery leaves the connection open. A client without the secret thus
//! gets one response per connection, whatever it hides behind its request, and cannot shift the responses
//! that a proxy expects for deliveries on the same connection.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::db::{Db, Sql, StoreError};
use crate::event::Event;
use crate::health::{self, Health};
use crate::http_headers::is_https;
use crate::inbox::{self, AcceptOutcome, Acceptance, DecisionOutcome, RecordedDecision};
use crate::local_decider::LocalDecider;
use crate::log_limit::LogLimits;
use crate::loopback::{has_loopback_host, is_forwarded, is_from_browser};
use crate::metrics::{DeliveryResponse, Metrics};
use crate::signature::{SIGNATURE_HEADER, Signature, SignatureError, WebhookSecret};
use crate::telemetry::ErrorChain;
use crate::wake::Wake;

pub mod body;
pub mod body_memory;
mod rejection;

use body::BufferedBody;
use body_memory::BodyMemory;
use rejection::{Rejection, close, unavailable};

/// The path that webhook URLs end with.
pub const WEBHOOK_PATH: &str = "/webhook";

/// The paths at which deliveries are received.
const WEBHOOK_PATHS: [&str; 4] = [
    WEBHOOK_PATH,
    "/webhook/",
    "/docspace/webhook",
    "/docspace/webhook/",
];

/// The response to GET on a webhook path, by which `check` recognises this service.
pub const GREETING: &str = "docspace-courier receives DocSpace webhooks here.\n";

/// What to do with a delivery without a signature header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsignedPolicy {
    /// Reject it.
    Refuse,
    /// Accept it from programs on this machine; for development only.
    Accept,
}

/// Which deliveries are rejected because they were not sent over HTTPS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportPolicy {
    /// None; a proxy in front of the listener may decide.
    Any,
    /// All but those whose `X-Forwarded-Proto` is `https`.
    HttpsOnly,
    /// Those whose `X-Forwarded-Proto` is something other than `https`; the listener itself uses TLS.
    HttpsThroughout,
}

/// What the handlers of the public listener need.
#[derive(Debug)]
pub struct Receiver {
    /// The secrets of the webhook; a delivery may be signed with any of them.
    pub secrets: Vec<WebhookSecret>,
    /// Whether deliveries without a signature are accepted.
    pub unsigned: UnsignedPolicy,
    /// Whether deliveries must have come over HTTPS.
    pub transport: TransportPolicy,
    /// Decides what needs nothing but the delivery.
    pub decider: LocalDecider,
    /// Where events are stored.
    pub db: Db,
    /// The time of day.
    pub clock: Clock,
    /// Notified of every new event.
    pub wake: Arc<Wake>,
    /// Where responses are counted.
    pub metrics: Arc<Metrics>,
    /// The memory of bodies that are being received.
    pub body_memory: BodyMemory,
    /// Limits lines about rejected deliveries.
    pub(crate) rejection_log: LogLimits,
}

/// The public listener's routes: the webhook paths and its health.
pub fn router(receiver: Arc<Receiver>, health: Health) -> Router {
    let health =
        health::public_routes(health).layer(map_response(async |response| close(response)));
    let webhook = get(async || close(GREETING)).post(receive);
    WEBHOOK_PATHS
        .iter()
        .fold(Router::new(), |router, path| {
            router.route(path, webhook.clone())
        })
        .merge(health)
        .fallback(wrong_path)
        .method_not_allowed_fallback(async || close(StatusCode::METHOD_NOT_ALLOWED))
        .with_state(receiver)
}

/// Responds to a request for an unknown path. If it looks like a delivery, the webhook's URL or a proxy is wrong.
async fn wrong_path(State(receiver): State<Arc<Receiver>>, headers: HeaderMap) -> Response {
    if headers.contains_key(SIGNATURE_HEADER) {
        let now = receiver.clock.now();
        receiver
            .metrics
            .count_rejection(DeliveryResponse::WrongPath, now);
        if let Some(deliveries) = receiver.rejection_log.count("wrong_path", now) {
            warn!(
                deliveries,
                "rejected deliveries to an unknown path; the webhook's URL must end in {WEBHOOK_PATH}"
            );
        }
    }
    close(StatusCode::NOT_FOUND)
}

/// A delivery with a valid signature. The handlers have no other access to a body.
struct VerifiedDelivery {
    body: BufferedBody,
}

impl FromRequest<Arc<Receiver>> for VerifiedDelivery {
    type Rejection = Rejection;

    async fn from_request(
        request: Request,
        receiver: &Arc<Receiver>,
    ) -> Result<Self, Self::Rejection> {
        let verified = Self::verify(request, receiver).await;
        if let Err(rejection) = &verified {
            let now = receiver.clock.now();
            receiver.metrics.count_rejection(rejection.response(), now);
            let reason = rejection.reason();
            if let Some(deliveries) = receiver.rejection_log.count(reason, now) {
                rejection.log(deliveries);
            }
        }
        verified
    }
}

impl VerifiedDelivery {
    async fn verify(request: Request, receiver: &Receiver) -> Result<Self, Rejection> {
        let (head, body) = request.into_parts();
        let over_https = match receiver.transport {
            TransportPolicy::Any => true,
            TransportPolicy::HttpsOnly => is_https(&head.headers) == Some(true),
            TransportPolicy::HttpsThroughout => is_https(&head.headers) != Some(false),
        };
        if !over_https {
            return Err(Rejection::NotHttps);
        }
        if is_encoded(&head.headers) {
            return Err(Rejection::Encoded);
        }
        body::check_length(&head.headers).map_err(Rejection::Body)?;
        let header = head.headers.get(SIGNATURE_HEADER);
        let signature = match Signature::parse(header.map(HeaderValue::as_bytes)) {
            Err(SignatureError::Missing) if receiver.unsigned == UnsignedPolicy::Accept => {
                if !is_from_local_program(head.version, &head.headers) {
                    return Err(Rejection::NotLocal);
                }
                None
            }
            signature => Some(signature.map_err(Rejection::Signature)?),
        };
        let body = body::read(body, &receiver.body_memory)
            .await
            .map_err(Rejection::Body)?;
        if let Some(signature) = signature {
            signature
                .verify(&receiver.secrets, &body)
                .map_err(Rejection::Signature)?;
        }
        Ok(Self { body })
    }
}

/// Whether a program on this machine sent the request itself. Neither a web page in a browser of this machine nor a
/// tunnel to it may deliver anything unsigned.
fn is_from_local_program(version: Version, headers: &HeaderMap) -> bool {
    has_loopback_host(headers) && !is_forwarded(version, headers) && !is_from_browser(headers)
}

/// Whether the body is compressed. DocSpace does not compress, and a small body must not expand to a large
/// one here.
fn is_encoded(headers: &HeaderMap) -> bool {
    let encodings = headers.get_all(header::CONTENT_ENCODING);
    encodings
        .iter()
        .any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

async fn receive(State(receiver): State<Arc<Receiver>>, delivery: VerifiedDelivery) -> Response {
    let now = receiver.clock.now();
    let body = delivery.body;
    match Event::parse(&body) {
        Ok(event) => {
            let trigger = event.trigger.clone();
            let stored = store(&receiver, event, body, now).await;
            let trigger = trigger.as_ref().map_or("none", |trigger| trigger.as_str());
            acknowledge(&receiver, stored, trigger)
        }
        Err(error) => {
            let reason = error.to_string();
            let stored = receiver
                .db
                .write_or_refuse(None, move |sql| {
                    inbox::keep_unreadable(sql, &body, &error, now)
                })
                .await;
            match stored {
                Ok(id) => {
                    receiver
                        .metrics
                        .count_delivery(DeliveryResponse::Unreadable);
                    warn!(
                        event.id = id.0,
                        reason, "stored a signed body that cannot be parsed"
                    );
                    (StatusCode::BAD_REQUEST, "The body is not a JSON object.\n").into_response()
                }
                Err(error) => not_stored(&receiver, &error),
            }
        }
    }
}

/// Stores an event, together with what the rules decide about it if that needs nothing else. If the store refuses the
/// decisions for good, the event waits for others.
async fn store(
    receiver: &Receiver,
    event: Event,
    body: BufferedBody,
    now: Timestamp,
) -> Result<Acceptance, StoreError> {
    let decisions = receiver.decider.decide(&event, &body, now);
    let is_decided = decisions.is_some();
    let order = inbox::lock_order(&event);
    let delivery = Arc::new((event, body));
    let shared = Arc::clone(&delivery);
    let accept = move |sql: &Sql| {
        let (event, body) = &*shared;
        inbox::accept(sql, event, body, decisions.as_ref(), now)
    };
    match receiver.db.write_or_refuse(order, accept).await {
        Err(error) if is_decided && error.is_permanent() => {
            error!(
                error = %ErrorChain(&error),
                "the store refuses the decisions about an event; it is stored undecided"
            );
            let accept = move |sql: &Sql| {
                let (event, body) = &*delivery;
                inbox::accept(sql, event, body, None, now)
            };
            receiver.db.write_or_refuse(order, accept).await
        }
        stored => stored,
    }
}

fn acknowledge(
    receiver: &Receiver,
    stored: Result<Acceptance, StoreError>,
    trigger: &str,
) -> Response {
    let (outcome, decisions) = match stored {
        Ok(Acceptance { outcome, decisions }) => (outcome, decisions),
        Err(error) => return not_stored(receiver, &error),
    };
    let (status, id, counted) = match outcome {
        AcceptOutcome::Accepted(id) => ("accepted", id, DeliveryResponse::Accepted),
        AcceptOutcome::SharedKey(id) => {
            warn!(
                event.id = id.0,
                "two different events have one webhook id and event id; two portals may send with one secret, \
                 or the portal was restored from a backup. Both are handled"
            );
            ("accepted", id, DeliveryResponse::Accepted)
        }
        AcceptOutcome::Duplicate(id) => ("duplicate", id, DeliveryResponse::Duplicate),
    };
    receiver.metrics.count_delivery(counted);
    info!(
        event.id = id.0,
        event.trigger = trigger,
        "{status} a delivery"
    );
    if let Some(decisions) = &decisions {
        inbox::log_decisions(id, decisions);
        receiver
            .metrics
            .count_event(inbox::outcome_label(decisions));
    } else {
        receiver.wake.inbox.notify_one();
    }
    let is_ignored = |it: &RecordedDecision| it.outcome == DecisionOutcome::Ignored;
    if !decisions.is_some_and(|decisions| decisions.iter().all(is_ignored)) {
        // Something may be planned, or a redelivery may have made a dead letter due again.
        receiver.wake.outbox.notify_one();
    }
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, format!(r#"{{"status":"{status}"}}"#)).into_response()
}

fn not_stored(receiver: &Receiver, error: &StoreError) -> Response {
    receiver
        .metrics
        .count_delivery(DeliveryResponse::Unavailable);
    error!(
        error = %ErrorChain(error),
        "cannot store a delivery; asked the sender to retry"
    );
    unavailable()
}
