//! Deliveries rejected since the last one that was accepted, by reason.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::response::DeliveryResponse;
use crate::signature::SignatureError;

/// Why deliveries are rejected until a person fixes something. What strangers send, such as requests without a
/// signature, is not among it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionReason {
    /// The signature was made with another secret.
    OtherSecret,
    /// Not received over HTTPS.
    NotHttps,
    /// Not for a webhook path.
    WrongPath,
    /// The body was compressed.
    Compressed,
    /// The body was over the size limit.
    TooLarge,
}

impl RejectionReason {
    /// The reason of a rejected delivery, if a person must fix it.
    pub(super) fn of(response: DeliveryResponse) -> Option<Self> {
        match response {
            DeliveryResponse::Unauthorized(SignatureError::Mismatch) => Some(Self::OtherSecret),
            DeliveryResponse::NotHttps => Some(Self::NotHttps),
            DeliveryResponse::WrongPath => Some(Self::WrongPath),
            DeliveryResponse::Encoded => Some(Self::Compressed),
            DeliveryResponse::TooLarge => Some(Self::TooLarge),
            DeliveryResponse::Unauthorized(SignatureError::Missing | SignatureError::Malformed)
            | DeliveryResponse::Accepted
            | DeliveryResponse::Duplicate
            | DeliveryResponse::Unreadable
            | DeliveryResponse::Slow
            | DeliveryResponse::Broken
            | DeliveryResponse::Unavailable => None,
        }
    }

    /// The reason in words.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::OtherSecret => "the signature does not match DOCSPACE_WEBHOOK_SECRET",
            Self::NotHttps => "not sent over HTTPS, which REQUIRE_HTTPS demands",
            Self::WrongPath => "the path does not end in /webhook",
            Self::Compressed => "the body is compressed",
            Self::TooLarge => "the body is over the size limit",
        }
    }

    /// What a person can do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::OtherSecret => {
                "Run docspace-courier register, which gives the webhook the secret of the service."
            }
            Self::NotHttps => {
                "Use https:// in the webhook's URL, and let the proxy set X-Forwarded-Proto to https."
            }
            Self::WrongPath => {
                "Run docspace-courier register, which corrects the webhook's URL, or correct the proxy."
            }
            Self::Compressed => {
                "DocSpace sends plain bodies: let the proxy pass them on unchanged."
            }
            Self::TooLarge => {
                "DocSpace sends small bodies: find out who else sends to this address."
            }
        }
    }
}

/// Deliveries rejected for one reason since the last one that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejections {
    /// Why.
    pub reason: RejectionReason,
    /// How many.
    pub count: u64,
    /// When the first one was.
    pub since: Timestamp,
}

/// The rejections of each reason, in the order in which the reasons came up.
#[derive(Debug, Default)]
pub(super) struct RejectionCounts(Mutex<Vec<Rejections>>);

impl RejectionCounts {
    pub(super) fn count(&self, reason: RejectionReason, now: Timestamp) {
        let mut all = self.lock();
        match all.iter_mut().find(|it| it.reason == reason) {
            Some(rejections) => rejections.count += 1,
            None => all.push(Rejections {
                reason,
                count: 1,
                since: now,
            }),
        }
    }

    /// A delivery was accepted.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    pub(super) fn all(&self) -> Vec<Rejections> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rejections>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_each_since_its_first() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (ten, eleven) = (at("2026-03-02T10:00:00Z"), at("2026-03-02T11:00:00Z"));
        let counts = RejectionCounts::default();
        counts.count(RejectionReason::OtherSecret, ten);
        counts.count(RejectionReason::WrongPath, eleven);
        counts.count(RejectionReason::OtherSecret, eleven);
        let summary: Vec<_> = counts
            .all()
            .iter()
            .map(|it| (it.reason, it.count, it.since))
            .collect();
        assert_eq!(
            summary,
            [
                (RejectionReason::OtherSecret, 2, ten),
                (RejectionReason::WrongPath, 1, eleven)
            ]
        );
        counts.clear();
        assert_eq!(counts.all(), []);
    }
}
