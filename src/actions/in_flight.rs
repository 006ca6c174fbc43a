//! In flight: whether a call whose outcome is unknown, or the operation that it started, may still take effect.
//!
//! An empty operation status proves nothing (docs/DOCSPACE.md 4.4), so the effect decides; but a missing effect proves
//! that the call was not applied only once the portal can no longer be processing it.

use jiff::{SignedDuration, Timestamp};

use crate::db::StoreError;
use crate::docspace::{Error, OperationNumber};
use crate::outbox::{self, Intent};

use super::attempt::Context;

/// The portal's times are cut to whole seconds, and so is the measured difference between its clock and
/// ours.
pub(super) const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

/// The portal drops an operation that reports no progress for 60 s from its status, although the file being
/// copied still completes (docs/DOCSPACE.md 4.4). An operation that is gone sooner than this has ended.
const UNREPORTED_AFTER: SignedDuration = SignedDuration::from_secs(55);

/// How long an operation that the portal no longer reports is assumed to be running.
const MAX_UNREPORTED: SignedDuration = SignedDuration::from_mins(15);

/// Why the call may still take effect at this time of the portal's clock; `None` once a missing effect proves
/// that it was not applied.
pub(super) fn still_possible(intent: &Intent, now: Timestamp) -> Option<&'static str> {
    let age = now.duration_since(intent.at);
    let is_reported = (-CLOCK_TOLERANCE..UNREPORTED_AFTER).contains(&age);
    match &intent.operation {
        Some(_) if !is_reported && age <= MAX_UNREPORTED => {
            Some("the portal no longer reports the operation, which may still be running")
        }
        None if now < intent.in_flight_until => {
            Some("the portal may still be processing a call whose response was lost")
        }
        None if !is_reported && now < intent.in_flight_until + MAX_UNREPORTED => {
            Some("the portal may be running an operation that it no longer reports")
        }
        _ => None,
    }
}

/// Whether the portal runs an operation that no action in the outbox names.
pub(super) enum UnknownOperation {
    Pending,
    None,
    QueryFailed(Error),
}

/// Whether the portal runs an operation of this kind that no action in the outbox names.
pub(super) async fn unknown_operation(
    context: &Context<'_>,
    number: OperationNumber,
) -> Result<UnknownOperation, StoreError> {
    let pending = match context.portal.operations().pending().await {
        Ok(pending) => pending,
        Err(error) => return Ok(UnknownOperation::QueryFailed(error)),
    };
    let candidates: Vec<_> = pending
        .into_iter()
        .filter(|operation| operation.is_pending(number))
        .map(|operation| operation.id)
        .collect();
    let found = context.db.read(move |sql| {
        for id in &candidates {
            if !outbox::owns_operation(sql, id)? {
                return Ok(UnknownOperation::Pending);
            }
        }
        Ok(UnknownOperation::None)
    });
    found.await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docspace::OperationId;

    #[test]
    fn a_missing_effect_proves_nothing_while_the_portal_may_be_working() {
        let start = Timestamp::from_second(1_000_000).unwrap();
        let check = |operation: Option<&str>, in_flight_s: i64, age_s: i64, possible: bool| {
            let intent = Intent {
                at: start,
                in_flight_until: start + SignedDuration::from_secs(in_flight_s),
                operation: operation.map(OperationId::new),
                searched_until: None,
            };
            let now = start + SignedDuration::from_secs(age_s);
            assert_eq!(
                still_possible(&intent, now).is_some(),
                possible,
                "{operation:?} in flight for {in_flight_s} s, after {age_s} s"
            );
        };
        check(None, 300, 0, true);
        check(None, 300, 299, true);
        // The portal may have accepted the call in its last moment.
        check(None, 300, 300, true);
        check(None, 300, 1_199, true);
        check(None, 300, 1_200, false);
        // The portal has responded with an error: an operation would be shown.
        check(None, 2, 3, false);
        check(None, 2, 54, false);
        check(None, 2, 55, true);
        check(None, 2, 902, false);
        // Gone from the status before the portal drops silent operations: it has ended.
        check(Some("a"), 300, 54, false);
        check(Some("a"), 300, 55, true);
        check(Some("a"), 300, 900, true);
        check(Some("a"), 300, 901, false);
        // The portal's clock went backward.
        check(Some("a"), 300, -100, true);
    }
}
