//! The responses to deliveries, as they are counted.

use crate::signature::SignatureError;

/// The response to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryResponse {
    /// Stored.
    Accepted,
    /// Stored before.
    Duplicate,
    /// The signature was not accepted, and why.
    Unauthorized(SignatureError),
    /// Signed, but not a JSON object.
    Unreadable,
    /// Not received over HTTPS.
    NotHttps,
    /// The body was compressed.
    Encoded,
    /// The body was over the size limit.
    TooLarge,
    /// The body arrived too slowly.
    Slow,
    /// The sender closed the connection within the body.
    Broken,
    /// It could not be stored; the sender is asked to retry.
    Unavailable,
    /// It has a signature header, but is not for a webhook path.
    WrongPath,
}

impl DeliveryResponse {
    pub(super) const ALL: [Self; 13] = [
        Self::Accepted,
        Self::Duplicate,
        Self::Unauthorized(SignatureError::Missing),
        Self::Unauthorized(SignatureError::Malformed),
        Self::Unauthorized(SignatureError::Mismatch),
        Self::Unreadable,
        Self::NotHttps,
        Self::Encoded,
        Self::TooLarge,
        Self::Slow,
        Self::Broken,
        Self::Unavailable,
        Self::WrongPath,
    ];

    /// The labels under which it is counted.
    pub(super) fn labels(self) -> [(&'static str, &'static str); 2] {
        let (answer, reason) = match self {
            Self::Accepted => ("accepted", ""),
            Self::Duplicate => ("duplicate", ""),
            Self::Unauthorized(error) => ("unauthorized", error.code()),
            Self::Unreadable => ("unreadable", ""),
            Self::NotHttps => ("not_https", ""),
            Self::Encoded => ("encoded", ""),
            Self::TooLarge => ("too_large", ""),
            Self::Slow => ("slow", ""),
            Self::Broken => ("broken", ""),
            Self::Unavailable => ("unavailable", ""),
            Self::WrongPath => ("wrong_path", ""),
        };
        [("answer", answer), ("reason", reason)]
    }
}
