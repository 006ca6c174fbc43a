//! Roles: what people may do in the console.

/// What somebody may do in the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// May see everything, and change nothing.
    Viewer,
    /// May change things, too.
    Operator,
}

impl Role {
    /// The highest first.
    pub(super) const ALL: [Self; 2] = [Self::Operator, Self::Viewer];

    /// The role in the log.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }
}
