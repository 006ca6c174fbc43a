//! Receive: the handlers of the public listener.
//!
//! A delivery passes one extractor, `VerifiedDelivery`: limit the body, read it, verify the signature
//! over the raw bytes. Only then is it parsed, and stored in the inbox; the answer follows the commit.
//! No rules and no calls to the portal here. Never 410, after which DocSpace deletes the webhook, and
//! never a redirect, which it does not follow (docs/DOCSPACE.md 1.5, 1.6).

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Semaphore;
use tracing::{debug, error, info, warn};

use crate::clock::Clock;
use crate::db::{Db, StoreError};
use crate::event::Event;
use crate::health::{self, Health};
use crate::inbox::{self, AcceptOutcome};
use crate::metrics::{DeliveryResponse, Metrics};
use crate::wake::Wake;

pub mod body;

use crate::signature::{self, SIGNATURE_HEADER, SignatureError, WebhookSecret};
use body::{BodyError, Held};

/// What the receiver's paths end with.
pub const WEBHOOK_PATH: &str = "/webhook";

/// What a person reads who opens one of them, and `check` knows us by.
pub const GREETING: &str = "docspace-courier receives DocSpace webhooks here.\n";

/// What the answers with 503 ask a sender to wait, in seconds. DocSpace ignores it and waits 1 to 16 s.
const RETRY_AFTER_SECONDS: &str = "5";

/// What to do about a delivery without a signature header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsignedPolicy {
    /// Refuse it.
    Refuse,
    /// Believe it; for development on one machine only.
    Accept,
}

/// What to do about a delivery that came over plain HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportPolicy {
    /// Take it; whoever stands before the listener decides.
    Any,
    /// Take only what `X-Forwarded-Proto` calls https.
    HttpsOnly,
    /// The listener speaks HTTPS itself: refuse only what `X-Forwarded-Proto` calls something else.
    HttpsThroughout,
}

/// What receiving a delivery needs.
#[derive(Debug)]
pub struct Receiver {
    /// Any one may have signed.
    pub secrets: Vec<WebhookSecret>,
    /// What to do without a signature header.
    pub unsigned: UnsignedPolicy,
    /// What to do without HTTPS.
    pub transport: TransportPolicy,
    /// Where events are stored.
    pub db: Db,
    /// The time of day.
    pub clock: Clock,
    /// Told of every new event.
    pub wake: Arc<Wake>,
    /// Where answers are counted.
    pub metrics: Arc<Metrics>,
    /// The bytes of bodies that may be in hand at once.
    pub room: Arc<Semaphore>,
}

impl Receiver {
    /// Room for the bodies in hand at once: 64 MiB, some 90,000 ordinary deliveries.
    pub fn room() -> Arc<Semaphore> {
        const BYTES: usize = 64 * 1024 * 1024;
        Arc::new(Semaphore::new(BYTES))
    }
}

/// The public listener's routes: both webhook paths and its health.
pub fn router(receiver: Arc<Receiver>, health: Health) -> Router {
    let webhook = get(async || GREETING).post(receive);
    Router::new()
        .route(WEBHOOK_PATH, webhook.clone())
        .route("/docspace/webhook", webhook)
        .with_state(receiver)
        .merge(health::public_routes(health))
}

/// A delivery whose signature fits; the only way to a body.
struct VerifiedDelivery {
    body: Held,
}

/// Why a delivery is not taken.
enum Refusal {
    NotHttps,
    Encoded,
    Body(BodyError),
    Signature(SignatureError),
}

impl FromRequest<Arc<Receiver>> for VerifiedDelivery {
    type Rejection = Refusal;

    async fn from_request(
        request: Request,
        receiver: &Arc<Receiver>,
    ) -> Result<Self, Self::Rejection> {
        let verified = Self::verify(request, receiver).await;
        if let Err(refusal) = &verified {
            receiver.metrics.count_delivery(refusal.answer());
        }
        verified
    }
}

impl VerifiedDelivery {
    async fn verify(request: Request, receiver: &Receiver) -> Result<Self, Refusal> {
        let (head, body) = request.into_parts();
        let over_https = match receiver.transport {
            TransportPolicy::Any => true,
            TransportPolicy::HttpsOnly => is_https(&head.headers) == Some(true),
            TransportPolicy::HttpsThroughout => is_https(&head.headers) != Some(false),
        };
        if !over_https {
            return Err(Refusal::NotHttps);
        }
        if is_encoded(&head.headers) {
            return Err(Refusal::Encoded);
        }
        let body = body::read(body, &head.headers, &receiver.room)
            .await
            .map_err(Refusal::Body)?;
        let signature = head
            .headers
            .get(SIGNATURE_HEADER)
            .map(HeaderValue::as_bytes);
        match signature::verify(&receiver.secrets, signature, &body) {
            Err(SignatureError::Missing) if receiver.unsigned == UnsignedPolicy::Accept => {}
            verified => verified.map_err(Refusal::Signature)?,
        }
        Ok(Self { body })
    }
}

