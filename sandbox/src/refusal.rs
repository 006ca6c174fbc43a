//! What the portal says instead of queueing an operation.

/// Why a request is refused before an operation is queued (docs/DOCSPACE.md 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    DestinationMissing,
    LaterFileMissing,
    Denied,
    /// A denial that states the reason.
    DeniedBecause(&'static str),
}
