//! Which channels have been out of use for so long that the operator must know.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use crate::notify::Channels;
use crate::rules::ChannelId;

/// How long a channel is out of use before that is reported; shorter outages resolve themselves.
const MIN_OUTAGE: SignedDuration = SignedDuration::from_mins(5);

/// Watches the channels of notifications and calls.
#[derive(Debug)]
pub(super) struct OutageWatch {
    channels: Channels,
    reported: HashSet<ChannelId>,
}

impl OutageWatch {
    pub(super) fn new(channels: Channels) -> Self {
        Self {
            channels,
            reported: HashSet::new(),
        }
    }

    /// The outages to report that were not reported before, as texts.
    pub(super) fn new_outages(&mut self, now: Timestamp) -> Vec<String> {
        let mut texts = Vec::new();
        for status in self.channels.statuses() {
            match status.outage {
                None => {
                    self.reported.remove(&status.id);
                }
                Some(outage) if now.duration_since(outage.since) < MIN_OUTAGE => {}
                Some(outage) => {
                    let text = format!("{}: {}", status.id, outage.reason);
                    if self.reported.insert(status.id) {
                        texts.push(text);
                    }
                }
            }
        }
        texts
    }

    /// Whether no channel is out of use that was reported.
    pub(super) fn all_resolved(&self) -> bool {
        self.reported.is_empty()
    }
}