/// What the proxy says about the connection it took, if there is a proxy; the last one is ours.
fn is_https(headers: &HeaderMap) -> Option<bool> {
    let value = headers.get_all("x-forwarded-proto").iter().next_back()?;
    let scheme = value
        .to_str()
        .ok()
        .and_then(|value| value.rsplit(',').next());
    Some(scheme.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https")))
}

/// Whether the body is compressed. DocSpace compresses none, and what is small on its way and large here
/// is no stranger's to send.
fn is_encoded(headers: &HeaderMap) -> bool {
    let encodings = headers.get_all(header::CONTENT_ENCODING);
    encodings
        .iter()
        .any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

impl Refusal {
    fn answer(&self) -> DeliveryResponse {
        match self {
            Self::NotHttps => DeliveryResponse::NotHttps,
            Self::Encoded => DeliveryResponse::Encoded,
            Self::Signature(error) => DeliveryResponse::Unauthorized(*error),
            Self::Body(BodyError::TooLarge) => DeliveryResponse::TooLarge,
            Self::Body(BodyError::Slow) => DeliveryResponse::Slow,
            Self::Body(BodyError::Broken) => DeliveryResponse::Broken,
            Self::Body(BodyError::NoRoom) => DeliveryResponse::Unavailable,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NotHttps => {
                warn!("refused a delivery that did not come over HTTPS");
                (StatusCode::FORBIDDEN, "Deliveries must come over HTTPS.\n").into_response()
            }
            Self::Encoded => {
                warn!("refused a compressed delivery");
                let wanted = [(header::ACCEPT_ENCODING, "identity")];
                let sentence = "The body must not be compressed.\n";
                close((StatusCode::UNSUPPORTED_MEDIA_TYPE, wanted, sentence))
            }
            Self::Signature(error) => {
                warn!(reason = error.code(), "refused a delivery: {error}");
                let sentence = "The signature is missing or does not fit.\n";
                (StatusCode::UNAUTHORIZED, sentence).into_response()
            }
            Self::Body(BodyError::TooLarge) => {
                warn!("refused a delivery over the size limit");
                close((StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.\n"))
            }
            Self::Body(BodyError::Slow) => {
                warn!("closed a connection that sent its body too slowly");
                close((StatusCode::REQUEST_TIMEOUT, "The body came too slowly.\n"))
            }
            Self::Body(BodyError::Broken) => {
                debug!("a sender hung up within its body");
                close((StatusCode::BAD_REQUEST, "The body is incomplete.\n"))
            }
            Self::Body(BodyError::NoRoom) => {
                warn!("refused a delivery: too many are in hand");
                close(try_again())
            }
        }
    }
}

fn close(response: impl IntoResponse) -> Response {
    ([(header::CONNECTION, "close")], response).into_response()
}

fn try_again() -> Response {
    let retry_after = [(header::RETRY_AFTER, RETRY_AFTER_SECONDS)];
    (
        StatusCode::SERVICE_UNAVAILABLE,
        retry_after,
        "Not stored; send it again.\n",
    )
        .into_response()
}

async fn receive(State(receiver): State<Arc<Receiver>>, delivery: VerifiedDelivery) -> Response {
    let now = receiver.clock.now();
    let body = delivery.body;
    match Event::parse(&body) {
        Ok(event) => {
            let trigger = event.trigger.clone();
            let order = (event.webhook.0, event.id.map_or(0, |id| id.0));
            let stored = receiver
                .db
                .write_or_refuse(order, move |sql| inbox::accept(sql, &event, &body, now))
                .await;
            let trigger = trigger.as_ref().map_or("none", |trigger| trigger.as_str());
            answer(&receiver, stored, trigger)
        }
        Err(why) => {
            let reason = why.to_string();
            let stored = receiver
                .db
                .write_or_refuse((0, 0), move |sql| {
                    inbox::keep_unreadable(sql, &body, &why, now)
                })
                .await;
            match stored {
                Ok(id) => {
                    receiver
                        .metrics
                        .count_delivery(DeliveryResponse::Unreadable);
                    warn!(
                        event.id = id.0,
                        reason, "kept a signed body that cannot be read"
                    );
                    (StatusCode::BAD_REQUEST, "The body is not a JSON object.\n").into_response()
                }
                Err(error) => not_stored(&receiver, &error),
            }
        }
    }
}

fn answer(
    receiver: &Receiver,
    stored: Result<AcceptOutcome, StoreError>,
    trigger: &str,
) -> Response {
    let (status, id, counted) = match stored {
        Ok(AcceptOutcome::Accepted(id)) => ("accepted", id, DeliveryResponse::Accepted),
        Ok(AcceptOutcome::Duplicate(id)) => ("duplicate", id, DeliveryResponse::Duplicate),
        Err(error) => return not_stored(receiver, &error),
    };
    receiver.metrics.count_delivery(counted);
    receiver.wake.inbox.notify_one();
    if status == "duplicate" {
        // A redelivery may have revived a dead letter.
        receiver.wake.outbox.notify_one();
    }
    info!(
        event.id = id.0,
        event.trigger = trigger,
        "{status} a delivery"
    );
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, format!(r#"{{"status":"{status}"}}"#)).into_response()
}

fn not_stored(receiver: &Receiver, error: &StoreError) -> Response {
    receiver
        .metrics
        .count_delivery(DeliveryResponse::Unavailable);
    let error: &dyn std::error::Error = error;
    error!(
        error,
        "a delivery could not be stored; its sender is told to send again"
    );
    try_again()
}
