//! How far a backfill is.

use serde::{Deserialize, Serialize};

use crate::ids::FileId;
use crate::list_position::ListPosition;

/// Where a backfill is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Which of the places is being read.
    pub(super) place: usize,
    /// The position in it.
    pub(super) position: ListPosition,
    /// The files of the last page, which the next one may repeat.
    pub(super) seen: Vec<FileId>,
}

/// How much a backfill has read and found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Pages read: one call to the portal each.
    pub pages: u64,
    /// Files read.
    pub files: u64,
    /// Files in the places whose reading has begun, when it began.
    pub total: u64,
    /// Files that a rule applies to.
    pub matched: u64,
    /// Those of them that their rules have handled before.
    pub handled: u64,
    /// Files that could not be decided, because the portal refused an answer.
    pub undecided: u64,
    /// Copies and moves planned, which share calls to the portal.
    pub transfers: u64,
    /// Actions planned that need a call to the portal each.
    pub writes: u64,
    /// Notifications and calls to pipelines planned.
    pub messages: u64,
}

impl Counts {
    /// Adds those of a page.
    pub fn add(&mut self, page: Counts) {
        self.pages += page.pages;
        self.files += page.files;
        self.total += page.total;
        self.matched += page.matched;
        self.handled += page.handled;
        self.undecided += page.undecided;
        self.transfers += page.transfers;
        self.writes += page.writes;
        self.messages += page.messages;
    }
}
