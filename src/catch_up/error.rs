//! Why catching up failed.

use crate::db::StoreError;
use crate::docspace;

/// Why a run of catching up ended early.
#[derive(Debug, thiserror::Error)]
pub enum CatchUpError {
    /// A call to the portal failed.
    #[error("cannot fetch undelivered events from the portal")]
    Portal(#[from] docspace::Error),
    /// The delivery log could not be read to its end. The next run reads the same time again.
    #[error(
        "the delivery log grows faster than it is read, or the portal returns the same page again"
    )]
    LogKeepsGrowing,
    /// The store failed.
    #[error("storing undelivered events")]
    Store(#[from] StoreError),
}
