//! The kinds of calls that the limits distinguish.

/// The kind of a call, as the limits distinguish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::docspace) enum CallKind {
    /// GET.
    Read,
    /// POST or PUT.
    Write,
    /// Anything else: counts as a write in flight, but not as one of the day's.
    Delete,
}
