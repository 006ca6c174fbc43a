//! Why catching up failed.

use crate::db::StoreError;
use crate::docspace;

/// Why a run of catching up ended early.
#[derive(Debug, thiserror::Error)]
pub enum CatchUpError {
    /// A call to the portal failed.
    #[error("cannot ask the portal for undelivered events")]
    Portal(#[from] docspace::Error),
    /// The store failed.
    #[error("storing undelivered events")]
    Store(#[from] StoreError),
}
