//! The kinds of calls that the limits distinguish.

use reqwest::Method;

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

impl CallKind {
    /// The kind of a call with this method.
    pub(in crate::docspace) fn of(method: &Method) -> Self {
        match *method {
            Method::GET => Self::Read,
            Method::POST | Method::PUT => Self::Write,
            _ => Self::Delete,
        }
    }
}
