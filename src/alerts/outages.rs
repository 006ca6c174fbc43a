//! Which channels have been out of use for so long that the operator must know.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::notify::{ChannelStatus, Channels};

/// How long a channel is out of use before that is reported; shorter outages resolve themselves.
const MIN_OUTAGE: SignedDuration = SignedDuration::from_mins(5);

/// Watches the channels of notifications and calls.
#[derive(Debug)]
pub(super) struct OutageWatch {
    channels: Channels,
    /// The ids of the channels that were reported and have not recovered.
    pub(super) reported: BTreeSet<String>,
}

impl OutageWatch {
    pub(super) fn new(channels: Channels) -> Self {
        Self {
            channels,
            reported: BTreeSet::new(),
        }
    }

    /// Forgets the reported channels that have recovered or no longer exist.
    pub(super) fn forget_recovered(&mut self) {
        let down = self.channels.statuses().into_iter();
        let down = down.filter(|status| !status.has_recovered);
        let down: BTreeSet<String> = down.map(|status| status.id.to_string()).collect();
        self.reported.retain(|id| down.contains(id));
    }

    /// The outages to report that were not reported before, as texts.
    pub(super) fn new_outages(&mut self, now: Timestamp) -> Vec<String> {
        let mut texts = Vec::new();
        for ChannelStatus {
            id, name, outage, ..
        } in self.channels.statuses()
        {
            if let Some(outage) = outage
                && now.duration_since(outage.since) >= MIN_OUTAGE
                && self.reported.insert(id.to_string())
            {
                texts.push(format!("{name}: {}", outage.reason));
            }
        }
        texts
    }
}
