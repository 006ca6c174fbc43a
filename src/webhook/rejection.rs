//! The responses to deliveries that are not accepted, and what is logged about them.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tracing::{debug, warn};

use crate::metrics::DeliveryResponse;
use crate::signature::SignatureError;

use super::body::BodyError;

/// The `Retry-After` of responses with 503, in seconds. DocSpace ignores it and waits 1 to 16 s.
const RETRY_AFTER_SECONDS: &str = "5";

/// Why a delivery is rejected before it is parsed.
pub(super) enum Rejection {
    NotHttps,
    Encoded,
    Body(BodyError),
    Signature(SignatureError),
}

impl Rejection {
    /// The response as it is counted.
    pub(super) fn response(&self) -> DeliveryResponse {
        match self {
            Self::NotHttps => DeliveryResponse::NotHttps,
            Self::Encoded => DeliveryResponse::Encoded,
            Self::Signature(error) => DeliveryResponse::Unauthorized(*error),
            Self::Body(BodyError::TooLarge) => DeliveryResponse::TooLarge,
            Self::Body(BodyError::TimedOut) => DeliveryResponse::Slow,
            Self::Body(BodyError::Incomplete) => DeliveryResponse::Broken,
            Self::Body(BodyError::MemoryLimitReached) => DeliveryResponse::Unavailable,
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::NotHttps => {
                warn!("rejected a delivery that was not sent over HTTPS");
                (StatusCode::FORBIDDEN, "Deliveries must come over HTTPS.\n")
            }
            Self::Encoded => {
                warn!("rejected a compressed delivery");
                let accept_encoding = [(header::ACCEPT_ENCODING, "identity")];
                let text = "The body must not be compressed.\n";
                return close((StatusCode::UNSUPPORTED_MEDIA_TYPE, accept_encoding, text));
            }
            Self::Signature(error) => {
                warn!(reason = error.code(), "rejected a delivery: {error}");
                let text = "The signature is missing or does not match.\n";
                (StatusCode::UNAUTHORIZED, text)
            }
            Self::Body(BodyError::TooLarge) => {
                warn!("rejected a delivery over the size limit");
                (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.\n")
            }
            Self::Body(BodyError::TimedOut) => {
                warn!("rejected a delivery whose body took too long to arrive");
                let text = "The body took too long to arrive.\n";
                (StatusCode::REQUEST_TIMEOUT, text)
            }
            Self::Body(BodyError::Incomplete) => {
                debug!("a client closed the connection before the end of its body");
                (StatusCode::BAD_REQUEST, "The body is incomplete.\n")
            }
            Self::Body(BodyError::MemoryLimitReached) => {
                warn!("rejected a delivery because too many are being received");
                return close(unavailable());
            }
        };
        close((status, text))
    }
}

/// A response after which the connection is closed.
pub(super) fn close(response: impl IntoResponse) -> Response {
    ([(header::CONNECTION, "close")], response).into_response()
}

/// Asks the sender to retry later.
pub(super) fn unavailable() -> Response {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(header::RETRY_AFTER, RETRY_AFTER_SECONDS)],
        "Not stored; send it again.\n",
    )
        .into_response()
}
