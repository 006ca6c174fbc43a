//! Locks of writes that several instances must not run at the same time.

/// What a write locks until its transaction ends. Each has a row of its own in `duties`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteLock {
    /// Claiming file work: whether an action is free to run depends on what others claim.
    Claims,
    /// Ordering a backfill: one at a time.
    Backfills,
}

impl WriteLock {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Claims, Self::Backfills];

    pub(super) fn row(self) -> &'static str {
        match self {
            Self::Claims => "claim",
            Self::Backfills => "backfill",
        }
    }
}
