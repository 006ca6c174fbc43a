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
    /// Unsigned, and not from a program on this machine.
    NotLocal,
}

impl Rejection {
    /// The response as it is counted.
    pub(super) fn response(&self) -> DeliveryResponse {
        match self {
            Self::NotHttps => DeliveryResponse::NotHttps,
            Self::Encoded => DeliveryResponse::Encoded,
            Self::Signature(error) => DeliveryResponse::Unauthorized(*error),
            Self::NotLocal => DeliveryResponse::Unauthorized(SignatureError::Missing),
            Self::Body(BodyError::TooLarge) => DeliveryResponse::TooLarge,
            Self::Body(BodyError::TimedOut) => DeliveryResponse::Slow,
            Self::Body(BodyError::Incomplete) => DeliveryResponse::Broken,
            Self::Body(BodyError::MemoryLimitReached) => DeliveryResponse::Unavailable,
        }
    }

    /// The reason's code in logs; the number of lines is limited for each.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::NotHttps => "not_https",
            Self::Encoded => "encoded",
            Self::Signature(error) => error.code(),
            Self::NotLocal => "not_local",
            Self::Body(BodyError::TooLarge) => "too_large",
            Self::Body(BodyError::TimedOut) => "slow",
            Self::Body(BodyError::Incomplete) => "incomplete",
            Self::Body(BodyError::MemoryLimitReached) => "memory",
        }
    }

    /// Logs that a number of deliveries were rejected for this reason.
    pub(super) fn log(&self, deliveries: u64) {
        let reason = self.reason();
        match self {
            Self::NotHttps => warn!(
                deliveries,
                reason, "rejected deliveries that were not sent over HTTPS"
            ),
            Self::Encoded => warn!(deliveries, reason, "rejected compressed deliveries"),
            Self::Signature(error) => {
                warn!(deliveries, reason, "rejected deliveries: {error}");
            }
            Self::NotLocal => warn!(
                deliveries,
                reason,
                "rejected unsigned deliveries from a browser, a proxy or a tunnel, or to another host name; \
                 ALLOW_UNSIGNED accepts them from programs on this machine only"
            ),
            Self::Body(BodyError::TooLarge) => {
                warn!(
                    deliveries,
                    reason, "rejected deliveries over the size limit"
                );
            }
            Self::Body(BodyError::TimedOut) => warn!(
                deliveries,
                reason, "rejected deliveries whose bodies took too long to arrive"
            ),
            Self::Body(BodyError::Incomplete) => debug!(
                deliveries,
                reason, "clients closed connections before the end of a body"
            ),
            Self::Body(BodyError::MemoryLimitReached) => warn!(
                deliveries,
                reason, "rejected deliveries because too many large ones are being received"
            ),
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::NotHttps => (StatusCode::FORBIDDEN, "Deliveries must come over HTTPS.\n"),
            Self::Encoded => {
                let accept_encoding = [(header::ACCEPT_ENCODING, "identity")];
                let text = "The body must not be compressed.\n";
                return close((StatusCode::UNSUPPORTED_MEDIA_TYPE, accept_encoding, text));
            }
            Self::Signature(_) => {
                let text = "The signature is missing or does not match.\n";
                (StatusCode::UNAUTHORIZED, text)
            }
            Self::NotLocal => {
                let text = "ALLOW_UNSIGNED accepts unsigned deliveries from local programs only.\n";
                (StatusCode::UNAUTHORIZED, text)
            }
            Self::Body(BodyError::TooLarge) => {
                (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.\n")
            }
            Self::Body(BodyError::TimedOut) => {
                let text = "The body took too long to arrive.\n";
                (StatusCode::REQUEST_TIMEOUT, text)
            }
            Self::Body(BodyError::Incomplete) => {
                (StatusCode::BAD_REQUEST, "The body is incomplete.\n")
            }
            Self::Body(BodyError::MemoryLimitReached) => return close(unavailable()),
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
